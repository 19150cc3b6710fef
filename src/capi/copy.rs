//! Copies of elements on the host.

use super::argument::{self, Output};
use super::status::{dlbridge_status, guard};
use crate::abi::{DLManagedTensorVersioned, DLTensor};
use crate::copy::copy_into;
use crate::tensor::Tensor;

/// A copy of the elements in C order, in memory of its own.
///
/// source: borrowed; any strides, on the host (pinned and managed memory too).
/// out: the caller owns it, alone: it has the flag IS_COPIED.
/// Errors: those of dlbridge_validate(), DEVICE off the host, DTYPE if elements
///   are parts of bytes, NULL, MEMORY.
/// Threads: nobody may write to the source meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_copy(
    source: *const DLTensor,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(Tensor::copy_of(argument::tensor(source, "source")?)?.into_raw())
    })
}

/// Copies elements into a tensor that exists, for any strides on both sides.
///
/// source: borrowed; on the host.
/// target: borrowed; its memory is written to. Same shape and dtype as source.
///   A DLTensor has no flags: that the target is not read-only is the caller's
///   to know.
/// Errors, with nothing written: SHAPE or DTYPE if the two differ, OVERLAP if
///   the bytes of one begin within those of the other (unless both are the same
///   elements: then there is nothing to do) or the target reaches an element
///   twice, DEVICE off the host, DTYPE if elements are parts of bytes, those of
///   dlbridge_validate(), NULL.
/// Threads: nobody may write to the source or use the target meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_copy_into(
    source: *const DLTensor,
    target: *const DLTensor,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        copy_into(argument::tensor(source, "source")?, argument::tensor(target, "target")?)
    })
}
