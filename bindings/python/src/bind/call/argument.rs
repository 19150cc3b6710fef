//! Arrays of all kinds: what an object is, where more than a look is needed.

use std::ffi::c_void;
use std::fmt;

use dlbridge::TensorRef;
use dlbridge::abi::{DLTensor, Flags};
use pyo3::prelude::*;

use crate::bind::call::array_plan::ArrayPlan;
use crate::bind::call::arrays::Arrays;
use crate::engine::acquire;
use crate::engine::reader::Snapshot;
use crate::frameworks::{numpy, torch};
use crate::support::errors;
use crate::values::descriptor;
use crate::values::tensor::PyTensor;

/// An array: where its elements are, and what keeps them, where the caller's object does not.
pub struct Found<'a, 'py> {
    pub view: &'a TensorRef<'a>,
    pub tensor: Option<&'a Bound<'py, PyTensor>>,
}

/// Lets `then` see what an object is now. `copy` is as in `from_dlpack`.
pub fn read<'py, R>(
    object: &Bound<'py, PyAny>,
    copy: Option<bool>,
    then: impl FnOnce(Found<'_, 'py>) -> PyResult<R>,
) -> PyResult<R> {
    if numpy::ARRAY.is_exact_type_of(object) {
        return numpy::see(object, |view| then(Found { view, tensor: None }));
    }
    let mut descriptor = descriptor::EMPTY;
    if torch::borrow(object, &mut descriptor)? {
        // SAFETY: PyTorch wrote the descriptor, whose shape and strides stay until the tensor is
        // changed, which needs code to run.
        return unsafe { read_descriptor(&descriptor, then) };
    }
    let tensor = acquire::tensor_of(object, None, copy)?;
    let view = tensor.get().core().view();
    then(Found { view: &view, tensor: Some(&tensor) })
}

/// As `read`, of a descriptor.
///
/// # Safety
/// Its shape and strides are NULL or valid for reads of as many numbers as it has axes.
pub unsafe fn read_descriptor<'py, R>(
    descriptor: &DLTensor,
    then: impl FnOnce(Found<'_, 'py>) -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: shape and strides are valid for reads of `ndim` numbers.
    let view = unsafe { TensorRef::new(descriptor, Flags::empty()) }.map_err(errors::exchange)?;
    then(Found { view: &view, tensor: None })
}

impl Found<'_, '_> {
    /// Puts the array where C gets it, and returns what it gets.
    pub fn store(&self, plan: &ArrayPlan, arrays: &Arrays) -> *mut c_void {
        let data = match self.tensor {
            // C gets a copy of its descriptor too: the tensor believes its own, in which C could
            // write shapes that reach foreign memory.
            Some(tensor) => {
                let DLTensor { data, byte_offset, .. } = *tensor.get().core().descriptor();
                (data, byte_offset)
            }
            None => (self.view.place(), 0),
        };
        arrays.store(plan, self.view, data, self.tensor.is_some())
    }
}

/// Whether an array, whose memory no tensor keeps, still is what was taken.
pub fn is_still(object: &Bound<'_, PyAny>, plan: &ArrayPlan, arrays: &Arrays) -> PyResult<bool> {
    if let Some(now) = Snapshot::of(object) {
        return Ok(arrays.is_still_at_once(plan.index, &now));
    }
    read(object, Some(false), |found| match found.tensor {
        Some(_) => Ok(false),
        None => arrays.is_still(plan.index, found.view),
    })
}

/// An object in error texts: its type, and what is in it.
pub struct Came<'a, 'py>(pub &'a Bound<'py, PyAny>, pub &'a TensorRef<'a>);

impl fmt::Display for Came<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read_only = if self.1.is_read_only() { ", read-only" } else { "" };
        write!(f, "{} {}{read_only}", errors::type_name(self.0), self.1)
    }
}
