//! `asarray`: a tensor of whatever has memory to share.

use dlbridge::{DType, Device, Tensor};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyCapsule, PyMemoryView, PyType};

use crate::exchange::Table;
use crate::tensor::PyTensor;
use crate::{
    array_interface, array_struct, audit, buffer, capsule, consumer, cuda_array_interface, device,
    dtype, errors, framework, numpy, producer, torch,
};

/// A tensor on the memory of a NumPy array, of anything with `__dlpack__`,
/// `__array_struct__`, `__array_interface__`, `__cuda_array_interface__` or a
/// buffer (bytes, memoryview, array.array, mmap, ctypes), or of a DLPack capsule; a
/// Tensor is returned as it is.
///
/// Buffers stay locked as long as their memory is used: a bytearray cannot be
/// resized. The CUDA array interface does not say on which device the memory is:
/// it is taken for device 0 unless the object has a `device` that says more.
///
/// Elements are never converted: `dtype`, if given, must be that of the object.
/// `device` and `copy` are as for `from_dlpack`. What owns the memory is kept
/// alive, but not kept from moving it: ndarray.resize(refcheck=False) and
/// torch's resize_() pull it away from every other user.
#[pyfunction]
#[pyo3(signature = (obj, /, *, dtype = None, device = None, copy = None))]
pub fn asarray<'py>(
    obj: &Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyTensor>> {
    let device = device.map(|device| device::parse("device", device)).transpose()?;
    let dtype = dtype.map(dtype::parse).transpose()?;
    if let Ok(capsule) = obj.cast_exact::<PyCapsule>()
        && let Some((_, own)) = capsule::peek(capsule)?
    {
        check_dtype(own, dtype)?;
    }
    let tensor = tensor_of(obj, device, copy)?;
    check_dtype(tensor.get().core().dtype(), dtype)?;
    if !tensor.is(obj) {
        audit::taken(obj, tensor.get().core(), copy);
    }
    Ok(tensor)
}

fn check_dtype(own: DType, wanted: Option<DType>) -> PyResult<()> {
    match wanted.filter(|wanted| *wanted != own) {
        None => Ok(()),
        Some(wanted) => Err(PyTypeError::new_err(format!(
            "dtype is {wanted} and the elements are {own}; dlbridge never converts elements: convert \
             before, like x.astype(\"{wanted}\") in NumPy"
        ))),
    }
}

/// The object itself if it is a Tensor and nothing is to be copied.
pub fn tensor_of<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyTensor>> {
    let py = obj.py();
    if let Ok(tensor) = obj.cast_exact::<PyTensor>()
        && copy != Some(true)
    {
        if let Some(wanted) = device {
            producer::check_device(tensor.get().core().device(), wanted)?;
        }
        return Ok(tensor.clone());
    }
    Bound::new(py, PyTensor::new(take(obj, device, copy)?))
}

/// As `tensor_of`, but always an owner of its own.
pub fn take(
    obj: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Tensor> {
    if numpy::ARRAY.is_exact_type_of(obj) {
        return consumer::settle(obj.py(), numpy::import(obj)?, device, copy);
    }
    let known = obj.is_exact_instance_of::<PyTensor>()
        || torch::TENSOR.is_type_of(obj)
        || obj.is_instance_of::<PyCapsule>();
    if known {
        return consumer::take(obj, device, copy);
    }
    numpy::check_kind(obj)?;
    if numpy::ARRAY.is_type_of(obj) {
        return consumer::settle(obj.py(), numpy::import(obj)?, device, copy);
    }
    if Table::of(obj)?.is_some() || consumer::producer_of(obj)?.is_some() {
        return consumer::take(obj, device, copy);
    }
    let tensor = match described(obj)? {
        Some(tensor) => Some(tensor),
        None => framework::copied_from(obj, copy)?,
    };
    match tensor {
        Some(tensor) => consumer::settle(obj.py(), tensor, device, copy),
        None => Err(errors::wrong_type(
            "obj",
            obj,
            "an array: of NumPy, with __dlpack__, an array interface or a buffer, or a DLPack capsule \
             (numpy.asarray makes arrays of lists and numbers)",
        )),
    }
}

/// A tensor on memory that an object describes, but not by DLPack.
fn described(obj: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let py = obj.py();
    if obj.is_instance_of::<PyType>() {
        // What classes have is for their instances.
        return Ok(None);
    }
    // These have nothing else, and asking for each takes time.
    let plain = obj.is_exact_instance_of::<PyBytes>()
        || obj.is_exact_instance_of::<PyByteArray>()
        || obj.is_exact_instance_of::<PyMemoryView>();
    if !plain {
        if let Some(found) = obj.getattr_opt(intern!(py, "__array_struct__"))? {
            return array_struct::import(obj, &found).map(Some);
        }
        if let Some(found) = obj.getattr_opt(intern!(py, "__array_interface__"))? {
            return array_interface::import(obj, &found).map(Some);
        }
        if let Some(found) = obj.getattr_opt(intern!(py, "__cuda_array_interface__"))? {
            return cuda_array_interface::import(obj, &found).map(Some);
        }
    }
    buffer::has_buffer(obj).then(|| buffer::import(obj)).transpose()
}
