/// \file
/// Tensor: an owner of a tensor.
#ifndef DLBRIDGE_TENSOR_HPP_
#define DLBRIDGE_TENSOR_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "dlbridge/dlbridge.h"
#include "dlbridge/error.hpp"
#include "dlbridge/list.hpp"
#include "dlbridge/view.hpp"

namespace dlbridge {

namespace detail {

struct ReleaseLegacy {
    void operator()(DLManagedTensor *tensor) const noexcept { dlbridge_release_legacy(tensor); }
};

/// What makes a Tensor of the output of a C function.
struct Maker;

/// An element of a tensor that has ended; used as its address would be.
template <class T>
struct Copied {
    std::remove_cv_t<T> value;

    std::remove_cv_t<T> operator*() const { return value; }
};

} // namespace detail

/// An owner of a tensor in the form before DLPack 1.0.
using LegacyTensor = std::unique_ptr<DLManagedTensor, detail::ReleaseLegacy>;

/// An owner of a tensor, to be moved and not copied; share() makes another one.
/// The memory is released once, after the last owner, on whichever thread that is.
///
/// It is a TensorView too, with the functions of that. As with std::shared_ptr,
/// const on it says nothing about the elements: share_read_only() does.
///
/// What is given to a Tensor is taken even if that fails, and then released at
/// once, so that no expression can leak it.
///
/// Moved from, it is false and owns nothing: it may be assigned to and destroyed,
/// and the functions that can fail fail with NULL.
class Tensor : public TensorView {
public:
    /// Owns nothing.
    Tensor() noexcept = default;
    /// Takes what the other owns.
    Tensor(Tensor &&other) noexcept { swap(other); }
    /// Releases what it owns and takes what the other owns.
    Tensor &operator=(Tensor &&other) noexcept {
        Tensor taken = std::move(other);
        swap(taken);
        return *this;
    }
    /// Gives up its share of the memory.
    ~Tensor() { dlbridge_release(managed_); }

    /// Exchanges what two tensors own.
    void swap(Tensor &other) noexcept {
        std::swap(static_cast<TensorView &>(*this), static_cast<TensorView &>(other));
        std::swap(managed_, other.managed_);
    }

    /// Takes over a tensor from anywhere, after checking all of it.
    /// \param tensor taken, and released if this fails; its deleter may be NULL.
    /// \returns its new owner, or the errors of dlbridge_import().
    static Expected<Tensor> try_adopt(DLManagedTensorVersioned *tensor);

    /// Takes over a tensor in the form before DLPack 1.0.
    /// \param tensor taken, and released if this fails; its deleter may be NULL.
    /// \param flags what that form cannot say: DLPACK_FLAG_BITMASK_ values. Where
    ///   nobody says that the memory may be written to, READ_ONLY is the safe
    ///   answer.
    /// \returns its new owner, or the errors of dlbridge_import_legacy().
    static Expected<Tensor> try_adopt(DLManagedTensor *tensor, std::uint64_t flags);

    /// Gives the tensor up: whoever gets it calls its deleter, once.
    [[nodiscard]] DLManagedTensorVersioned *release() noexcept {
        static_cast<TensorView &>(*this) = TensorView();
        return std::exchange(managed_, nullptr);
    }

    /// Gives the tensor up in the form before DLPack 1.0.
    /// \returns it, or the errors of dlbridge_export_legacy(), with which this
    ///   goes on owning the tensor: READ_ONLY among them, since that form cannot
    ///   say so.
    Expected<LegacyTensor> try_to_legacy() && {
        DLManagedTensor *legacy = nullptr;
        const dlbridge_status status = dlbridge_export_legacy(managed_, &legacy);
        if (status != DLBRIDGE_OK)
            return Error::last(status);
        static_cast<void>(release());
        return LegacyTensor(legacy);
    }

    /// The managed tensor, which this goes on owning.
    DLManagedTensorVersioned *get() & noexcept { return managed_; }
    /// \copydoc get
    const DLManagedTensorVersioned *get() const & noexcept { return managed_; }

    /// A view, for as long as the memory has an owner and this one stays where it is.
    TensorView view() const & noexcept { return *this; }

    /// As TensorView::dl_tensor().
    const DLTensor *dl_tensor() const & noexcept { return TensorView::dl_tensor(); }
    /// As TensorView::shape().
    Extents shape() const & noexcept { return TensorView::shape(); }
    /// As TensorView::try_data().
    template <class T>
    Expected<T *> try_data() const & {
        return TensorView::try_data<T>();
    }
    /// As TensorView::try_span().
    template <class T>
    Expected<dlbridge::span<T>> try_span() const & {
        return TensorView::try_span<T>();
    }
    /// As TensorView::try_mdspan().
    template <class T, std::size_t Rank, class Layout = layout_any>
    Expected<dlbridge::mdspan<T, Rank, Layout>> try_mdspan() const & {
        return TensorView::try_mdspan<T, Rank, Layout>();
    }
    /// As TensorView::try_at().
    template <class T, class... Indices>
    Expected<T *> try_at(Indices... indices) const & {
        return TensorView::try_at<T>(indices...);
    }

    /// An owner that ends here might take the elements and the descriptor along: name
    /// it first.
    void get() const && = delete;
    /// \copydoc get() const &&
    void view() const && = delete;
    /// \copydoc get() const &&
    void dl_tensor() const && = delete;
    /// \copydoc get() const &&
    template <class T>
    void try_data() const && = delete;
    /// \copydoc get() const &&
    template <class T>
    void try_span() const && = delete;
    /// \copydoc get() const &&
    template <class T, std::size_t Rank, class Layout = layout_any>
    void try_mdspan() const && = delete;
    /// A copy of the extents, since the owner ends here.
    Shape shape() const && noexcept { return TensorView::shape(); }
    /// One element, as TensorView::try_at() finds it, but copied, since the owner ends
    /// here.
    template <class T, class... Indices>
    Expected<detail::Copied<T>> try_at(Indices... indices) const && {
        const Expected<const T *> element = TensorView::try_at<const T>(indices...);
        if (!element)
            return element.error();
        return detail::Copied<T>{**element};
    }

    /// A further owner.
    /// \returns it, or the errors of dlbridge_share().
    Expected<Tensor> try_share() const;
    /// A further owner that must not write.
    /// \returns it, or the errors of dlbridge_share().
    Expected<Tensor> try_share_read_only() const;

    /// Part of the tensor, without a copy: {{0, 10}, {}, {open, open, -1}}.
    /// \param ranges one for each leading axis; later axes stay whole.
    /// \returns a further owner, or the errors of dlbridge_slice().
    Expected<Tensor> try_slice(const Ranges &ranges) const;
    /// The part at one index of an axis, without that axis and without a copy.
    /// \param axis from 0.
    /// \param index negative counts from the end.
    /// \returns a further owner, or the errors of dlbridge_select().
    Expected<Tensor> try_select(std::int32_t axis, std::int64_t index) const;
    /// The axes in another order, without a copy.
    /// \param axes each once, from 0: axis i of the result is axes[i].
    /// \returns a further owner, or the errors of dlbridge_permute().
    Expected<Tensor> try_permute(const Axes &axes) const;
    /// The elements in C order under another shape, if that needs no copy.
    /// \param shape one extent may be -1, for what the others leave.
    /// \returns a further owner, or the errors of dlbridge_reshape(): LAYOUT if
    ///   only a copy() could have that shape.
    Expected<Tensor> try_reshape(const Shape &shape) const;
    /// The tensor repeated to a larger shape, without a copy, by NumPy's
    /// broadcasting rules. It is read-only if elements are repeated.
    /// \returns a further owner, or the errors of dlbridge_expand().
    Expected<Tensor> try_expand(const Shape &shape) const;

#ifndef DLBRIDGE_NO_EXCEPTIONS
    /// The address of the first element: not to be used after the last owner has ended.
    const void *data() const noexcept { return TensorView::data(); }
    /// As TensorView::data().
    template <class T>
    T *data() const & {
        return TensorView::data<T>();
    }
    /// As TensorView::span().
    template <class T>
    dlbridge::span<T> span() const & {
        return TensorView::span<T>();
    }
    /// As TensorView::mdspan().
    template <class T, std::size_t Rank, class Layout = layout_any>
    dlbridge::mdspan<T, Rank, Layout> mdspan() const & {
        return TensorView::mdspan<T, Rank, Layout>();
    }
    /// As TensorView::at().
    template <class T, class... Indices>
    T &at(Indices... indices) const & {
        return TensorView::at<T>(indices...);
    }
    /// \copydoc get() const &&
    template <class T>
    void data() const && = delete;
    /// \copydoc get() const &&
    template <class T>
    void span() const && = delete;
    /// \copydoc get() const &&
    template <class T, std::size_t Rank, class Layout = layout_any>
    void mdspan() const && = delete;
    /// As try_at(), and gives the element itself.
    template <class T, class... Indices>
    std::remove_cv_t<T> at(Indices... indices) const && {
        return TensorView::at<const T>(indices...);
    }
    /// As try_adopt(DLManagedTensorVersioned *).
    static Tensor adopt(DLManagedTensorVersioned *tensor) { return try_adopt(tensor).value(); }
    /// As try_adopt(DLManagedTensor *, std::uint64_t).
    static Tensor adopt(DLManagedTensor *tensor, std::uint64_t flags) {
        return try_adopt(tensor, flags).value();
    }
    /// As try_to_legacy().
    LegacyTensor to_legacy() && { return std::move(*this).try_to_legacy().value(); }
    /// As try_share().
    Tensor share() const { return try_share().value(); }
    /// As try_share_read_only().
    Tensor share_read_only() const { return try_share_read_only().value(); }
    /// As try_slice().
    Tensor slice(const Ranges &ranges) const { return try_slice(ranges).value(); }
    /// As try_select().
    Tensor select(std::int32_t axis, std::int64_t index) const {
        return try_select(axis, index).value();
    }
    /// As try_permute().
    Tensor permute(const Axes &axes) const { return try_permute(axes).value(); }
    /// As try_reshape().
    Tensor reshape(const Shape &shape) const { return try_reshape(shape).value(); }
    /// As try_expand().
    Tensor expand(const Shape &shape) const { return try_expand(shape).value(); }
#endif

private:
    friend detail::Maker;

    explicit Tensor(DLManagedTensorVersioned *made_here) noexcept
        : TensorView(&made_here->dl_tensor, made_here->flags), managed_(made_here) {}

    DLManagedTensorVersioned *managed_ = nullptr;
};

namespace detail {

struct Maker {
    template <class Function, class... Inputs>
    static Expected<Tensor> make(Function *function, const Inputs &...inputs) {
        DLManagedTensorVersioned *made = nullptr;
        const dlbridge_status status = function(inputs..., &made);
        if (status != DLBRIDGE_OK)
            return Error::last(status);
        return Tensor(made);
    }
};

} // namespace detail

inline Expected<Tensor> Tensor::try_adopt(DLManagedTensorVersioned *tensor) {
    Expected<Tensor> adopted = detail::Maker::make(dlbridge_import, tensor);
    if (!adopted)
        dlbridge_release(tensor);
    return adopted;
}

inline Expected<Tensor> Tensor::try_adopt(DLManagedTensor *tensor, std::uint64_t flags) {
    Expected<Tensor> adopted = detail::Maker::make(dlbridge_import_legacy, tensor, flags);
    if (!adopted)
        dlbridge_release_legacy(tensor);
    return adopted;
}

inline Expected<Tensor> Tensor::try_share() const {
    return detail::Maker::make(dlbridge_share, get(), std::uint64_t{0});
}

inline Expected<Tensor> Tensor::try_share_read_only() const {
    return detail::Maker::make(dlbridge_share, get(), DLPACK_FLAG_BITMASK_READ_ONLY);
}

inline Expected<Tensor> Tensor::try_slice(const Ranges &ranges) const {
    return detail::Maker::make(dlbridge_slice, get(), ranges.ndim(), ranges.data());
}

inline Expected<Tensor> Tensor::try_select(std::int32_t axis, std::int64_t index) const {
    return detail::Maker::make(dlbridge_select, get(), axis, index);
}

inline Expected<Tensor> Tensor::try_permute(const Axes &axes) const {
    return detail::Maker::make(dlbridge_permute, get(), axes.ndim(), axes.data());
}

inline Expected<Tensor> Tensor::try_reshape(const Shape &shape) const {
    return detail::Maker::make(dlbridge_reshape, get(), shape.ndim(), shape.data());
}

inline Expected<Tensor> Tensor::try_expand(const Shape &shape) const {
    return detail::Maker::make(dlbridge_expand, get(), shape.ndim(), shape.data());
}

inline Expected<Tensor> TensorView::try_copy() const {
    return detail::Maker::make(dlbridge_copy, dl_tensor());
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
inline Tensor TensorView::copy() const { return try_copy().value(); }
#endif

/// Allocates a tensor on the host, in C order. The elements are not initialised;
/// the first lies at a multiple of DLBRIDGE_ALIGNMENT bytes.
/// \returns its owner, or the errors of dlbridge_empty().
inline Expected<Tensor> try_empty(DLDataType dtype, const Shape &shape) {
    return detail::Maker::make(dlbridge_empty, dtype, shape.ndim(), shape.data());
}

/// As try_empty(DLDataType, const Shape &), for elements of type T.
template <class T>
Expected<Tensor> try_empty(const Shape &shape) {
    return try_empty(dtype_of_v<T>, shape);
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// As try_empty(DLDataType, const Shape &).
inline Tensor empty(DLDataType dtype, const Shape &shape) {
    return try_empty(dtype, shape).value();
}

/// As try_empty(const Shape &): empty<float>({480, 640}).
template <class T>
Tensor empty(const Shape &shape) {
    return try_empty<T>(shape).value();
}
#endif

} // namespace dlbridge

#endif // DLBRIDGE_TENSOR_HPP_
