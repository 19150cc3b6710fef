/// \file
/// wrap(): tensors over memory that is there already, without a copy.
///
/// What is given is taken, also if that fails: an owner is destroyed and a deleter
/// is called exactly once, on whichever thread ends the last use, or at once on an
/// error. An exception that leaves a deleter or a destructor ends the program; one that
/// leaves the move of an owner or of a deleter passes through.
#ifndef DLBRIDGE_WRAP_HPP_
#define DLBRIDGE_WRAP_HPP_

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "dlbridge/dlbridge.h"
#include "dlbridge/dtype.hpp"
#include "dlbridge/error.hpp"
#include "dlbridge/list.hpp"
#include "dlbridge/span.hpp"
#include "dlbridge/tensor.hpp"

#ifdef __cpp_lib_ranges
#include <ranges>
#endif

namespace dlbridge {
namespace detail {

template <class T, class = void>
inline constexpr bool is_container = false;
template <class T>
inline constexpr bool is_container<
    T, std::void_t<decltype(std::declval<T &>().size()), decltype(std::declval<T &>().data())>> =
    std::is_pointer_v<decltype(std::declval<T &>().data())>;

template <class T, class = void>
inline constexpr bool points_to_container = false;
template <class T>
inline constexpr bool points_to_container<T, std::void_t<decltype(*std::declval<T &>())>> =
    !std::is_pointer_v<T> && is_container<std::remove_reference_t<decltype(*std::declval<T &>())>>;

template <class T, class = void>
inline constexpr bool points_to_elements = false;
template <class T>
inline constexpr bool points_to_elements<T, std::void_t<decltype(std::declval<T &>().get())>> =
    std::is_pointer_v<decltype(std::declval<T &>().get())>;

/// Whether a container's elements belong to somebody else.
#ifdef __cpp_lib_ranges
template <class T>
inline constexpr bool borrows =
    std::ranges::enable_borrowed_range<T> || std::ranges::enable_view<T>;
#else
template <class T>
inline constexpr bool borrows = false;
template <class T>
inline constexpr bool borrows<span<T>> = true;
template <class Char>
inline constexpr bool borrows<std::basic_string_view<Char>> = true;
#endif

/// The elements of an owner; a count of -1 is not known.
template <class T>
struct Elements {
    T *first;
    std::int64_t count;
};

template <class Owner>
auto elements(Owner &owner) {
    if constexpr (is_container<Owner>)
        return Elements<std::remove_pointer_t<decltype(owner.data())>>{owner.data(),
                                                                       Index(owner.size())};
    else if constexpr (points_to_container<Owner>)
        return elements(*owner);
    else
        return Elements<std::remove_pointer_t<decltype(owner.get())>>{owner.get(), -1};
}

/// Calls what releases memory.
template <class T, class Deleter>
void release(Deleter &deleter, T *memory) {
    if constexpr (std::is_invocable_v<Deleter &, T *>)
        deleter(memory);
    else
        deleter();
}

/// Memory with what releases it.
template <class T, class Deleter>
class Released {
public:
    Released(T *memory, Deleter &deleter) : memory_(memory), deleter_(std::move(deleter)) {}
    Released(const Released &) = delete;
    ~Released() { detail::release(deleter_, memory_); }

private:
    T *memory_;
    Deleter deleter_;
};

/// An owner at an address that does not change: the context of dlbridge_wrap().
template <class Owner>
struct Kept {
    Owner owner;

    template <class... Parts>
    explicit Kept(Parts &&...parts) : owner(std::forward<Parts>(parts)...) {}

    template <class... Parts>
    static Expected<std::unique_ptr<Kept>> keep(Parts &&...parts) {
        if (auto *kept = new (std::nothrow) Kept(std::forward<Parts>(parts)...))
            return std::unique_ptr<Kept>(kept);
        return Error(DLBRIDGE_ERROR_MEMORY, "the memory to keep an owner could not be allocated");
    }

    static void release(void *kept) noexcept { delete static_cast<Kept *>(kept); }
};

/// Keeps a deleter with its memory. It is called at once if there is no memory to keep
/// it, or if its move throws, which leaves it as it was.
template <class T, class Deleter>
Expected<std::unique_ptr<Kept<Released<T, Deleter>>>> keep_deleter(T *memory, Deleter &deleter) {
    struct Pending {
        T *memory;
        Deleter &deleter;
        bool armed = true;

        ~Pending() {
            if (armed)
                detail::release(deleter, memory);
        }
    } pending{memory, deleter};
    auto kept = Kept<Released<T, Deleter>>::keep(memory, deleter);
    pending.armed = !kept;
    return kept;
}

template <class Owner>
Expected<Tensor> wrap(std::unique_ptr<Kept<Owner>> kept, const DLTensor &descriptor,
                      std::uint64_t flags) {
    void *context = kept.get();
    Expected<Tensor> tensor =
        Maker::make(dlbridge_wrap, &descriptor, flags, context, &Kept<Owner>::release);
    if (tensor)
        static_cast<void>(kept.release());
    return tensor;
}

/// The descriptor of elements on the host; shape and strides must outlive it.
template <class T>
DLTensor describe(T *first, Shape &shape, std::int64_t *strides) {
    DLTensor descriptor{};
    descriptor.data = const_cast<std::remove_const_t<T> *>(first);
    descriptor.device = {kDLCPU, 0};
    descriptor.ndim = shape.ndim();
    descriptor.dtype = dtype_of_v<T>;
    descriptor.shape = shape.data();
    descriptor.strides = strides;
    return descriptor;
}

template <class T>
inline constexpr std::uint64_t flags_of = std::is_const_v<T> ? DLPACK_FLAG_BITMASK_READ_ONLY : 0;

template <class T, class Deleter>
Expected<Tensor> wrap_memory(T *first, const Shape &shape, const Strides &strides,
                             Deleter &deleter) {
    auto kept = keep_deleter(first, deleter);
    if (!kept)
        return kept.error();
    if (strides.size() != 0 && strides.size() != shape.size())
        return Error(DLBRIDGE_ERROR_STRIDES,
                     Words("there are ", strides.size(),
                           " strides; there must be as many as extents: ", shape.size()));
    Shape extents = shape;
    Strides steps = strides;
    const DLTensor descriptor =
        describe(first, extents, steps.size() != 0 ? steps.data() : nullptr);
    return wrap(*std::move(kept), descriptor, flags_of<T>);
}

template <class Deleter>
Expected<Tensor> wrap_descriptor(const DLTensor &descriptor, std::uint64_t flags,
                                 Deleter &deleter) {
    auto kept = keep_deleter(descriptor.data, deleter);
    if (!kept)
        return kept.error();
    return wrap(*std::move(kept), descriptor, flags);
}

template <class Owner>
Expected<Tensor> wrap_owner(Owner &&owner, const Shape *wanted) {
    auto kept = Kept<Owner>::keep(std::move(owner));
    if (!kept)
        return kept.error();
    if constexpr (!is_container<Owner>)
        if (!(*kept)->owner)
            return Error(DLBRIDGE_ERROR_NULL, "the owner is empty; it must own elements");

    // Only now that the owner does not move any more: a std::array moves its elements.
    const auto [first, count] = elements((*kept)->owner);
    Shape shape = wanted != nullptr ? *wanted : Shape{count};
    const DLTensor descriptor = describe(first, shape, nullptr);
    std::int64_t described = 0;
    const dlbridge_status status = dlbridge_element_count(&descriptor, &described);
    if (status != DLBRIDGE_OK)
        return Error::last(status);
    if (count >= 0 && count != described)
        return Error(DLBRIDGE_ERROR_SIZE,
                     Words("the shape has ", described,
                           " elements; it must have as many as the owner: ", count));
    return wrap(*std::move(kept), descriptor, flags_of<std::remove_pointer_t<decltype(first)>>);
}

template <class Owner>
Expected<Tensor> take_owner(Owner &&owner, const Shape *shape) {
    using Kind = std::decay_t<Owner>;
    static_assert(is_container<Kind> || points_to_container<Kind> || points_to_elements<Kind>,
                  "an owner has data() and size(), or is a smart pointer to what has, or to the "
                  "elements; a std::vector<bool> has no elements in memory");
    static_assert(!borrows<Kind>, "this owns nothing: the elements belong to somebody else");
    static_assert(!is_container<Kind> || std::is_same_v<Owner, Kind>,
                  "give the container by std::move(), since a copy would copy the elements");
    return wrap_owner<Kind>(Kind(std::forward<Owner>(owner)), shape);
}

} // namespace detail

/// A tensor over the elements of an owner, without copying them.
///
/// The elements are read-only if data() or the pointer gives them as const.
/// \param owner anything with data() and size(), given by std::move() (a
///   std::vector, a std::string, an image class), or a smart pointer to such a
///   thing, or one to the elements themselves.
/// \param shape the extents, in C order; as many elements as the owner has, where
///   it says so.
/// \returns the tensor, or SIZE for another number of elements, NULL for an empty
///   pointer, or the errors of dlbridge_wrap().
template <class Owner>
Expected<Tensor> try_wrap(Owner &&owner, const Shape &shape) {
    return detail::take_owner(std::forward<Owner>(owner), &shape);
}

/// A tensor of one dimension over the elements of an owner: as
/// try_wrap(Owner &&, const Shape &), for owners that know how many they have.
template <class Owner>
Expected<Tensor> try_wrap(Owner &&owner) {
    static_assert(!detail::points_to_elements<std::decay_t<Owner>> ||
                      detail::points_to_container<std::decay_t<Owner>>,
                  "a pointer to elements does not say how many there are: give the shape too");
    return detail::take_owner(std::forward<Owner>(owner), nullptr);
}

/// A tensor over elements in memory on the host, which are read-only if const.
/// \param first the element at index 0 of all axes.
/// \param shape the extents, in C order.
/// \param deleter called as deleter(first), or as deleter() if it takes nothing.
/// \returns the tensor, or the errors of dlbridge_wrap().
template <class T, class Deleter>
Expected<Tensor> try_wrap(T *first, const Shape &shape, Deleter deleter) {
    return detail::wrap_memory(first, shape, Strides(), deleter);
}

/// A tensor over elements in memory on the host, which are read-only if const.
/// \param first the element at index 0 of all axes.
/// \param shape the extents.
/// \param strides in elements, one for each axis; none at all is C order.
/// \param deleter called as deleter(first), or as deleter() if it takes nothing.
/// \returns the tensor, or STRIDES if there are not as many as extents, or the
///   errors of dlbridge_wrap().
template <class T, class Deleter>
Expected<Tensor> try_wrap(T *first, const Shape &shape, const Strides &strides, Deleter deleter) {
    return detail::wrap_memory(first, shape, strides, deleter);
}

/// A tensor over whatever memory a descriptor says, on any device.
/// \param descriptor read, and not needed afterwards.
/// \param flags DLPACK_FLAG_BITMASK_ values.
/// \param deleter called as deleter(descriptor.data), or as deleter() if it takes
///   nothing.
/// \returns the tensor, or the errors of dlbridge_wrap().
template <class Deleter>
Expected<Tensor> try_wrap(const DLTensor &descriptor, std::uint64_t flags, Deleter deleter) {
    return detail::wrap_descriptor(descriptor, flags, deleter);
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// As try_wrap(Owner &&, const Shape &).
template <class Owner>
Tensor wrap(Owner &&owner, const Shape &shape) {
    return try_wrap(std::forward<Owner>(owner), shape).value();
}

/// As try_wrap(Owner &&).
template <class Owner>
Tensor wrap(Owner &&owner) {
    return try_wrap(std::forward<Owner>(owner)).value();
}

/// As try_wrap(T *, const Shape &, Deleter).
template <class T, class Deleter>
Tensor wrap(T *first, const Shape &shape, Deleter deleter) {
    return detail::wrap_memory(first, shape, Strides(), deleter).value();
}

/// As try_wrap(T *, const Shape &, const Strides &, Deleter).
template <class T, class Deleter>
Tensor wrap(T *first, const Shape &shape, const Strides &strides, Deleter deleter) {
    return detail::wrap_memory(first, shape, strides, deleter).value();
}

/// As try_wrap(const DLTensor &, std::uint64_t, Deleter).
template <class Deleter>
Tensor wrap(const DLTensor &descriptor, std::uint64_t flags, Deleter deleter) {
    return detail::wrap_descriptor(descriptor, flags, deleter).value();
}
#endif

} // namespace dlbridge

#endif // DLBRIDGE_WRAP_HPP_
