//! The one reader of arrays: what an object is now, found by its exact type, without a tensor
//! made of it.

use std::ffi::c_void;

use dlbridge::TensorRef;
use dlbridge::abi::{DLDataType, Flags};
use dlbridge::room::Room;
use dlbridge::{DType, Device};
use pyo3::prelude::*;

use crate::frameworks::{numpy, torch};
use crate::support::errors;
use crate::values::descriptor::EMPTY;
use crate::values::tensor::PyTensor;

/// An array as it is now, in the words of its own framework. It borrows: any other code that
/// runs may change it.
pub struct Snapshot {
    pub dtype: DLDataType,
    pub device: Device,
    pub flags: Flags,
    /// The address of the first element.
    pub data: *mut c_void,
    pub ndim: usize,
    shape: *const i64,
    strides: *const i64,
    /// Strides are in units of so many bits less than an element: NumPy's are in bytes.
    shift: u32,
}

// NumPy's extents and strides are read as they lie.
const _: () = assert!(size_of::<isize>() == size_of::<i64>());

impl Snapshot {
    /// Reads arrays of NumPy and PyTorch of their own types and of the dtypes that nearly all
    /// have, on the host, and `dlbridge.Tensor`s. None for all others, and for what takes a
    /// closer look. No foreign code runs.
    #[inline]
    pub fn of(object: &Bound<'_, PyAny>) -> Option<Snapshot> {
        if numpy::ARRAY.is_exact_type_of(object) {
            return Snapshot::of_numpy(object);
        }
        if let Ok(tensor) = object.cast_exact::<PyTensor>() {
            return Some(Snapshot::of_tensor(tensor.get()));
        }
        Snapshot::of_torch(object)
    }

    #[inline]
    fn of_numpy(array: &Bound<'_, PyAny>) -> Option<Snapshot> {
        let fields = numpy::Fields::of(array);
        let dtype = fields.plain_dtype()?.raw();
        let mut flags = Flags::empty();
        flags.set(Flags::READ_ONLY, !fields.is_writable());
        Some(Snapshot {
            dtype,
            device: Device::CPU,
            flags,
            data: fields.data(),
            ndim: fields.shape().len(),
            shape: fields.shape().as_ptr().cast(),
            strides: fields.strides().as_ptr().cast(),
            shift: u32::from(dtype.bits / 8).trailing_zeros(),
        })
    }

    #[inline]
    fn of_torch(x: &Bound<'_, PyAny>) -> Option<Snapshot> {
        let mut found = EMPTY;
        if !torch::borrow_directly(x, &mut found) {
            return None;
        }
        let ndim = usize::try_from(found.ndim).ok()?;
        let is_known = ndim == 0 || !found.shape.is_null() && !found.strides.is_null();
        is_known.then(|| Snapshot {
            dtype: found.dtype,
            device: Device::CPU,
            flags: Flags::empty(),
            data: found.data.wrapping_byte_add(found.byte_offset as usize),
            ndim,
            shape: found.shape,
            strides: found.strides,
            shift: 0,
        })
    }

    #[inline]
    fn of_tensor(tensor: &PyTensor) -> Snapshot {
        let core = tensor.core();
        Snapshot {
            dtype: core.dtype().raw(),
            device: core.device(),
            flags: core.flags(),
            data: core.data_ptr(),
            ndim: core.shape().len(),
            shape: core.shape().as_ptr(),
            strides: core.strides().as_ptr(),
            shift: 0,
        }
    }

    /// The extent and the stride, in elements, of an axis. None where the stride is no whole
    /// number of elements.
    ///
    /// # Safety
    /// `axis` is less than `ndim`, and no other code has run since the array was read.
    #[inline(always)]
    pub unsafe fn axis(&self, axis: usize) -> Option<(i64, i64)> {
        // SAFETY: there are `ndim` extents and strides, which lie where they did.
        let (extent, scaled) = unsafe { (*self.shape.add(axis), *self.strides.add(axis)) };
        let stride = scaled >> self.shift;
        (stride << self.shift == scaled).then_some((extent, stride))
    }
}
