//! The reader of arrays: what an array on the host is now, in one struct on the stack, whatever
//! library it is of.
//!
//! Nothing that is not known here runs meanwhile: no Python code, no import, no allocation.

use std::ffi::c_void;
use std::marker::PhantomData;

use dlbridge::abi::Flags;
use dlbridge::room::Room;
use dlbridge::{DType, Device, TensorRef};
use pyo3::prelude::*;

use crate::frameworks::{numpy, torch};
use crate::values::descriptor;
use crate::values::tensor::PyTensor;

/// An array on the host, as it is until other code runs: that may change it.
pub struct Snapshot<'a> {
    dtype: DType,
    flags: Flags,
    /// The address of the first element.
    data: *mut c_void,
    ndim: usize,
    shape: *const i64,
    strides: *const i64,
    /// Strides are in units of the element's size divided by two to this power.
    shift: u32,
    array: PhantomData<&'a PyAny>,
}

impl<'a> Snapshot<'a> {
    /// Reads an array of NumPy, PyTorch or dlbridge. None for all other objects, for memory
    /// elsewhere, and for what takes more than a look: other dtypes than NumPy's own, tensors of
    /// PyTorch that mean something else than their memory.
    #[inline(always)]
    pub fn of(object: &'a Bound<'_, PyAny>) -> Option<Snapshot<'a>> {
        if numpy::ARRAY.is_exact_type_of(object) {
            Snapshot::of_numpy(object)
        } else if let Ok(own) = object.cast_exact::<PyTensor>() {
            Snapshot::of_own(own)
        } else if torch::is_plain(object) {
            Snapshot::of_torch(object)
        } else {
            None
        }
    }

    #[inline(always)]
    fn of_numpy(array: &'a Bound<'_, PyAny>) -> Option<Snapshot<'a>> {
        let fields = numpy::Fields::of(array);
        let dtype = fields.plain_dtype()?;
        let (shape, strides) = (fields.shape(), fields.strides());
        const { assert!(size_of::<isize>() == size_of::<i64>(), "NumPy's numbers are read as i64") };
        Some(Snapshot {
            dtype,
            flags: if fields.is_writable() { Flags::empty() } else { Flags::READ_ONLY },
            data: fields.data(),
            ndim: shape.len(),
            shape: shape.as_ptr().cast(),
            strides: strides.as_ptr().cast(),
            shift: (dtype.item_bits() / 8).trailing_zeros(),
            array: PhantomData,
        })
    }

    #[inline(always)]
    fn of_torch(tensor: &'a Bound<'_, PyAny>) -> Option<Snapshot<'a>> {
        let mut found = descriptor::EMPTY;
        if !torch::borrow_directly(tensor, &mut found) || found.shape.is_null() {
            return None;
        }
        Some(Snapshot {
            dtype: DType::new(found.dtype).ok()?,
            flags: Flags::empty(),
            data: found.data.cast::<u8>().wrapping_add(found.byte_offset as usize).cast(),
            ndim: usize::try_from(found.ndim).ok()?,
            shape: found.shape,
            strides: found.strides,
            shift: 0,
            array: PhantomData,
        })
    }

    #[inline]
    fn of_own(tensor: &'a Bound<'_, PyTensor>) -> Option<Snapshot<'a>> {
        let core = tensor.get().core();
        (core.device() == Device::CPU).then(|| Snapshot {
            dtype: core.dtype(),
            flags: core.flags(),
            data: core.data_ptr(),
            ndim: core.shape().len(),
            shape: core.shape().as_ptr(),
            strides: core.strides().as_ptr(),
            shift: 0,
            array: PhantomData,
        })
    }

    /// The extent of an axis, and its stride in units of `shift`.
    #[inline(always)]
    fn axis(&self, axis: usize) -> (i64, i64) {
        assert!(axis < self.ndim);
        // SAFETY: the array has `ndim` extents and strides, which stay where they are as long
        // as no other code runs.
        unsafe { (*self.shape.add(axis), *self.strides.add(axis)) }
    }

    /// The same as a checked view, with its numbers copied to `rooms`: other code may run
    /// while it is used. None where strides are no multiples of elements, and for what the
    /// checks refuse.
    #[inline(always)]
    pub fn view<'r>(&self, rooms: &'r mut [Room; 2]) -> Option<TensorRef<'r>> {
        let [shape, strides] = rooms;
        let mut is_whole = true;
        let shape = shape.fill((0..self.ndim).map(|axis| self.axis(axis).0));
        let strides = strides.fill((0..self.ndim).map(|axis| {
            let stride = self.axis(axis).1;
            is_whole &= (stride >> self.shift) << self.shift == stride;
            stride >> self.shift
        }));
        if !is_whole {
            return None;
        }
        TensorRef::of_parts(self.dtype, Device::CPU, self.flags, self.data, shape, Some(strides))
            .ok()
    }
}

/// Lets `then` see what an array is, and gives it the object that keeps its memory. None for all
/// that [`Snapshot::of`] does not read, and for arrays that were made of a tensor of ours: that
/// one keeps their memory.
#[inline(always)]
pub fn borrowed<'py, R>(
    object: &Bound<'py, PyAny>,
    then: impl FnOnce(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Option<R>>,
) -> PyResult<Option<R>> {
    let keeper = if numpy::ARRAY.is_exact_type_of(object) {
        match numpy::own_base(object) {
            Some(_) => return Ok(None),
            None => object.clone(),
        }
    } else {
        // First: foreign code may run where PyTorch makes an object of the storage.
        match torch::storage_at_once(object) {
            Some(storage) => storage,
            None => return Ok(None),
        }
    };
    let mut rooms = [Room::new(), Room::new()];
    match Snapshot::of(object).and_then(|snapshot| snapshot.view(&mut rooms)) {
        Some(view) => then(&view, keeper),
        None => Ok(None),
    }
}
