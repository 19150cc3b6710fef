//! Views: other layouts of the same memory.

use super::argument::{Output, list, own};
use super::status::{dlbridge_status, guard};
use crate::abi::{DLManagedTensorVersioned, MAX_NDIM};
use crate::error::{Result, fail};
use crate::view::Slice;

/// Stands for a missing start or stop of a dlbridge_range: as far as the axis
/// goes in the direction of the step.
pub const DLBRIDGE_OPEN: i64 = i64::MIN;

/// Indices of an axis, with the meaning of Python's start:stop:step. Negative
/// positions count from the end; positions past an end stop there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dlbridge_range {
    /// The first index, or DLBRIDGE_OPEN.
    pub start: i64,
    /// The first index no longer taken, or DLBRIDGE_OPEN.
    pub stop: i64,
    /// The distance between indices: any but 0.
    pub step: i64,
}

impl From<dlbridge_range> for Slice {
    fn from(range: dlbridge_range) -> Slice {
        let position = |value: i64| (value != DLBRIDGE_OPEN).then_some(value);
        Slice { start: position(range.start), stop: position(range.stop), step: range.step }
    }
}

/// Part of a tensor, without a copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// count, ranges: one for each leading axis; later axes stay whole.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX for more ranges than axes, NDIM for a count outside 0 to
///   DLBRIDGE_MAX_NDIM, ARGUMENT for a step of 0, LAYOUT if elements of parts of
///   bytes would begin within a byte, STRIDES if the view would reach further from
///   its first element than an address can, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_slice(
    tensor: *const DLManagedTensorVersioned,
    count: i32,
    ranges: *const dlbridge_range,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let ranges = list(ranges, count, "ranges")?;
        let slices = ranges.iter().map(|range| Slice::from(*range));
        out.set(tensor.slice_each(slices)?.into_raw())
    })
}

/// The part of a tensor at one index of an axis, without that axis and without a
/// copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// axis: from 0. index: negative counts from the end.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX, LAYOUT and STRIDES as in dlbridge_slice(), FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_select(
    tensor: *const DLManagedTensorVersioned,
    axis: i32,
    index: i64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        out.set(tensor.select(axis_number(axis)?, index)?.into_raw())
    })
}

/// The axes in another order, without a copy: the result has at place i the axis
/// that entry i of axes names.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, axes: each axis once, from 0.
/// out: the caller owns it; it shares the memory.
/// Errors: INDEX, NDIM, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_permute(
    tensor: *const DLManagedTensorVersioned,
    ndim: i32,
    axes: *const i32,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let axes = list(axes, ndim, "axes")?;
        let mut numbers = [0; MAX_NDIM];
        for (number, &axis) in numbers.iter_mut().zip(axes) {
            *number = axis_number(axis)?;
        }
        out.set(tensor.permute(&numbers[..axes.len()])?.into_raw())
    })
}

/// The elements in C order under another shape, if that needs no copy.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, shape: the new extents; one may be -1, for what the others leave.
/// out: the caller owns it; it shares the memory.
/// Errors: SHAPE if the element counts differ, LAYOUT if only a copy could have
///   that shape (make one with dlbridge_copy()), NDIM, SIZE, STRIDES if strides in
///   elements of parts of bytes do not fit, FOREIGN, NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_reshape(
    tensor: *const DLManagedTensorVersioned,
    ndim: i32,
    shape: *const i64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let shape = list(shape, ndim, "shape")?;
        out.set(tensor.reshape(shape)?.into_raw())
    })
}

/// A tensor repeated to a larger shape, without a copy, by NumPy's broadcasting
/// rules: counted from the last axis, an extent of 1 is repeated (stride 0), and
/// new axes come in front. The result is read-only if it repeats elements.
///
/// tensor: borrowed; made by this library (else import it first).
/// ndim, shape: the new extents.
/// out: the caller owns it; it shares the memory.
/// Errors: SHAPE if an extent neither matches nor is 1, NDIM, SIZE, FOREIGN,
///   NULL, MEMORY.
/// Threads: several threads may view one tensor at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_expand(
    tensor: *const DLManagedTensorVersioned,
    ndim: i32,
    shape: *const i64,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let shape = list(shape, ndim, "shape")?;
        out.set(tensor.expand(shape)?.into_raw())
    })
}

fn axis_number(axis: i32) -> Result<usize> {
    match usize::try_from(axis) {
        Ok(axis) => Ok(axis),
        Err(_) => fail!(Index, "axis is {axis}; it must be 0 or more"),
    }
}
