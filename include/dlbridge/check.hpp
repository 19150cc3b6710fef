/// \file
/// One-line checks of the tensors that a function receives.
#ifndef DLBRIDGE_CHECK_HPP_
#define DLBRIDGE_CHECK_HPP_

#include <cstdint>

#include "dlbridge/dlbridge.h"
#include "dlbridge/error.hpp"
#include "dlbridge/view.hpp"

namespace dlbridge {
namespace detail {

inline const DLTensor *dl_tensor(const TensorView &view) { return view.dl_tensor(); }
inline const DLTensor *dl_tensor(const DLTensor *tensor) { return tensor; }
inline const DLTensor *dl_tensor(const DLManagedTensorVersioned *tensor) {
    return tensor == nullptr ? nullptr : &tensor->dl_tensor;
}

} // namespace detail

/// Checks that a tensor is what a function needs: check(image, "f32[h, w, 3] c cpu").
/// \param tensor a Tensor or a TensorView.
/// \param spec in the language of dlbridge_check(), readonly and writable too.
/// \returns nothing, or the errors of dlbridge_check().
inline Expected<void> try_check(const TensorView &tensor, const char *spec) {
    if (!tensor)
        return detail::outcome(dlbridge_check(nullptr, spec));
    DLManagedTensorVersioned managed{}; // since only a managed tensor has flags
    managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    managed.flags = tensor.flags();
    managed.dl_tensor = *tensor.dl_tensor();
    return detail::outcome(dlbridge_check_managed(&managed, spec));
}

/// Checks what a C function was given: as check(TensorView(tensor), spec).
/// \param tensor a pointer of those that TensorView::try_from() takes.
/// \param spec in the language of dlbridge_check(), readonly and writable too.
/// \returns nothing, or the errors of dlbridge_check().
template <class Descriptor>
Expected<void> try_check(Descriptor *tensor, const char *spec) {
    const Expected<TensorView> view = TensorView::try_from(tensor);
    if (!view)
        return view.error();
    return try_check(*view, spec);
}

/// Checks several tensors at once; a name stands for the same extent in all of
/// them: check_all("source: f32[h, w], target: f32[h, w] c", source, target).
/// \param specs in the language of dlbridge_check_all(), which has no readonly and
///   writable.
/// \param tensors a TensorView, Tensor or pointer for each.
/// \returns nothing, or the errors of dlbridge_check_all().
template <class... Tensors>
Expected<void> try_check_all(const char *specs, const Tensors &...tensors) {
    const DLTensor *const list[] = {detail::dl_tensor(tensors)..., nullptr};
    return detail::outcome(
        dlbridge_check_all(static_cast<std::int32_t>(sizeof...(Tensors)), list, specs));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// As try_check().
template <class TensorOrPointer>
void check(const TensorOrPointer &tensor, const char *spec) {
    try_check(tensor, spec).value();
}

/// As try_check_all().
template <class... Tensors>
void check_all(const char *specs, const Tensors &...tensors) {
    try_check_all(specs, tensors...).value();
}
#endif

} // namespace dlbridge

#endif // DLBRIDGE_CHECK_HPP_
