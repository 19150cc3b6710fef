/// \file
/// What dlbridge::mdspan is made of where no std::mdspan is found: as much of it
/// as layout_any and its users need, under the same names.
#ifndef DLBRIDGE_MINIMAL_MDSPAN_HPP_
#define DLBRIDGE_MINIMAL_MDSPAN_HPP_

#include <array>
#include <cstddef>
#include <type_traits>

namespace dlbridge::detail::minimal {

/// As std::dextents.
template <class Index, std::size_t Rank>
class dextents {
public:
    using index_type = Index;                           ///< As in std::extents.
    using size_type = std::make_unsigned_t<index_type>; ///< As in std::extents.
    using rank_type = std::size_t;                      ///< As in std::extents.

    /// No elements, unless Rank is 0.
    constexpr dextents() noexcept = default;
    /// With these extents.
    template <class... Indices, class = std::enable_if_t<(sizeof...(Indices) == Rank && Rank > 0)>>
    constexpr explicit dextents(Indices... extents) noexcept
        : extents_{static_cast<index_type>(extents)...} {}

    /// The number of dimensions.
    static constexpr rank_type rank() noexcept { return Rank; }
    /// The number of indices of an axis.
    constexpr index_type extent(rank_type axis) const noexcept { return extents_[axis]; }

    /// Whether all extents are equal.
    friend constexpr bool operator==(const dextents &a, const dextents &b) noexcept {
        return a.extents_ == b.extents_;
    }

private:
    std::array<index_type, Rank> extents_ = {};
};

/// As std::mdspan; elements are reached by view(i, j), from C++23 on by
/// view[i, j] as well.
template <class T, class Extents, class Layout>
class mdspan {
public:
    using extents_type = Extents;                                    ///< As in std::mdspan.
    using layout_type = Layout;                                      ///< As in std::mdspan.
    using mapping_type = typename Layout::template mapping<Extents>; ///< As in std::mdspan.
    using element_type = T;                                          ///< As in std::mdspan.
    using value_type = std::remove_cv_t<T>;                          ///< As in std::mdspan.
    using index_type = typename Extents::index_type;                 ///< As in std::mdspan.
    using size_type = typename Extents::size_type;                   ///< As in std::mdspan.
    using rank_type = typename Extents::rank_type;                   ///< As in std::mdspan.
    using data_handle_type = T *;                                    ///< As in std::mdspan.
    using reference = T &;                                           ///< As in std::mdspan.

    /// No elements, unless the rank is 0.
    constexpr mdspan() noexcept = default;
    /// The elements that the mapping finds from lowest on.
    constexpr mdspan(T *lowest, const mapping_type &mapping) noexcept
        : lowest_(lowest), mapping_(mapping) {}

    /// The number of dimensions.
    static constexpr rank_type rank() noexcept { return Extents::rank(); }
    /// The number of indices of an axis.
    constexpr index_type extent(rank_type axis) const noexcept { return extents().extent(axis); }
    /// The distance from one index of an axis to the next, in elements.
    constexpr index_type stride(rank_type axis) const noexcept { return mapping_.stride(axis); }
    /// The extents.
    constexpr const extents_type &extents() const noexcept { return mapping_.extents(); }
    /// Where an element is.
    constexpr const mapping_type &mapping() const noexcept { return mapping_; }
    /// The element at the lowest address.
    constexpr data_handle_type data_handle() const noexcept { return lowest_; }

    /// The number of elements.
    constexpr size_type size() const noexcept {
        size_type size = 1;
        for (rank_type axis = 0; axis != rank(); ++axis)
            size *= static_cast<size_type>(extent(axis));
        return size;
    }
    /// Whether there are no elements.
    constexpr bool empty() const noexcept { return size() == 0; }

    /// An element, which must be there.
    template <class... Indices>
    constexpr reference operator()(Indices... indices) const noexcept {
        return lowest_[mapping_(indices...)];
    }
#ifdef __cpp_multidimensional_subscript
    /// An element, which must be there.
    template <class... Indices>
    constexpr reference operator[](Indices... indices) const noexcept {
        return (*this)(indices...);
    }
#endif

private:
    T *lowest_ = nullptr;
    mapping_type mapping_;
};

} // namespace dlbridge::detail::minimal

#endif // DLBRIDGE_MINIMAL_MDSPAN_HPP_
