//! Owned tensors: made, shared, taken in, given out and released.

use std::ffi::c_void;

use super::argument::{Output, flags, input, list, own};
use super::status::{dlbridge_status, guard, guard_infallible};
use crate::abi::{DLDataType, DLManagedTensor, DLManagedTensorVersioned, DLTensor, Flags};
use crate::deleter::Deleter;
use crate::dtype::DType;
use crate::error::fail;
use crate::managed;
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;

/// Allocates a tensor on the host, in C order without gaps. The elements are
/// not initialised; the first lies at a multiple of DLBRIDGE_ALIGNMENT bytes.
///
/// dtype: any whose elements are whole bytes.
/// ndim, shape: the extents; with ndim 0 shape is ignored.
/// out: the caller owns the tensor.
/// Errors: DTYPE, NDIM, SHAPE, SIZE, NULL, MEMORY.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_empty(
    dtype: DLDataType,
    ndim: i32,
    shape: *const i64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let shape = list(shape, ndim, "shape")?;
        out.set(Tensor::empty(DType::new(dtype)?, shape)?.into_raw())
    })
}

/// Makes a tensor over memory of the caller, without a copy.
///
/// descriptor: borrowed; it says where the memory is, on any device, with any
///   strides in elements (NULL strides: C order). It is copied, with its shape
///   and strides; the memory is not.
/// flags: DLPACK_FLAG_BITMASK_ values; READ_ONLY forbids every owner to write.
/// context, release: release(context) is called once after the last owner, on
///   whichever thread that is; it must not throw. release may be NULL.
/// out: the caller owns the tensor. On an error release is not called.
/// Errors: those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_wrap(
    descriptor: *const DLTensor,
    flags: u64,
    context: *mut c_void,
    release: Option<unsafe extern "C" fn(context: *mut c_void)>,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let flags = self::flags(flags);
        let tensor = TensorRef::new(input(descriptor, "descriptor")?, flags)?;
        out.set(Tensor::wrap(tensor, Deleter::callback(context, release))?.into_raw())
    })
}

/// Makes a further owner of a tensor.
///
/// tensor: borrowed; one that this library made. Another one has to go through
///   dlbridge_import() first (error FOREIGN). Its flag IS_COPIED is taken off, by
///   an atomic write: all that is ever written to it.
/// flags: 0, or DLPACK_FLAG_BITMASK_READ_ONLY for an owner that must not write.
/// out: the caller owns it; it shares the memory, with a descriptor of its own.
/// Errors: FOREIGN, FLAGS, NULL, MEMORY.
/// Lifetime: the owners may be released in any order.
/// Threads: several threads may share one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_share(
    tensor: *const DLManagedTensorVersioned,
    flags: u64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let shared = match self::flags(flags) {
            none if none.is_empty() => tensor.share()?,
            Flags::READ_ONLY => tensor.share_read_only()?,
            _ => fail!(Flags, "flags is {flags:#x}; it must be 0 or DLPACK_FLAG_BITMASK_READ_ONLY"),
        };
        out.set(shared.into_raw())
    })
}

/// Takes over a tensor from anywhere, after checking all of it. The result has
/// a shape and strides of its own, and can be shared and viewed.
///
/// tensor: consumed. Its deleter may be NULL.
/// out: the caller owns it. It may be the same pointer, if this library made it.
/// Errors: VERSION and those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_import(
    tensor: *mut DLManagedTensorVersioned,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(Tensor::import(tensor)?.into_raw())
    })
}

/// Takes over a tensor in the legacy form, as dlbridge_import() does.
///
/// tensor: consumed. Its deleter may be NULL.
/// flags: what the caller knows, since the legacy form has no flags:
///   DLPACK_FLAG_BITMASK_ values. Where nobody says that the memory may be
///   written to, READ_ONLY is the safe answer.
/// out: the caller owns it.
/// Errors: those of dlbridge_validate(), FLAGS, NULL, MEMORY.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_import_legacy(
    tensor: *mut DLManagedTensor,
    flags: u64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(Tensor::import_legacy(tensor, self::flags(flags))?.into_raw())
    })
}

/// Gives a tensor from anywhere the legacy form, for consumers older than
/// DLPack 1.0.
///
/// tensor: consumed. A read-only one that has elements is refused (error READ_ONLY):
///   the legacy form could not say so, and the consumer might write. Padded elements of
///   parts of bytes are refused too (error FLAGS).
/// out: the caller owns it, and releases it by its deleter or
///   dlbridge_release_legacy().
/// Errors: READ_ONLY, FLAGS, VERSION and those of dlbridge_validate(), NULL,
///   MEMORY.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_export_legacy(
    tensor: *mut DLManagedTensorVersioned,
    out: *mut *mut DLManagedTensor,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(managed::export_legacy(tensor)?)
    })
}

/// Releases a tensor from anywhere: calls its deleter, if it has one.
///
/// tensor: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any, also another than the one that made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_release(tensor: *mut DLManagedTensorVersioned) {
    // SAFETY: the pointer is as the header demands.
    guard_infallible(|| unsafe { managed::release(tensor) })
}

/// Releases a tensor in the legacy form, as dlbridge_release() does.
///
/// tensor: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any, also another than the one that made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_release_legacy(tensor: *mut DLManagedTensor) {
    // SAFETY: the pointer is as the header demands.
    guard_infallible(|| unsafe { managed::release(tensor) })
}
