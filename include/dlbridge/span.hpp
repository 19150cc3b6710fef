/// \file
/// dlbridge::span: std::span where the standard library has it, since C++20.
#ifndef DLBRIDGE_SPAN_HPP_
#define DLBRIDGE_SPAN_HPP_

#include <cstddef>
#include <type_traits>

#if defined(__has_include) && __has_include(<version>)
#include <version>
#endif

#ifdef __cpp_lib_span
#include <span>
#endif

namespace dlbridge {

#ifdef __cpp_lib_span

/// Elements side by side that somebody else keeps alive.
template <class T>
using span = std::span<T>;

#else

/// Elements side by side that somebody else keeps alive: what C++17 lacks of
/// std::span, under the same names.
template <class T>
class span {
public:
    using element_type = T;                 ///< As in std::span.
    using value_type = std::remove_cv_t<T>; ///< As in std::span.
    using size_type = std::size_t;          ///< As in std::span.
    using difference_type = std::ptrdiff_t; ///< As in std::span.
    using pointer = T *;                    ///< As in std::span.
    using reference = T &;                  ///< As in std::span.
    using iterator = T *;                   ///< As in std::span.

    /// No elements.
    constexpr span() noexcept = default;
    /// size elements from first on. A literal 0 is no pointer here, as in std::span.
    template <class U, class = std::enable_if_t<std::is_convertible_v<U (*)[], T (*)[]>>>
    constexpr span(U *first, std::size_t size) noexcept : first_(first), size_(size) {}
    /// The same elements, not to be changed.
    template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>>
    constexpr span(const span<U> &other) noexcept : span(other.data(), other.size()) {}

    /// The first element.
    constexpr T *data() const noexcept { return first_; }
    /// The number of elements.
    constexpr std::size_t size() const noexcept { return size_; }
    /// The bytes of all elements.
    constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
    /// Whether there are no elements.
    constexpr bool empty() const noexcept { return size_ == 0; }
    /// The first element.
    constexpr T *begin() const noexcept { return first_; }
    /// Behind the last element.
    constexpr T *end() const noexcept { return first_ + size_; }
    /// An element, which must be there.
    constexpr T &operator[](std::size_t index) const noexcept { return first_[index]; }

private:
    T *first_ = nullptr;
    std::size_t size_ = 0;
};

#endif

} // namespace dlbridge

#endif // DLBRIDGE_SPAN_HPP_
