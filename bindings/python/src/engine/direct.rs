//! The usual exchanges: plain arrays of NumPy and PyTorch, which are judged and given in one
//! go.
//!
//! What differs in anything is left to the careful functions, which may share it too, copy
//! it, or say why not: nothing here refuses.

use dlbridge::abi::Flags;
use dlbridge::room::Room;
use dlbridge::{Device, Tensor, TensorRef};
use pyo3::prelude::*;

use crate::frameworks::framework::Framework;
use crate::frameworks::registry::{NUMPY, TORCH};
use crate::frameworks::{alignment, numpy, registry, torch};
use crate::support::arguments::Arguments;
use crate::support::keep_alive::kept;
use crate::values::tensor::PyTensor;
use crate::values::{audit, descriptor};

type Taken<'py> = PyResult<Option<Bound<'py, PyAny>>>;

/// What `convert(obj, to)` gives.
#[inline]
pub fn array_of<'py>(given: Arguments<'_, 'py>) -> Taken<'py> {
    match given {
        Arguments { positional: [obj, to], names: None, .. } if !audit::is_on() => {
            match registry::interned(to) {
                Some(framework) => shared(obj, framework),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// What `from_dlpack(x)` and `asarray(obj)` give.
#[inline]
pub fn tensor_of<'py>(given: Arguments<'_, 'py>) -> Taken<'py> {
    match given {
        Arguments { positional: [x], names: None, .. } if !audit::is_on() => match taken(x)? {
            Some(tensor) => PyTensor::new(tensor).into_object(x.py()).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

#[inline]
fn taken(x: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    if numpy::ARRAY.is_exact_type_of(x) {
        return numpy::import(x, None).map(Some);
    }
    with_torch(x, |view, storage| {
        // SAFETY: the storage is where the elements are.
        unsafe { kept(view, storage) }.map(Some)
    })
}

/// An array of the framework on the memory of another array.
#[inline]
fn shared<'py>(obj: &Bound<'py, PyAny>, framework: &'static Framework) -> Taken<'py> {
    if std::ptr::eq(framework, TORCH) && numpy::ARRAY.is_exact_type_of(obj) {
        return numpy_to_torch(obj);
    }
    if std::ptr::eq(framework, NUMPY) {
        return with_torch(obj, numpy::export_directly);
    }
    Ok(None)
}

/// Lets `then` see what a torch.Tensor is, and gives it the storage that keeps its memory.
/// No code of others may run before the numbers are copied.
#[inline]
fn with_torch<'py, R>(
    x: &Bound<'py, PyAny>,
    then: impl FnOnce(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Option<R>>,
) -> PyResult<Option<R>> {
    let mut descriptor = descriptor::EMPTY;
    if !torch::TENSOR.is_exact_type_of(x) {
        return Ok(None);
    }
    let Some(storage) = torch::look_directly(x, &mut descriptor) else {
        return Ok(None);
    };
    // SAFETY: nothing has run since.
    match unsafe { torch::view(&descriptor) } {
        Ok(view) => then(&view, storage),
        Err(_) => Ok(None),
    }
}

/// Reads the struct itself: `numpy::see`, which reads all kinds, takes 10 ns more.
#[inline]
fn numpy_to_torch<'py>(array: &Bound<'py, PyAny>) -> Taken<'py> {
    let fields = numpy::Fields::of(array);
    let is_open = fields.is_writable() && numpy::own_base(array).is_none();
    let (Some(dtype), Some(table)) =
        (fields.plain_dtype().filter(|_| is_open), torch::table(array.py())?)
    else {
        return Ok(None);
    };
    if !(fields.data() as usize).is_multiple_of(alignment::compiled(dtype)) {
        return Ok(None);
    }
    let shift = (dtype.item_bits() / 8).trailing_zeros();
    let mut is_usual = true;
    let [mut shape, mut strides] = [Room::new(), Room::new()];
    // Without elements there is more to look at.
    let shape = shape.fill(fields.shape().iter().map(|extent| {
        is_usual &= *extent > 0;
        *extent as i64
    }));
    let strides = strides.fill(fields.strides().iter().map(|bytes| {
        let stride = *bytes as i64 >> shift;
        is_usual &= *bytes >= 0 && stride << shift == *bytes as i64;
        stride
    }));
    let data = fields.data();
    let view = TensorRef::of_parts(dtype, Device::CPU, Flags::empty(), data, shape, Some(strides));
    match view {
        Ok(view) if is_usual => {
            // SAFETY: the array keeps its memory.
            let tensor = unsafe { kept(&view, array.clone()) }?;
            table.give(array.py(), tensor).map(Some)
        }
        _ => Ok(None),
    }
}
