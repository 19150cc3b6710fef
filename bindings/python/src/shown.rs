//! What others see of a tensor whose descriptor they borrow: a copy, since they could write to
//! it, and the tensor believes its own.

use std::cell::UnsafeCell;
use std::sync::OnceLock;

use dlbridge::Tensor;
use dlbridge::abi::DLTensor;
use pyo3::prelude::*;

use crate::errors;

/// A descriptor with its extents and strides behind it, at one place as long as it lives.
#[derive(Default)]
pub struct Shown(OnceLock<Box<Copied>>);

struct Copied {
    tensor: UnsafeCell<DLTensor>,
    /// The extents, then the strides.
    dims: Box<[UnsafeCell<i64>]>,
}

// SAFETY: it is only written to by attached threads, one at a time.
unsafe impl Send for Copied {}
// SAFETY: as above.
unsafe impl Sync for Copied {}

impl Shown {
    /// The descriptor of the tensor, as it is: what somebody wrote to it meanwhile is undone.
    pub fn of(&self, _attached: Python<'_>, tensor: &Tensor) -> PyResult<*mut DLTensor> {
        let copied = match self.0.get() {
            Some(copied) => copied,
            None => {
                let made = Copied::room(2 * tensor.shape().len())?;
                self.0.get_or_init(|| made)
            }
        };
        let numbers = tensor.shape().iter().chain(tensor.strides());
        // SAFETY: attached, so that nobody else does this now; there is room for all numbers.
        unsafe {
            copied.dims.iter().zip(numbers).for_each(|(cell, number)| *cell.get() = *number);
            let shape = copied.dims.as_ptr().cast_mut().cast::<i64>();
            let strides = shape.wrapping_add(tensor.shape().len());
            *copied.tensor.get() = DLTensor { shape, strides, ..*tensor.descriptor() };
        }
        Ok(copied.tensor.get())
    }
}

impl Copied {
    fn room(count: usize) -> PyResult<Box<Copied>> {
        let no_memory = |_| Python::attach(errors::out_of_memory);
        let mut dims = Vec::new();
        dims.try_reserve_exact(count).map_err(no_memory)?;
        dims.resize_with(count, || UnsafeCell::new(0));
        let tensor = UnsafeCell::new(crate::torch::NOTHING);
        let mut boxed = Vec::new();
        boxed.try_reserve_exact(1).map_err(no_memory)?;
        boxed.push(Copied { tensor, dims: dims.into_boxed_slice() });
        let whole = Box::into_raw(boxed.into_boxed_slice());
        // SAFETY: a slice of one has the layout of that one.
        Ok(unsafe { Box::from_raw(whole.cast()) })
    }
}
