//! `asarray`: a tensor of whatever has memory to share.

use dlbridge::{Device, Tensor};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyType};

use crate::tensor::PyTensor;
use crate::{array_interface, consumer, device, dtype, errors, numpy, producer, torch};

/// A tensor on the memory of a NumPy array, of anything with `__dlpack__` or
/// `__array_interface__`, or of a DLPack capsule; a Tensor is returned as it is.
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
    let tensor = tensor_of(obj, device, copy)?;
    let own = tensor.get().core().dtype();
    if let Some(wanted) = dtype.filter(|wanted| *wanted != own) {
        return Err(PyTypeError::new_err(format!(
            "dtype is {wanted} and the elements are {own}; dlbridge never converts elements: convert \
             before, like x.astype(\"{wanted}\") in NumPy"
        )));
    }
    Ok(tensor)
}

/// The object itself if it is a Tensor and nothing is to be copied.
pub fn tensor_of<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyTensor>> {
    let py = obj.py();
    if let Ok(tensor) = obj.cast::<PyTensor>()
        && copy != Some(true)
    {
        if let Some(wanted) = device {
            producer::check_device(tensor.get().core().device(), wanted)?;
        }
        return Ok(tensor.clone());
    }
    Bound::new(py, PyTensor::new(take(obj, device, copy)?))
}

fn take(obj: &Bound<'_, PyAny>, device: Option<Device>, copy: Option<bool>) -> PyResult<Tensor> {
    let py = obj.py();
    if numpy::ARRAY.is_exact_type_of(obj) {
        return consumer::settle(py, numpy::import(obj)?, device, copy);
    }
    let known = obj.is_instance_of::<PyTensor>()
        || torch::TENSOR.is_type_of(obj)
        || obj.is_instance_of::<PyCapsule>();
    if known {
        return consumer::take(obj, device, copy);
    }
    numpy::check_kind(obj)?;
    if numpy::ARRAY.is_type_of(obj) {
        return consumer::settle(py, numpy::import(obj)?, device, copy);
    }
    if consumer::producer_of(obj)?.is_some() {
        return consumer::take(obj, device, copy);
    }
    let interface = obj.getattr_opt(intern!(py, "__array_interface__"))?;
    match interface.filter(|_| !obj.is_instance_of::<PyType>()) {
        Some(interface) => {
            let tensor = array_interface::import(obj, &interface)?;
            consumer::settle(py, tensor, device, copy)
        }
        None => Err(errors::wrong_type(
            "obj",
            obj,
            "an array: of NumPy, with __dlpack__ or __array_interface__, or a DLPack capsule \
             (numpy.asarray makes arrays of lists, numbers and buffers)",
        )),
    }
}
