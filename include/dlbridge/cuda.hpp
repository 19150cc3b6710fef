/// \file
/// Memory of CUDA, and the order of its streams.
///
/// The driver is found at run time: without one, everything here fails with NO_CUDA
/// and the reason. No header of CUDA is needed; a stream is a CUstream or a
/// cudaStream_t. dlbridge.h says when the host waits (rarely), how long a stream must
/// exist, and what works during a capture.
///
///     auto image = dlbridge::cuda::empty<float>({480, 640}, dlbridge::cuda::gpu(0), stream);
///     dlbridge::cuda::copy_into(picture, image, stream);
#ifndef DLBRIDGE_CUDA_HPP_
#define DLBRIDGE_CUDA_HPP_

#include <cstdint>

#include "dlbridge/dlbridge.h"
#include "dlbridge/dtype.hpp"
#include "dlbridge/error.hpp"
#include "dlbridge/list.hpp"
#include "dlbridge/tensor.hpp"
#include "dlbridge/view.hpp"

namespace dlbridge {

/// Makes a stream wait for all that another has been given so far; the host does not
/// wait.
/// \param consumer the stream that waits.
/// \param producer the stream that is waited for.
/// \param device the one whose default streams are meant, where they are.
/// \returns nothing, or the errors of dlbridge_stream_wait().
inline Expected<void> try_stream_wait(void *consumer, void *producer, DLDevice device) {
    return detail::outcome(dlbridge_stream_wait(consumer, producer, device));
}

namespace cuda {

/// The GPU with this number.
constexpr DLDevice gpu(std::int32_t index) noexcept { return {kDLCUDA, index}; }

/// Host memory that GPUs reach.
inline constexpr DLDevice pinned = {kDLCUDAHost, 0};

/// Memory that moves between host and GPUs.
inline constexpr DLDevice managed = {kDLCUDAManaged, 0};

/// The number of GPUs that can be used, at least 1.
/// \returns it, or NO_CUDA with the reason.
inline Expected<std::int32_t> try_device_count() {
    std::int32_t count = 0;
    const dlbridge_status status = dlbridge_cuda_device_count(&count);
    if (status != DLBRIDGE_OK)
        return Error::last(status);
    return count;
}

/// The device of the memory at an address, which is not read.
/// \returns it, or the errors of dlbridge_cuda_pointer_device().
inline Expected<DLDevice> try_device_of(const void *pointer) {
    DLDevice device{};
    const dlbridge_status status = dlbridge_cuda_pointer_device(pointer, &device);
    if (status != DLBRIDGE_OK)
        return Error::last(status);
    return device;
}

/// Checks that the memory of a tensor is on the device that its descriptor says.
/// \returns nothing, or the errors of dlbridge_cuda_check().
inline Expected<void> try_check(const TensorView &tensor) {
    return detail::outcome(dlbridge_cuda_check(tensor.dl_tensor()));
}

/// Allocates a tensor in C order, whose elements are not initialised.
/// \param dtype any whose elements are whole bytes.
/// \param shape the extents.
/// \param device gpu(0), pinned, managed, or the host.
/// \param stream memory of a GPU comes and goes in its order.
/// \returns its owner, or the errors of dlbridge_cuda_empty().
inline Expected<Tensor> try_empty(DLDataType dtype, const Shape &shape, DLDevice device,
                                  void *stream) {
    return detail::Maker::make(dlbridge_cuda_empty, dtype, shape.ndim(), shape.data(), device,
                               stream);
}

/// As try_empty(DLDataType, const Shape &, DLDevice, void *), for elements of type T.
template <class T>
Expected<Tensor> try_empty(const Shape &shape, DLDevice device, void *stream) {
    return try_empty(dtype_of_v<T>, shape, device, stream);
}

/// A copy in C order in new memory.
/// \param source any strides; it stays until the stream is past the copy.
/// \param device where the copy goes: gpu(0), pinned, managed, or the host.
/// \param stream the copy is there for work on it.
/// \returns its owner, or the errors of dlbridge_cuda_copy().
inline Expected<Tensor> try_copy(const TensorView &source, DLDevice device, void *stream) {
    return detail::Maker::make(dlbridge_cuda_copy, source.dl_tensor(), device, stream);
}

/// Copies elements, for any strides on both sides, in the order of a stream.
/// \param source it stays until the stream is past the copy, as does the target.
/// \param target of the same shape and dtype; one of the two is in memory of CUDA.
/// \param stream the work is done on its GPU.
/// \returns nothing, or the errors of dlbridge_cuda_copy_into(); READ_ONLY if the
///   target is that.
inline Expected<void> try_copy_into(const TensorView &source, const TensorView &target,
                                    void *stream) {
    if (target.is_read_only())
        return Error(DLBRIDGE_ERROR_READ_ONLY, "target is read-only; it must be writable");
    return detail::outcome(dlbridge_cuda_copy_into(source.dl_tensor(), target.dl_tensor(), stream));
}

/// Blocks until all that a stream has been given so far is done.
/// \param stream the stream to wait for.
/// \param device the one whose default streams are meant.
/// \returns nothing, or the errors of dlbridge_cuda_synchronize().
inline Expected<void> try_synchronize(void *stream, DLDevice device) {
    return detail::outcome(dlbridge_cuda_synchronize(stream, device));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// As try_device_count().
inline std::int32_t device_count() { return try_device_count().value(); }
/// As try_device_of().
inline DLDevice device_of(const void *pointer) { return try_device_of(pointer).value(); }
/// As try_check().
inline void check(const TensorView &tensor) { try_check(tensor).value(); }
/// As try_empty(DLDataType, const Shape &, DLDevice, void *).
inline Tensor empty(DLDataType dtype, const Shape &shape, DLDevice device, void *stream) {
    return try_empty(dtype, shape, device, stream).value();
}
/// As try_empty(const Shape &, DLDevice, void *).
template <class T>
Tensor empty(const Shape &shape, DLDevice device, void *stream) {
    return try_empty<T>(shape, device, stream).value();
}
/// As try_copy().
inline Tensor copy(const TensorView &source, DLDevice device, void *stream) {
    return try_copy(source, device, stream).value();
}
/// As try_copy_into().
inline void copy_into(const TensorView &source, const TensorView &target, void *stream) {
    try_copy_into(source, target, stream).value();
}
/// As try_synchronize().
inline void synchronize(void *stream, DLDevice device) { try_synchronize(stream, device).value(); }
#endif

} // namespace cuda

#ifndef DLBRIDGE_NO_EXCEPTIONS
/// As try_stream_wait().
inline void stream_wait(void *consumer, void *producer, DLDevice device) {
    try_stream_wait(consumer, producer, device).value();
}
#endif

} // namespace dlbridge

#endif // DLBRIDGE_CUDA_HPP_
