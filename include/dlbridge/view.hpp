/// \file
/// TensorView: a tensor that somebody else keeps alive.
#ifndef DLBRIDGE_VIEW_HPP_
#define DLBRIDGE_VIEW_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "dlbridge/device.hpp"
#include "dlbridge/dlbridge.h"
#include "dlbridge/dtype.hpp"
#include "dlbridge/error.hpp"
#include "dlbridge/list.hpp"
#include "dlbridge/mdspan.hpp"
#include "dlbridge/span.hpp"

namespace dlbridge {

class Tensor;

/// A tensor that somebody else keeps alive, with its descriptor checked: the
/// fields are sound, and the elements are reached with their type, their bounds
/// and their read-only flag checked.
///
/// It is a pointer, and as cheap to copy; const on it says nothing about the
/// elements. The descriptor and the memory must stay as they are meanwhile.
///
/// Elements are read as `const T` and written to as `T`, which a read-only tensor
/// refuses. They must be on the host for all but data(); pinned and managed
/// memory is. A tensor without elements gives no address, whatever its data is.
///
/// Made by default it views nothing: it is false, and the functions that can fail
/// fail with NULL; the others must not be called then.
class TensorView {
public:
    /// Views nothing.
    TensorView() noexcept = default;

    /// A Tensor that ends here would leave the view without its elements.
    TensorView(const Tensor &&) = delete;
    /// \copydoc TensorView(const Tensor &&)
    template <class Owner, class = std::enable_if_t<std::is_same_v<Owner, Tensor>>>
    TensorView &operator=(const Owner &&) = delete;

    /// Checks the descriptor that a C function was given. A const one is read
    /// only.
    /// \returns a view, or the errors of dlbridge_validate().
    static Expected<TensorView> try_from(const DLTensor *tensor) {
        return checked(dlbridge_validate(tensor), tensor, DLPACK_FLAG_BITMASK_READ_ONLY);
    }
    /// \copydoc try_from
    static Expected<TensorView> try_from(DLTensor *tensor) {
        return checked(dlbridge_validate(tensor), tensor, 0);
    }
    /// Checks a managed tensor, which stays the caller's. A const one is read
    /// only, as is one with the flag.
    /// \returns a view, or the errors of dlbridge_validate_managed().
    static Expected<TensorView> try_from(const DLManagedTensorVersioned *tensor) {
        return checked_managed(tensor, DLPACK_FLAG_BITMASK_READ_ONLY);
    }
    /// \copydoc try_from(const DLManagedTensorVersioned *)
    static Expected<TensorView> try_from(DLManagedTensorVersioned *tensor) {
        return checked_managed(tensor, 0);
    }

    /// Whether it views a tensor.
    explicit operator bool() const noexcept { return tensor_ != nullptr; }
    /// The descriptor, for C functions; NULL if there is none.
    const DLTensor *dl_tensor() const noexcept { return tensor_; }
    /// The DLPACK_FLAG_BITMASK_ values that count for the view.
    std::uint64_t flags() const noexcept { return flags_; }

    /// The number of dimensions.
    std::int32_t ndim() const noexcept { return tensor_->ndim; }
    /// The extents, where the descriptor has them.
    Extents shape() const noexcept { return {tensor_->shape, ndim()}; }
    /// The strides in elements; those of C order where the descriptor has none, as
    /// DLPack before 1.2 allows.
    Strides strides() const noexcept;
    /// The element type.
    DLDataType dtype() const noexcept { return tensor_->dtype; }
    /// Where the memory is.
    DLDevice device() const noexcept { return tensor_->device; }

    /// The number of elements.
    std::int64_t size() const noexcept {
        std::int64_t count = 1;
        for (std::int32_t axis = 0; axis < ndim(); ++axis)
            count *= tensor_->shape[axis];
        return count;
    }
    /// The bytes that the elements take side by side. Those of parts of bytes are
    /// packed, unless the flag IS_SUBBYTE_TYPE_PADDED gives each whole ones.
    std::int64_t nbytes() const noexcept {
        const std::int64_t bits = std::int64_t{dtype().bits} * dtype().lanes;
        if ((flags_ & DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED) != 0)
            return size() * ((bits + 7) / 8);
        return size() / 8 * bits + (size() % 8 * bits + 7) / 8; // their bits may not fit
    }

    /// Whether the elements lie in C order without gaps; the stride of an extent
    /// of 1 does not matter.
    bool is_c_contiguous() const noexcept { return answer(dlbridge_is_c_contiguous); }
    /// Whether the elements lie in Fortran order without gaps; the stride of an
    /// extent of 1 does not matter.
    bool is_f_contiguous() const noexcept { return answer(dlbridge_is_f_contiguous); }
    /// Whether the elements must not be written to.
    bool is_read_only() const noexcept { return (flags_ & DLPACK_FLAG_BITMASK_READ_ONLY) != 0; }
    /// Whether the elements have the type T, const or not.
    template <class T>
    bool holds() const noexcept {
        return same(dtype(), dtype_of_v<T>);
    }

    /// The tensor in words: "float32 [480, 640] with strides [640, 1] on cpu".
    std::string describe() const { return Description(tensor_).text; }

    /// The address of the first element, with the byte offset added; NULL without
    /// elements. On devices whose data is a handle (OpenCL, Vulkan, Metal and so
    /// on) the sum means nothing.
    const void *data() const noexcept { return address(); }

    /// The address of the first element, on any device, for any strides.
    /// \returns it, or NULL without a tensor, DTYPE if the elements are no T,
    ///   READ_ONLY if they must not be written to, ALIGNMENT if the address is not
    ///   one that T may have.
    template <class T>
    Expected<T *> try_data() const;

    /// The elements of a tensor that is contiguous in C order.
    /// \returns them, or the errors of try_data(), DEVICE off the host, or LAYOUT
    ///   if they are not contiguous: Tensor::copy() makes them so.
    template <class T>
    Expected<dlbridge::span<T>> try_span() const;

    /// The elements by their indices, for any strides: negative, 0, overlapping.
    /// \tparam Rank the number of dimensions, which the tensor must have.
    /// \tparam Layout layout_any, or for speed or for functions that need them
    ///   the layout_right, layout_left and layout_stride of std.
    /// \returns them, or the errors of try_data(), DEVICE off the host, NDIM, or
    ///   LAYOUT if the strides are not of that layout.
    template <class T, std::size_t Rank, class Layout = layout_any>
    Expected<dlbridge::mdspan<T, Rank, Layout>> try_mdspan() const;

    /// One element, with every index checked: each call does all the checks.
    /// \param indices one for each axis, from 0.
    /// \returns its address, or the errors of try_data(), DEVICE off the host, or
    ///   INDEX if an index is out of range or there are too many or too few.
    template <class T, class... Indices>
    Expected<T *> try_at(Indices... indices) const;

    /// A copy of the elements in C order, in memory of its own.
    /// \returns it, or the errors of dlbridge_copy().
    Expected<Tensor> try_copy() const;

    /// Copies the elements over those of a target of the same shape and type.
    /// \returns nothing, or READ_ONLY if the target is, or the errors of
    ///   dlbridge_copy_into().
    Expected<void> try_copy_into(const TensorView &target) const {
        if (target && target.is_read_only())
            return target.refuse(DLBRIDGE_ERROR_READ_ONLY, "a target must not be read-only");
        return detail::outcome(dlbridge_copy_into(tensor_, target.tensor_));
    }

#ifndef DLBRIDGE_NO_EXCEPTIONS
    /// As try_from(), for the same pointers.
    template <class Descriptor>
    explicit TensorView(Descriptor *tensor) : TensorView(try_from(tensor).value()) {}
    /// As try_data().
    template <class T>
    T *data() const {
        return try_data<T>().value();
    }
    /// As try_span().
    template <class T>
    dlbridge::span<T> span() const {
        return try_span<T>().value();
    }
    /// As try_mdspan().
    template <class T, std::size_t Rank, class Layout = layout_any>
    dlbridge::mdspan<T, Rank, Layout> mdspan() const {
        return try_mdspan<T, Rank, Layout>().value();
    }
    /// As try_at(), and gives the element itself.
    template <class T, class... Indices>
    T &at(Indices... indices) const {
        return *try_at<T>(indices...).value();
    }
    /// As try_copy().
    Tensor copy() const;
    /// As try_copy_into().
    void copy_into(const TensorView &target) const { try_copy_into(target).value(); }
#endif

protected:
    /// Views a descriptor that is known to be sound.
    TensorView(const DLTensor *tensor, std::uint64_t flags) noexcept
        : tensor_(tensor), flags_(flags) {}

private:
    static Expected<TensorView> checked(dlbridge_status status, const DLTensor *tensor,
                                        std::uint64_t flags) {
        if (status != DLBRIDGE_OK)
            return Error::last(status);
        return TensorView(tensor, flags);
    }

    static Expected<TensorView> checked_managed(const DLManagedTensorVersioned *tensor,
                                                std::uint64_t flags) {
        const dlbridge_status status = dlbridge_validate_managed(tensor);
        if (status != DLBRIDGE_OK)
            return Error::last(status);
        return TensorView(&tensor->dl_tensor, tensor->flags | flags);
    }

    bool answer(dlbridge_status (*question)(const DLTensor *, bool *)) const noexcept {
        bool answer = false;
        question(tensor_, &answer); // cannot fail: the descriptor was checked
        return answer;
    }

    void *address() const noexcept {
        return size() == 0 ? nullptr : static_cast<char *>(tensor_->data) + tensor_->byte_offset;
    }

    template <class... Parts>
    Error refuse(dlbridge_status status, const Parts &...wanted) const noexcept {
        return {status,
                detail::Words("the tensor is ", Description(tensor_).text, "; ", wanted...)};
    }

    struct Description {
        explicit Description(const DLTensor *tensor) noexcept {
            dlbridge_describe(tensor, text, sizeof text);
        }

        char text[DLBRIDGE_TEXT_SIZE * DLBRIDGE_MAX_NDIM / 8] = "no tensor";
    };

    template <class T>
    Expected<T *> on_host() const {
        Expected<T *> first = try_data<T>();
        if (first && !is_host_accessible(device()))
            return refuse(DLBRIDGE_ERROR_DEVICE, "it must be on the host");
        return first;
    }

    const DLTensor *tensor_ = nullptr;
    std::uint64_t flags_ = 0;
};

inline Strides TensorView::strides() const noexcept {
    if (tensor_->strides != nullptr)
        return {tensor_->strides, ndim()};
    Strides strides = shape();
    std::int64_t stride = 1;
    for (std::int32_t axis = ndim() - 1; axis >= 0; --axis) {
        strides.data()[axis] = stride;
        stride *= std::max(tensor_->shape[axis], std::int64_t{1});
    }
    return strides;
}

template <class T>
Expected<T *> TensorView::try_data() const {
    constexpr DLDataType wanted = dtype_of_v<T>;
    static_assert(8 * sizeof(T) == unsigned{wanted.bits} * wanted.lanes,
                  "dlbridge::dtype_of<T> is not as wide as T");
    if (!*this)
        return Error(DLBRIDGE_ERROR_NULL, "there is no tensor; the view must be of one");
    if (!same(dtype(), wanted))
        return refuse(DLBRIDGE_ERROR_DTYPE, "its dtype must be ", detail::Name(wanted).text);
    if (!std::is_const_v<T> && is_read_only())
        return refuse(DLBRIDGE_ERROR_READ_ONLY, "it is read-only; its elements must be const");
    void *first = address();
    const auto beyond = reinterpret_cast<std::uintptr_t>(first) % alignof(T);
    if (beyond != 0)
        return refuse(DLBRIDGE_ERROR_ALIGNMENT, "it begins ", beyond,
                      " bytes behind a multiple of ", alignof(T), ", and must begin at one");
    return static_cast<T *>(first);
}

template <class T>
Expected<dlbridge::span<T>> TensorView::try_span() const {
    const Expected<T *> first = on_host<T>();
    if (!first)
        return first.error();
    if (!is_c_contiguous())
        return refuse(DLBRIDGE_ERROR_LAYOUT, "it must be contiguous in C order");
    return dlbridge::span<T>(*first, static_cast<std::size_t>(size()));
}

template <class T, std::size_t Rank, class Layout>
Expected<dlbridge::mdspan<T, Rank, Layout>> TensorView::try_mdspan() const {
    const Expected<T *> first = on_host<T>();
    if (!first)
        return first.error();
    if (shape().size() != Rank)
        return refuse(DLBRIDGE_ERROR_NDIM, "its dimensions must be ", Rank);
    detail::Numbers<Rank> extents{}, strides{};
    std::copy_n(shape().data(), Rank, extents.begin());
    const Strides given = this->strides();
    std::copy_n(given.data(), Rank, strides.begin());
    const auto mapping = detail::Fit<Layout>::map(*this, extents, strides);
    if (!mapping)
        return refuse(DLBRIDGE_ERROR_LAYOUT, detail::Fit<Layout>::wanted);
    return dlbridge::mdspan<T, Rank, Layout>(*first - detail::first(*mapping), *mapping);
}

template <class T, class... Indices>
Expected<T *> TensorView::try_at(Indices... indices) const {
    const Expected<T *> first = on_host<T>();
    if (!first)
        return first.error();
    const std::array<Index, sizeof...(Indices)> given = {Index(indices)...};
    if (given.size() != shape().size())
        return refuse(DLBRIDGE_ERROR_INDEX, "it must have as many indices as dimensions, not ",
                      given.size());
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis != given.size(); ++axis) {
        const std::int64_t index = given[axis], extent = tensor_->shape[axis];
        if (index < 0 || index >= extent)
            return refuse(DLBRIDGE_ERROR_INDEX, "index ", index, " of axis ", axis,
                          " must be 0 to ", extent - 1);
        offset = tensor_->strides != nullptr ? offset + index * tensor_->strides[axis]
                                             : offset * extent + index;
    }
    return *first + offset;
}

} // namespace dlbridge

#endif // DLBRIDGE_VIEW_HPP_
