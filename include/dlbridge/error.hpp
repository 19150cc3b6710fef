/// \file
/// Failures: Error is thrown, Expected is returned where exceptions are not wanted.
///
/// There is one scheme. Whatever can fail has a form that returns an Expected,
/// try_share(), and in code with exceptions a second form without the prefix,
/// share(), that returns the value or throws the Error. Under -fno-exceptions,
/// or with DLBRIDGE_NO_EXCEPTIONS defined, only the first form is there.
#ifndef DLBRIDGE_ERROR_HPP_
#define DLBRIDGE_ERROR_HPP_

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "dlbridge/dlbridge.h"

#if !defined(__cpp_exceptions) && !defined(DLBRIDGE_NO_EXCEPTIONS)
/// Leaves out all that throws: defined by the user, or here under -fno-exceptions.
#define DLBRIDGE_NO_EXCEPTIONS
#endif

namespace dlbridge {

namespace detail {

/// A text that its copies share, so that to copy it needs no memory.
class Sentence {
public:
    /// A copy of a text, or none if there is no memory for one.
    explicit Sentence(std::string_view text) noexcept {
        void *memory = std::malloc(sizeof(Shared) + text.size() + 1);
        if (memory == nullptr)
            return;
        shared_ = new (memory) Shared;
        text.copy(shared_->text(), text.size());
        shared_->text()[text.size()] = '\0';
    }
    Sentence(const Sentence &other) noexcept : shared_(other.shared_) {
        if (shared_ != nullptr)
            shared_->users.fetch_add(1, std::memory_order_relaxed);
    }
    Sentence &operator=(Sentence other) noexcept {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~Sentence() {
        if (shared_ != nullptr && shared_->users.fetch_sub(1, std::memory_order_acq_rel) == 1)
            std::free(shared_);
    }

    /// The text, NULL if there is none.
    const char *text() const noexcept { return shared_ == nullptr ? nullptr : shared_->text(); }

private:
    /// The text comes behind it.
    struct Shared {
        std::atomic<std::size_t> users{1};

        char *text() noexcept { return reinterpret_cast<char *>(this + 1); }
    };
    static_assert(std::is_trivially_destructible_v<Shared>, "it is freed as it is");

    Shared *shared_ = nullptr;
};

/// Parts of a sentence, texts and integers, side by side without an allocation. What has no
/// room is left out.
class Words {
public:
    template <class... Parts>
    explicit Words(const Parts &...parts) noexcept {
        (add(parts), ...);
    }

    operator std::string_view() const noexcept { return {text_, size_}; }

private:
    template <class Part>
    void add(const Part &part) noexcept {
        if constexpr (std::is_integral_v<Part>)
            size_ = static_cast<std::size_t>(
                std::to_chars(text_ + size_, text_ + sizeof text_, part).ptr - text_);
        else
            size_ += std::string_view(part).copy(text_ + size_, sizeof text_ - size_);
    }

    char text_[2 * DLBRIDGE_TEXT_SIZE * DLBRIDGE_MAX_NDIM / 8];
    std::size_t size_ = 0;
};

} // namespace detail

/// A failure: its status, and a sentence in what() that names the argument or
/// field, what it was and what it must be.
///
/// To make one or to copy one does not throw: one that has no memory for its sentence has
/// the status DLBRIDGE_ERROR_MEMORY, and a sentence that exists beforehand. So the functions
/// that return an Expected throw nothing, std::bad_alloc neither.
class Error : public std::runtime_error {
public:
    /// An error with one of the DLBRIDGE_ERROR_ codes.
    Error(dlbridge_status status, std::string_view sentence) noexcept
        : std::runtime_error(base_), sentence_(sentence),
          status_(sentence_.text() == nullptr ? DLBRIDGE_ERROR_MEMORY : status) {}

    /// The error behind a status that a C function just returned on this thread.
    static Error last(dlbridge_status status) noexcept { return {status, dlbridge_last_error()}; }

    /// One of the DLBRIDGE_ERROR_ codes.
    dlbridge_status status() const noexcept { return status_; }

    /// The sentence.
    const char *what() const noexcept override {
        return sentence_.text() == nullptr ? "no memory is left" : sentence_.text();
    }

private:
    /// Copies of it share its text, and so they cannot fail. It stays to the end: errors may
    /// be made as late.
    inline static const std::runtime_error &base_ = *new std::runtime_error("dlbridge::Error");

    detail::Sentence sentence_;
    dlbridge_status status_;
};
static_assert(std::is_nothrow_copy_constructible_v<Error>, "it is thrown");

/// A value, or the Error because of which there is none. T may be void.
template <class T>
class [[nodiscard]] Expected {
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    using Reference = std::add_lvalue_reference_t<T>;

public:
    /// With a value.
    Expected(Value value) : state_(std::move(value)) {}
    /// Without one.
    Expected(Error error) : state_(std::move(error)) {}

    /// Whether there is a value.
    explicit operator bool() const noexcept { return state_.index() == 0; }

    /// The error; there must be one, else the program ends.
    const Error &error() const & noexcept {
        if (const Error *error = std::get_if<Error>(&state_))
            return *error;
        end("dlbridge::Expected has a value and no error");
    }
    /// \copydoc error
    Error error() const && noexcept { return error(); }

    /// The value; there must be one, else the program ends with the sentence.
    Value &operator*() & noexcept { return *expect(*this); }
    /// \copydoc operator*
    const Value &operator*() const & noexcept { return *expect(*this); }
    /// The value itself, since a reference would outlive it.
    Value operator*() && noexcept { return std::move(*expect(*this)); }
    /// \copydoc operator*() &&
    void operator*() const && = delete;
    /// \copydoc operator*
    Value *operator->() & noexcept { return expect(*this); }
    /// \copydoc operator*
    const Value *operator->() const & noexcept { return expect(*this); }
    /// The value, if it owns nothing, as a view does.
    template <class Kind = Value, std::enable_if_t<std::is_trivially_destructible_v<Kind>, int> = 0>
    const Kind *operator->() const && noexcept {
        return expect(*this);
    }
    /// A value that ends here takes what it owns along: name the Expected first.
    template <class Kind = Value,
              std::enable_if_t<!std::is_trivially_destructible_v<Kind>, int> = 0>
    const Kind *operator->() const && = delete;

#ifndef DLBRIDGE_NO_EXCEPTIONS
    /// The value; throws the error if there is none.
    Reference value() & {
        raise();
        if constexpr (!std::is_void_v<T>)
            return **this;
    }
    /// \copydoc value
    T value() && {
        raise();
        if constexpr (!std::is_void_v<T>)
            return *std::move(*this);
    }
#endif

private:
    template <class Self>
    static auto expect(Self &self) noexcept {
        if (auto *value = std::get_if<0>(&self.state_))
            return value;
        end(std::get_if<Error>(&self.state_)->what());
    }

    [[noreturn]] static void end(const char *sentence) noexcept {
        std::fprintf(stderr, "%s\n", sentence);
        std::abort();
    }

#ifndef DLBRIDGE_NO_EXCEPTIONS
    void raise() const {
        if (!*this)
            throw error();
    }
#endif

    std::variant<Value, Error> state_;
};

namespace detail {

/// What a C function without an output came to.
inline Expected<void> outcome(dlbridge_status status) {
    if (status != DLBRIDGE_OK)
        return Error::last(status);
    return std::monostate();
}

} // namespace detail

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// Runs the body of a C function and gives the status of what it throws, since
/// nothing may unwind into C: that of an Error, MEMORY for std::bad_alloc, and
/// INTERNAL for anything else. dlbridge_last_error() has what the exception says.
template <class Body>
dlbridge_status guard(Body &&body) noexcept {
    try {
        std::forward<Body>(body)();
        return DLBRIDGE_OK;
    } catch (const Error &error) {
        return dlbridge_fail(error.status(), error.what());
    } catch (const std::bad_alloc &error) {
        return dlbridge_fail(DLBRIDGE_ERROR_MEMORY, error.what());
    } catch (const std::exception &error) {
        return dlbridge_fail(DLBRIDGE_ERROR_INTERNAL, error.what());
    } catch (...) {
        return dlbridge_fail(DLBRIDGE_ERROR_INTERNAL, "an exception that is no std::exception");
    }
}
#endif

} // namespace dlbridge

#endif // DLBRIDGE_ERROR_HPP_
