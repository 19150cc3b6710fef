/// \file
/// Short lists, one entry an axis: shapes, strides, axes, and ranges of indices.
#ifndef DLBRIDGE_LIST_HPP_
#define DLBRIDGE_LIST_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

#include "dlbridge/dlbridge.h"
#include "dlbridge/span.hpp"

#ifdef __cpp_lib_ranges
#include <ranges>
#endif

namespace dlbridge {

/// An integer of any type. It lets braces hold extents of mixed types, as in
/// {vector.size(), 3}, which C++ else refuses as narrowing. One that int64_t
/// does not hold comes out negative, and is refused where it is used.
class Index {
public:
    /// Any integer but bool.
    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer> &&
                                                      !std::is_same_v<Integer, bool>>>
    constexpr Index(Integer value) noexcept : value_(static_cast<std::int64_t>(value)) {}

    /// The number as DLPack holds it.
    constexpr operator std::int64_t() const noexcept { return value_; }

private:
    std::int64_t value_;
};

/// Stands for a missing start or stop of a Range.
inline constexpr std::int64_t open = DLBRIDGE_OPEN;

/// Indices of an axis, with the meaning of Python's start:stop:step. Negative
/// positions count from the end; positions past an end stop there.
struct Range : dlbridge_range {
    /// All of the axis.
    constexpr Range() noexcept : Range(open, open) {}
    /// From first up to, but without, end; in steps of any number but 0.
    constexpr Range(Index first, Index end, Index by = 1) noexcept
        : dlbridge_range{first, end, by} {}
};
static_assert(sizeof(Range) == sizeof(dlbridge_range), "C functions take arrays of them");

/// A list with one entry for each axis, made from braces or from any container.
/// Of more than DLBRIDGE_MAX_NDIM entries it keeps only the number, with which
/// every function refuses it.
template <class T>
class List {
    using Item = std::conditional_t<std::is_integral_v<T>, Index, T>;
    template <class Items>
    using IsOther = std::enable_if_t<
        !std::is_base_of_v<List, Items> &&
        std::is_convertible_v<decltype(*std::begin(std::declval<const Items &>())), Item>>;

public:
    /// No entries: the shape of a single element.
    constexpr List() noexcept = default;

    /// From braces: {480, 640}.
    constexpr List(std::initializer_list<Item> items) noexcept { append(items); }

    /// From any container, view or array.
    template <class Items, class = IsOther<Items>>
    constexpr List(const Items &items) noexcept {
        append(items);
    }

    /// From count entries in memory; with count 0 first is ignored. A literal 0 is no
    /// pointer here, or {0, 2} would be two entries at address 0.
    template <class Pointer, class = std::enable_if_t<std::is_same_v<Pointer, T *> ||
                                                      std::is_same_v<Pointer, const T *>>>
    constexpr List(Pointer first, std::int32_t count) noexcept {
        for (std::int32_t i = 0; i < count; ++i)
            push(first[i]);
    }

    /// One more entry at the end.
    constexpr void push(Item item) noexcept {
        if (count_ < DLBRIDGE_MAX_NDIM)
            items_[count_] = static_cast<T>(item);
        if (count_ < std::numeric_limits<std::int32_t>::max())
            ++count_;
    }

    /// The number of entries.
    constexpr std::size_t size() const noexcept { return static_cast<std::size_t>(count_); }
    /// The number of entries, of the type that DLPack gives ndim.
    constexpr std::int32_t ndim() const noexcept { return count_; }
    /// The first entry.
    constexpr T *data() & noexcept { return items_; }
    /// \copydoc data
    constexpr const T *data() const & noexcept { return items_; }
    /// A list that ends here takes its entries along: name it first.
    void data() const && = delete;
    /// The first entry.
    constexpr const T *begin() const & noexcept { return items_; }
    /// \copydoc data() const &&
    void begin() const && = delete;
    /// Behind the last entry.
    constexpr const T *end() const & noexcept {
        return items_ + std::min(count_, std::int32_t{DLBRIDGE_MAX_NDIM});
    }
    /// \copydoc data() const &&
    void end() const && = delete;
    /// The entry of an axis, which must be there.
    constexpr const T &operator[](std::size_t axis) const & noexcept { return items_[axis]; }
    /// \copydoc operator[]
    constexpr T operator[](std::size_t axis) const && noexcept { return items_[axis]; }

    /// Whether all entries are equal.
    friend constexpr bool operator==(const List &a, const List &b) noexcept {
        bool equal = a.count_ == b.count_;
        for (const T *i = a.begin(), *j = b.begin(); equal && i != a.end(); ++i, ++j)
            equal = *i == *j;
        return equal;
    }
    /// Whether an entry differs.
    friend constexpr bool operator!=(const List &a, const List &b) noexcept { return !(a == b); }

private:
    template <class Items>
    constexpr void append(const Items &items) noexcept {
        for (const auto &item : items)
            push(item);
    }

    T items_[DLBRIDGE_MAX_NDIM] = {};
    std::int32_t count_ = 0;
};

/// The extents of a tensor where its descriptor has them: for as long as that stays as
/// it is. A Shape is a copy of them.
class Extents : public span<const std::int64_t> {
public:
    /// No extents: the shape of a single element.
    constexpr Extents() noexcept = default;
    /// Those of a descriptor.
    constexpr Extents(const std::int64_t *first, std::int32_t count) noexcept
        : span(first, static_cast<std::size_t>(count)) {}

    /// The number of extents, of the type that DLPack gives ndim.
    constexpr std::int32_t ndim() const noexcept { return static_cast<std::int32_t>(size()); }

    /// Whether all extents are equal.
    friend constexpr bool operator==(const Extents &a, const Extents &b) noexcept {
        bool equal = a.size() == b.size();
        for (std::size_t axis = 0; equal && axis != a.size(); ++axis)
            equal = a[axis] == b[axis];
        return equal;
    }
    /// Whether an extent differs.
    friend constexpr bool operator!=(const Extents &a, const Extents &b) noexcept {
        return !(a == b);
    }
};

/// Extents.
using Shape = List<std::int64_t>;
/// Distances from one index of an axis to the next, in elements as in DLPack.
using Strides = List<std::int64_t>;
/// Numbers of axes, from 0.
using Axes = List<std::int32_t>;
/// What to take of each leading axis; later ones stay whole.
using Ranges = List<Range>;

} // namespace dlbridge

#ifdef __cpp_lib_ranges
template <>
inline constexpr bool std::ranges::enable_borrowed_range<dlbridge::Extents> = true;
template <>
inline constexpr bool std::ranges::enable_view<dlbridge::Extents> = true;
#endif

#endif // DLBRIDGE_LIST_HPP_
