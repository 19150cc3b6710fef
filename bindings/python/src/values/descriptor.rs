//! What others see of a tensor whose descriptor they borrow: a copy, since they could write to
//! it, and the tensor believes its own.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use dlbridge::Tensor;
use dlbridge::abi::{DLDataType, DLDevice, DLTensor};
use pyo3::prelude::*;

use crate::support::errors;

/// A descriptor to write to: of bytes on the host, at no address.
pub const EMPTY: DLTensor = DLTensor {
    data: ptr::null_mut(),
    device: DLDevice::CPU,
    ndim: 0,
    dtype: DLDataType::U8,
    shape: ptr::null_mut(),
    strides: ptr::null_mut(),
    byte_offset: 0,
};

/// A descriptor with its extents and strides behind it, at one place as long as it lives.
///
/// One word, NULL until somebody asks: a larger `PyTensor` takes longer to make.
#[derive(Default)]
pub struct Shown(AtomicPtr<Copied>);

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
        let copied = match self.0.load(Ordering::Acquire) {
            made if made.is_null() => self.make(tensor)?,
            made => made,
        };
        // SAFETY: it is there as long as `self`.
        let copied = unsafe { &*copied };
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

    #[cold]
    fn make(&self, tensor: &Tensor) -> PyResult<*mut Copied> {
        let made = Box::into_raw(Copied::room(2 * tensor.shape().len())?);
        let (none, order) = (ptr::null_mut(), Ordering::AcqRel);
        match self.0.compare_exchange(none, made, order, Ordering::Acquire) {
            Ok(_) => Ok(made),
            Err(first) => {
                // SAFETY: made here, and seen by nobody.
                drop(unsafe { Box::from_raw(made) });
                Ok(first)
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let made = *self.0.get_mut();
        if !made.is_null() {
            // SAFETY: `make` has made it of a box, and nobody borrows it any more.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

impl Copied {
    fn room(count: usize) -> PyResult<Box<Copied>> {
        let no_memory = |_| Python::attach(errors::out_of_memory);
        let mut dims = Vec::new();
        dims.try_reserve_exact(count).map_err(no_memory)?;
        dims.resize_with(count, || UnsafeCell::new(0));
        let tensor = UnsafeCell::new(EMPTY);
        let mut boxed = Vec::new();
        boxed.try_reserve_exact(1).map_err(no_memory)?;
        boxed.push(Copied { tensor, dims: dims.into_boxed_slice() });
        let whole = Box::into_raw(boxed.into_boxed_slice());
        // SAFETY: a slice of one has the layout of that one.
        Ok(unsafe { Box::from_raw(whole.cast()) })
    }
}
