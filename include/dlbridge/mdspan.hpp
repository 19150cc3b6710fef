/// \file
/// dlbridge::mdspan: elements in any number of dimensions that somebody else
/// keeps alive.
///
/// It is std::mdspan where the standard library has that, else Kokkos's or CCCL's
/// where the compiler finds their headers, else a small one of this library.
/// A program may choose: define DLBRIDGE_MDSPAN as the namespace, after including
/// the header that fills it.
///
/// An element is view[i, j] from C++23 on, and view(i, j) before.
#ifndef DLBRIDGE_MDSPAN_HPP_
#define DLBRIDGE_MDSPAN_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#if defined(__has_include) && __has_include(<version>)
#include <version>
#endif

/// \def DLBRIDGE_MDSPAN
/// The namespace that dlbridge::mdspan comes from.
/// \def DLBRIDGE_MINIMAL_MDSPAN_
/// Defined where dlbridge::mdspan has layout_any alone.
#ifndef DLBRIDGE_MDSPAN
#if defined(__cpp_lib_mdspan)
#include <mdspan>
#define DLBRIDGE_MDSPAN std
#elif __has_include(<mdspan/mdspan.hpp>)
#include <mdspan/mdspan.hpp>
#define DLBRIDGE_MDSPAN Kokkos
#elif __has_include(<cuda/std/mdspan>)
#include <cuda/std/mdspan>
#define DLBRIDGE_MDSPAN cuda::std
#else
#include "dlbridge/minimal_mdspan.hpp"
#define DLBRIDGE_MDSPAN dlbridge::detail::minimal
#define DLBRIDGE_MINIMAL_MDSPAN_
#endif
#endif

namespace dlbridge {

/// A layout of mdspan for whatever strides a tensor has, in elements.
///
/// std::layout_stride is undefined unless strides are positive and each is at
/// least the next smaller one times its extent ([mdspan.layout.stride.cons]).
/// That leaves out flipped arrays (negative strides), broadcast ones (strides of
/// 0), sliding windows (elements that several indices reach), and even every
/// second column of three. Here a mapping counts from the lowest address, since
/// no offset that a layout gives may be negative.
struct layout_any {
    /// From indices to the distance from the lowest element, in elements.
    template <class Extents>
    class mapping {
    public:
        using extents_type = Extents;                                 ///< As in std::layout_stride.
        using index_type = typename Extents::index_type;              ///< As in std::layout_stride.
        using size_type = typename Extents::size_type;                ///< As in std::layout_stride.
        using rank_type = typename Extents::rank_type;                ///< As in std::layout_stride.
        using layout_type = layout_any;                               ///< As in std::layout_stride.
        using strides_type = std::array<index_type, Extents::rank()>; ///< One for each axis.

        /// No elements, unless the rank is 0.
        constexpr mapping() noexcept : mapping(Extents(), strides_type()) {}

        /// For elements that are all within reach of an index_type.
        constexpr mapping(const Extents &extents, const strides_type &strides) noexcept
            : extents_(extents), strides_(strides) {
            for (rank_type axis = 0; axis != Extents::rank(); ++axis)
                if (extents.extent(axis) == 0)
                    return;
            span_size_ = 1;
            for (rank_type axis = 0; axis != Extents::rank(); ++axis) {
                const index_type reach = (extents.extent(axis) - 1) * strides[axis];
                first_ -= std::min(reach, index_type{0});
                span_size_ += reach < 0 ? -reach : reach;
            }
        }

        /// The extents.
        constexpr const Extents &extents() const noexcept { return extents_; }
        /// The distance from one index of an axis to the next.
        constexpr index_type stride(rank_type axis) const noexcept { return strides_[axis]; }
        /// The strides of all axes.
        constexpr strides_type strides() const noexcept { return strides_; }
        /// The distance from the lowest element to that at index 0 of all axes.
        constexpr index_type first() const noexcept { return first_; }
        /// The distance from the lowest element to behind the highest.
        constexpr index_type required_span_size() const noexcept { return span_size_; }

        /// The distance from the lowest element to this one.
        template <class... Indices,
                  class = std::enable_if_t<(sizeof...(Indices) == Extents::rank() &&
                                            (... && std::is_convertible_v<Indices, index_type>))>>
        constexpr index_type operator()(Indices... indices) const noexcept {
            return offset(std::make_index_sequence<sizeof...(Indices)>(),
                          static_cast<index_type>(indices)...);
        }

        /// Two indices may meet.
        static constexpr bool is_always_unique() noexcept { return false; }
        /// There may be gaps.
        static constexpr bool is_always_exhaustive() noexcept { return false; }
        /// Each axis has a stride.
        static constexpr bool is_always_strided() noexcept { return true; }
        /// Not known, so false.
        static constexpr bool is_unique() noexcept { return false; }
        /// Not known, so false.
        static constexpr bool is_exhaustive() noexcept { return false; }
        /// Each axis has a stride.
        static constexpr bool is_strided() noexcept { return true; }

        /// Whether extents and strides are equal.
        friend constexpr bool operator==(const mapping &a, const mapping &b) noexcept {
            return a.extents_ == b.extents_ && a.strides_ == b.strides_;
        }
        /// Whether an extent or a stride differs.
        friend constexpr bool operator!=(const mapping &a, const mapping &b) noexcept {
            return !(a == b);
        }

    private:
        template <std::size_t... Axes, class... Indices>
        constexpr index_type offset(std::index_sequence<Axes...>,
                                    Indices... indices) const noexcept {
            return (first_ + ... + (indices * strides_[Axes]));
        }

        extents_type extents_;
        strides_type strides_;
        index_type first_ = 0;
        index_type span_size_ = 0;
    };
};

/// Extents of which none is fixed at compile time.
template <std::size_t Rank>
using dextents = DLBRIDGE_MDSPAN::dextents<std::int64_t, Rank>;

/// Elements of type T in Rank dimensions.
template <class T, std::size_t Rank, class Layout = layout_any>
using mdspan = DLBRIDGE_MDSPAN::mdspan<T, dextents<Rank>, Layout>;

namespace detail {

template <std::size_t Rank>
using Numbers = std::array<std::int64_t, Rank>;

/// Number by number: CCCL has another std::array.
template <std::size_t Rank>
dextents<Rank> make_extents(const Numbers<Rank> &extents) {
    return std::apply([](auto... numbers) { return dextents<Rank>(numbers...); }, extents);
}

/// Whether strides are as layout_stride demands. Axes that are never stepped along
/// get a stride of 1, which always is.
template <std::size_t Rank>
bool make_strides_unique(const Numbers<Rank> &extents, Numbers<Rank> &strides) {
    std::array<std::size_t, Rank> order{};
    for (std::size_t axis = 0; axis != Rank; ++axis) {
        order[axis] = axis;
        if (extents[axis] == 1)
            strides[axis] = 1;
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(strides[a], extents[a]) < std::pair(strides[b], extents[b]);
    });
    std::int64_t smaller = 0, reach = 1;
    for (const std::size_t axis : order) {
        // No product of stride and extent: only what is reached is known not to overflow.
        if (strides[axis] <= 0 || strides[axis] - smaller < reach)
            return false;
        smaller = strides[axis];
        reach = (extents[axis] - 1) * smaller;
    }
    return true;
}

/// The strides of C order.
template <std::size_t Rank>
Numbers<Rank> c_strides(const Numbers<Rank> &extents) {
    Numbers<Rank> strides{};
    std::int64_t stride = 1;
    for (std::size_t axis = Rank; axis-- != 0;) {
        strides[axis] = stride;
        stride *= std::max(extents[axis], std::int64_t{1});
    }
    return strides;
}

/// How mdspan finds the elements of a tensor, for each layout: map() has no value
/// where the layout does not fit, and wanted says what would.
template <class Layout>
struct Fit;

template <>
struct Fit<layout_any> {
    static constexpr const char *wanted = "it may have any strides";

    template <class View, std::size_t Rank>
    static std::optional<layout_any::mapping<dextents<Rank>>>
    map(const View &, const Numbers<Rank> &extents, const Numbers<Rank> &strides) {
        return layout_any::mapping<dextents<Rank>>(make_extents(extents), strides);
    }
};

#ifndef DLBRIDGE_MINIMAL_MDSPAN_

template <>
struct Fit<DLBRIDGE_MDSPAN::layout_right> {
    static constexpr const char *wanted = "it must be contiguous in C order";

    template <class View, std::size_t Rank>
    static std::optional<DLBRIDGE_MDSPAN::layout_right::mapping<dextents<Rank>>>
    map(const View &view, const Numbers<Rank> &extents, const Numbers<Rank> &) {
        if (!view.is_c_contiguous())
            return std::nullopt;
        return make_extents(extents);
    }
};

template <>
struct Fit<DLBRIDGE_MDSPAN::layout_left> {
    static constexpr const char *wanted = "it must be contiguous in Fortran order";

    template <class View, std::size_t Rank>
    static std::optional<DLBRIDGE_MDSPAN::layout_left::mapping<dextents<Rank>>>
    map(const View &view, const Numbers<Rank> &extents, const Numbers<Rank> &) {
        if (!view.is_f_contiguous())
            return std::nullopt;
        return make_extents(extents);
    }
};

template <>
struct Fit<DLBRIDGE_MDSPAN::layout_stride> {
    static constexpr const char *wanted =
        "for layout_stride its strides must be positive, and each at least the next smaller one "
        "times its extent; layout_any takes any strides";

    template <class View, std::size_t Rank>
    static std::optional<DLBRIDGE_MDSPAN::layout_stride::mapping<dextents<Rank>>>
    map(const View &view, const Numbers<Rank> &extents, Numbers<Rank> strides) {
        using Mapping = DLBRIDGE_MDSPAN::layout_stride::mapping<dextents<Rank>>;
        if (view.size() == 0)
            strides = c_strides(extents);
        else if (!make_strides_unique(extents, strides))
            return std::nullopt;
        std::decay_t<decltype(Mapping().strides())> numbers{};
        for (std::size_t axis = 0; axis != Rank; ++axis)
            numbers[axis] = strides[axis];
        return Mapping(make_extents(extents), numbers);
    }
};

#endif

/// The distance from the lowest element to that at index 0 of all axes.
template <class Mapping>
std::int64_t first(const Mapping &mapping) {
    if constexpr (std::is_same_v<typename Mapping::layout_type, layout_any>)
        return mapping.first();
    else
        return 0;
}

} // namespace detail
} // namespace dlbridge

#endif // DLBRIDGE_MDSPAN_HPP_
