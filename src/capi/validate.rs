//! Checks of descriptors from outside.

use super::argument::tensor;
use super::status::{dlbridge_status, guard};
use crate::abi::{DLManagedTensorVersioned, DLTensor};
use crate::managed;

/// Checks every field of a descriptor; the memory behind it is not touched.
/// Each failure has its own status, and dlbridge_last_error() names the field,
/// what it was and what it must be. All functions here do this first.
///
/// tensor: borrowed. Accepted are NULL strides (C order), and NULL shape and
///   strides with ndim 0, and any data without elements.
/// Errors: NULL; NDIM below 0 or above DLBRIDGE_MAX_NDIM; SHAPE for NULL or a
///   negative extent; DTYPE for a code, bits or lanes that DLPack 1.3 does not
///   have; DEVICE likewise; SIZE if elements or bytes exceed 63 bits, also
///   behind an extent of 0; STRIDES if they reach too far; DATA for NULL with
///   elements; BYTE_OFFSET if addresses leave the address space.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_validate(tensor: *const DLTensor) -> dlbridge_status {
    // SAFETY: the pointer is as the header demands.
    guard(|| unsafe { self::tensor(tensor, "tensor").map(drop) })
}

/// Checks the version and the flags of a managed tensor, then its descriptor.
///
/// tensor: borrowed. With another major version nothing but that is read.
/// Errors: VERSION, FLAGS for bits that DLPack 1.3 does not define, and those of
///   dlbridge_validate().
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_validate_managed(
    tensor: *const DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointer is as the header demands.
    guard(|| unsafe { managed::check(tensor).map(drop) })
}
