//! The reader of arrays: what an array of NumPy or PyTorch on the host is now, without a tensor
//! made of it, and without foreign code.

use std::ffi::c_void;

use dlbridge::abi::{DLDataType, Flags};
use dlbridge::inline_dims::InlineDims;
use dlbridge::{Device, TensorRef};
use pyo3::prelude::*;

use crate::frameworks::{numpy, torch};
use crate::values::descriptor;
use crate::values::tensor::PyTensor;

/// Lets `then` see what an array is, until foreign code runs, and gives it the object that keeps
/// its memory.
///
/// None for all other objects, for memory elsewhere, for arrays that were made of a tensor of
/// ours, which keeps their memory, and for what takes more than a look: other dtypes than
/// NumPy's own, tensors of PyTorch that mean something else than their memory.
#[inline(always)]
pub fn borrowed<'py, R>(
    object: &Bound<'py, PyAny>,
    then: impl FnOnce(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Option<R>>,
) -> PyResult<Option<R>> {
    if numpy::ARRAY.is_exact_type_of(object) {
        return numpy_array(object, then);
    }
    let mut descriptor = descriptor::EMPTY;
    let Some(storage) = torch::storage_at_once(object, &mut descriptor) else {
        return Ok(None);
    };
    // SAFETY: PyTorch wrote the descriptor, whose shape and strides stay until foreign code runs.
    match unsafe { TensorRef::new(&descriptor, Flags::empty()) } {
        Ok(view) => then(&view, storage),
        Err(_) => Ok(None),
    }
}

#[inline(always)]
fn numpy_array<'py, R>(
    array: &Bound<'py, PyAny>,
    then: impl FnOnce(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Option<R>>,
) -> PyResult<Option<R>> {
    let fields = numpy::Fields::of(array);
    let is_ours = || numpy::own_base(array).is_some();
    let Some(dtype) = fields.plain_dtype().filter(|_| !is_ours()) else {
        return Ok(None);
    };
    // The sizes of NumPy's own types are powers of two.
    let shift = (dtype.item_bits() / 8).trailing_zeros();
    let [mut shape, mut strides] = [InlineDims::new(), InlineDims::new()];
    let mut is_whole = true;
    let shape = shape.fill(fields.shape().iter().map(|extent| *extent as i64));
    let strides = strides.fill(fields.strides().iter().map(|bytes| {
        let stride = *bytes as i64 >> shift;
        is_whole &= stride << shift == *bytes as i64;
        stride
    }));
    if !is_whole {
        return Ok(None);
    }
    let flags = if fields.is_writable() { Flags::empty() } else { Flags::READ_ONLY };
    let data = fields.data();
    match TensorRef::of_parts(dtype, Device::CPU, flags, data, shape, Some(strides)) {
        Ok(view) => then(&view, array.clone()),
        Err(_) => Ok(None),
    }
}

/// Whose an array is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Library {
    NumPy,
    PyTorch,
    Own,
}

/// What an array on the host is, in the words of its own library, until foreign code runs.
pub struct Snapshot {
    /// The first element.
    pub data: *mut c_void,
    pub dtype: DLDataType,
    pub ndim: usize,
    shape: *const i64,
    strides: *const i64,
    /// The strides are elements, times two so many times.
    pub shift: u32,
    pub is_writable: bool,
    pub library: Library,
}

impl Snapshot {
    /// Of an array of NumPy, PyTorch or dlbridge, with elements that C has without a change. None
    /// for all else, and for what takes more than a look.
    #[inline(always)]
    pub fn of(object: &Bound<'_, PyAny>) -> Option<Snapshot> {
        // NumPy's extents are as wide as an address.
        if cfg!(target_pointer_width = "64") && numpy::ARRAY.is_exact_type_of(object) {
            return Snapshot::of_numpy(object);
        }
        if let Ok(tensor) = object.cast_exact::<PyTensor>() {
            return Snapshot::of_tensor(tensor.get());
        }
        Snapshot::of_torch(object)
    }

    #[inline(always)]
    fn of_numpy(array: &Bound<'_, PyAny>) -> Option<Snapshot> {
        let fields = numpy::Fields::of(array);
        let dtype = fields.plain_dtype()?.raw();
        Some(Snapshot {
            data: fields.data(),
            dtype,
            ndim: fields.shape().len(),
            shape: fields.shape().as_ptr().cast(),
            strides: fields.strides().as_ptr().cast(),
            // The sizes of NumPy's own types are powers of two.
            shift: u32::from(dtype.bits / 8).trailing_zeros(),
            is_writable: fields.is_writable(),
            library: Library::NumPy,
        })
    }

    #[inline]
    fn of_tensor(tensor: &PyTensor) -> Option<Snapshot> {
        let core = tensor.core();
        let is_plain = (Flags::READ_ONLY | Flags::IS_COPIED).contains(core.flags());
        if !is_plain || core.device() != Device::CPU {
            return None;
        }
        let descriptor = core.descriptor();
        let offset = descriptor.byte_offset as usize;
        Some(Snapshot {
            data: descriptor.data.cast::<u8>().wrapping_add(offset).cast(),
            dtype: descriptor.dtype,
            ndim: core.shape().len(),
            shape: core.shape().as_ptr(),
            strides: core.strides().as_ptr(),
            shift: 0,
            is_writable: !core.is_read_only(),
            library: Library::Own,
        })
    }

    #[inline]
    fn of_torch(object: &Bound<'_, PyAny>) -> Option<Snapshot> {
        let mut found = descriptor::EMPTY;
        if !torch::borrow_directly(object, &mut found) {
            return None;
        }
        let ndim = usize::try_from(found.ndim).ok()?;
        let has_dims = ndim == 0 || !(found.shape.is_null() || found.strides.is_null());
        has_dims.then_some(Snapshot {
            data: found.data.cast::<u8>().wrapping_add(found.byte_offset as usize).cast(),
            dtype: found.dtype,
            ndim,
            shape: found.shape,
            strides: found.strides,
            shift: 0,
            is_writable: true,
            library: Library::PyTorch,
        })
    }

    /// The extent and the stride of an axis.
    ///
    /// # Safety
    /// The array has that axis, and nothing has run since `of` that could change the array.
    #[inline]
    pub unsafe fn axis(&self, axis: usize) -> (i64, i64) {
        // SAFETY: the array keeps `ndim` extents and strides, valid for reads while it is not
        // changed.
        unsafe { (*self.shape.add(axis), *self.strides.add(axis)) }
    }
}
