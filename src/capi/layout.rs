//! Questions about shape and strides.

use std::ffi::{c_char, c_void};

use super::argument::{self, Output, fill};
use super::status::{dlbridge_status, guard};
use crate::abi::DLTensor;

/// The number of elements: the product of the extents, 1 with ndim 0.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_element_count(
    tensor: *const DLTensor,
    out: *mut i64,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(argument::tensor(tensor, "tensor")?.layout().count())
    })
}

/// The number of bytes of the elements side by side; elements of parts of bytes
/// are packed, and the last byte counts whole.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_byte_count(
    tensor: *const DLTensor,
    out: *mut i64,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(argument::tensor(tensor, "tensor")?.layout().bytes())
    })
}

/// Whether the elements lie in C order (last axis fastest) without gaps. The
/// stride of an extent of 1 does not matter; without elements it is true.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_is_c_contiguous(
    tensor: *const DLTensor,
    out: *mut bool,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(argument::tensor(tensor, "tensor")?.layout().is_c_contiguous())
    })
}

/// Whether the elements lie in Fortran order (first axis fastest) without gaps.
/// The stride of an extent of 1 does not matter; without elements it is true.
///
/// tensor: borrowed.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_is_f_contiguous(
    tensor: *const DLTensor,
    out: *mut bool,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(argument::tensor(tensor, "tensor")?.layout().is_f_contiguous())
    })
}

/// The bytes that the elements touch: from the lowest (below the first element
/// with negative strides) to one past the highest. Equal without elements.
///
/// tensor: borrowed; on a device whose data is a handle the addresses mean
///   nothing.
/// out_lowest, out_end: addresses in the tensor's memory, for comparison.
/// Errors: those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_byte_range(
    tensor: *const DLTensor,
    out_lowest: *mut *mut c_void,
    out_end: *mut *mut c_void,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let lowest = Output::new(out_lowest, "out_lowest")?;
        let end = Output::new(out_end, "out_end")?;
        let tensor = argument::tensor(tensor, "tensor")?;
        let range = tensor.layout().byte_range();
        let first = tensor.first().cast::<u8>();
        lowest.set(first.wrapping_offset(range.start as isize).cast())?;
        end.set(first.wrapping_offset(range.end as isize).cast())
    })
}

/// A tensor in words, for messages:
/// "float32 [480, 640] with strides [640, 1] on cpu".
///
/// tensor: borrowed.
/// buffer, size: where the text goes, with a zero byte; DLBRIDGE_TEXT_SIZE is
///   enough for up to 8 dimensions of any extents.
/// Errors: ARGUMENT if the buffer is too small (the sentence says which size is
///   enough), those of dlbridge_validate(), NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_describe(
    tensor: *const DLTensor,
    buffer: *mut c_char,
    size: usize,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe { fill(buffer, size, &argument::tensor(tensor, "tensor")?) })
}

/// Bytes that hold the description of a tensor of up to 8 dimensions.
pub const DLBRIDGE_TEXT_SIZE: usize = 512;
