//! Memory of CUDA, and the order of its streams.

use std::ffi::c_void;

use super::argument::{Output, list, tensor};
use super::status::{dlbridge_status, guard};
use crate::abi::{DLDataType, DLDevice, DLManagedTensorVersioned, DLTensor};
use crate::cuda::{self, Stream};
use crate::device::Device;
use crate::dtype::DType;

/// The number of GPUs that CUDA can use here.
///
/// The driver is looked for at the first call of a function of this section; the
/// library needs none to load and to work. A stream is a CUstream or cudaStream_t
/// of the primary context, the one of the CUDA runtime: NULL and 1 are the legacy
/// default stream, 2 the calling thread's own default stream. It must exist until
/// what was put on it is done. Work is put on the stream that is passed, and the
/// host does not wait, unless a function says so.
///
/// out: at least 1.
/// Errors: NO_CUDA, with the reason: no driver, one older than CUDA 11.4, one that
///   does not start, no GPU. CUDA, here and below, for an error of the driver, with
///   its name. NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_device_count(out: *mut i32) -> dlbridge_status {
    // SAFETY: the pointer is as the header demands.
    guard(|| unsafe { Output::new(out, "out")?.set(cuda::device_count()?) })
}

/// Allocates a tensor in C order without gaps. The elements are not initialised.
///
/// dtype: any whose elements are whole bytes.
/// ndim, shape: the extents; with ndim 0 shape is ignored.
/// device: kDLCUDA with the number of a GPU: memory of its current pool. kDLCUDAHost:
///   pinned memory of the host, which GPUs reach. kDLCUDAManaged: memory that moves
///   between host and GPUs. For these two the number says in which context to
///   allocate; the tensor has device_id 0. kDLCPU: as dlbridge_empty().
/// stream: memory of a GPU is there for work on this stream, for other streams after
///   dlbridge_stream_wait(). It is not used for other memory.
/// out: the caller owns the tensor.
/// Errors: DTYPE, NDIM, SHAPE, SIZE, NULL, MEMORY; DEVICE for other kinds of device,
///   a GPU that does not exist, or a stream of another GPU; ARGUMENT for a stream
///   that is not of the primary context; NO_CUDA, CUDA.
/// Lifetime: the last owner's release gives memory of a GPU back in the order of the
///   same stream (that of kDLCUDA from stream 2: of the legacy stream, which waits for
///   it), without waiting. So the stream must exist until then, and whoever works on
///   another stream calls dlbridge_stream_wait(stream, other, device) first. The
///   release of pinned and managed memory may wait for the GPU.
/// Capture: memory of a GPU becomes part of the graph.
/// Threads: any; the release too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_empty(
    dtype: DLDataType,
    ndim: i32,
    shape: *const i64,
    device: DLDevice,
    stream: *mut c_void,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let shape = list(shape, ndim, "shape")?;
        let (dtype, device) = (DType::new(dtype)?, Device::new(device)?);
        out.set(cuda::empty(dtype, shape, device, Stream::from_raw(stream))?.into_raw())
    })
}

/// The device of the memory at an address, as CUDA knows it.
///
/// pointer: any address; it is not read.
/// out: kDLCUDA with the number of the GPU; kDLCUDAHost for memory of the host that
///   CUDA allocated or that was registered with it; kDLCUDAManaged; kDLCPU for all
///   else.
/// Errors: NULL for out, NO_CUDA, CUDA.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_pointer_device(
    pointer: *const c_void,
    out: *mut DLDevice,
) -> dlbridge_status {
    // SAFETY: the output is as the header demands.
    guard(|| unsafe { Output::new(out, "out")?.set(cuda::device_of(pointer)?.raw()) })
}

/// Checks that the memory of a tensor is on the device that its descriptor says:
/// the first byte of the elements and the last. dlbridge_wrap() makes tensors of
/// pointers on any device; this finds out whether the pointer is good.
///
/// tensor: borrowed; on the host or on a device of CUDA. Pinned and managed memory
///   counts as memory of the host too, managed memory as that of any GPU.
/// Errors: DEVICE if it is elsewhere, or on another kind of device; those of
///   dlbridge_validate(); NO_CUDA, CUDA, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_check(tensor: *const DLTensor) -> dlbridge_status {
    // SAFETY: the pointer is as the header demands.
    guard(|| unsafe { cuda::check(&self::tensor(tensor, "tensor")?) })
}

/// A copy of the elements in C order in new memory, as dlbridge_cuda_empty() and
/// dlbridge_cuda_copy_into() make it.
///
/// source: borrowed, until the stream is past the copy; any strides.
/// device: where the copy goes: kDLCUDA, kDLCUDAHost, kDLCUDAManaged, or kDLCPU.
/// stream: the copy is there for work on this stream; for the host after
///   dlbridge_cuda_synchronize(), or at once if it is on kDLCPU.
/// out: the caller owns it, alone: it has the flag IS_COPIED.
/// Errors: those of the two.
/// Threads: nobody may write to the source meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_copy(
    source: *const DLTensor,
    device: DLDevice,
    stream: *mut c_void,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let (source, device) = (tensor(source, "source")?, Device::new(device)?);
        out.set(cuda::copy_to(source, device, Stream::from_raw(stream))?.into_raw())
    })
}

/// Copies elements between tensors, for any strides on both sides, in the order of
/// a stream. One of the two is in memory of CUDA; without, use dlbridge_copy_into().
///
/// source, target: borrowed, until the stream is past the copy. Same shape and dtype.
/// stream: the work is done on its GPU; for default streams that is the target's,
///   else the source's, else number 0.
/// Waiting: none, except for memory of the host that is neither pinned nor managed:
///   copies to it return when they are done (while captured, at once), copies from it
///   perhaps when it has been read. If such memory has gaps, and rows of less than 64 bytes, it is packed
///   or unpacked on the host, in temporary memory as large as the elements.
/// Temporary memory: as large as the elements, on the stream's GPU, where layouts
///   differ and one side is such memory of the host, or another GPU.
/// Capture: works, except that nothing can be packed on the host (LAYOUT).
/// Errors, with nothing written: SHAPE or DTYPE if the two differ or elements are
///   parts of bytes; OVERLAP as dlbridge_copy_into(); DEVICE if neither is in memory
///   of CUDA, one is on another kind of device, or the stream is on a third GPU;
///   LAYOUT; ARGUMENT for a stream that is not of the primary context; those of
///   dlbridge_validate(); NULL, NO_CUDA. MEMORY and CUDA, perhaps after a part.
/// Threads: nobody may write to the source or use the target meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_copy_into(
    source: *const DLTensor,
    target: *const DLTensor,
    stream: *mut c_void,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let (source, target) = (tensor(source, "source")?, tensor(target, "target")?);
        cuda::copy_into(source, target, Stream::from_raw(stream))
    })
}

/// Makes a stream wait for all that another has been given so far, on the GPU: the
/// host does not wait. Works during capture, and across GPUs.
///
/// consumer: the stream that waits.
/// producer: the stream that is waited for.
/// device: the one whose default streams NULL, 1 and 2 mean. On kDLCPU, where both
///   must be NULL, nothing is done.
/// Errors: DEVICE for other kinds of device, ARGUMENT for a stream on kDLCPU,
///   NO_CUDA, CUDA.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_stream_wait(
    consumer: *mut c_void,
    producer: *mut c_void,
    device: DLDevice,
) -> dlbridge_status {
    // SAFETY: the streams are as the header demands.
    guard(|| unsafe {
        Stream::from_raw(consumer).wait(Stream::from_raw(producer), Device::new(device)?)
    })
}

/// Blocks until all that a stream has been given so far is done.
///
/// device: the one whose default streams NULL, 1 and 2 mean.
/// Errors: DEVICE for devices that are not of CUDA, NO_CUDA; CUDA, also for what
///   failed earlier on the stream, and while it is captured.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_cuda_synchronize(
    stream: *mut c_void,
    device: DLDevice,
) -> dlbridge_status {
    // SAFETY: the stream is as the header demands.
    guard(|| unsafe { Stream::from_raw(stream).synchronize(Device::new(device)?) })
}
