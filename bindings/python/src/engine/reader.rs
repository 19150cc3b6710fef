//! The reader of arrays: what an array of NumPy or PyTorch on the host is now, without a tensor
//! made of it, and without foreign code.

use dlbridge::abi::Flags;
use dlbridge::room::Room;
use dlbridge::{Device, TensorRef};
use pyo3::prelude::*;

use crate::frameworks::{numpy, torch};
use crate::values::descriptor;

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
    let [mut shape, mut strides] = [Room::new(), Room::new()];
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
