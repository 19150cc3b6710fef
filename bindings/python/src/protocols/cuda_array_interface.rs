//! `__cuda_array_interface__`: both directions.
//!
//! Rules: <https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html>

use std::ffi::c_void;
use std::ptr;

use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Tensor};
use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::protocols::array_interface::{Interface, address, address_pair, at};
use crate::protocols::exportable::has_typestr;
use crate::support::ask::Ask;
use crate::support::keep_alive::owned_by;
use crate::support::objects::{Address, Int, Text, intern};
use crate::support::{errors, objects};
use crate::values::acquired::Acquired;
use crate::values::stream;

const NAME: &str = "__cuda_array_interface__";

/// The dictionary, version 3, that describes a tensor of CUDA memory. Others do not
/// have the attribute, so that `hasattr` tells.
///
/// The consumer is told to wait for `made`, the stream on which the tensor was made.
pub fn export<'py>(py: Python<'py>, tensor: &Tensor, made: Stream) -> PyResult<Bound<'py, PyDict>> {
    let device = tensor.device();
    if !matches!(device.type_name(), "cuda" | "cuda_managed") || !has_typestr(tensor) {
        return Err(errors::new::<PyAttributeError>(format_args!(
            "the tensor has no {NAME}: it is {} on {device}, and must be of a type that NumPy has, in \
             memory of CUDA",
            tensor.dtype()
        )));
    }
    let typestr = tensor.dtype().typestr().map_err(errors::exchange)?;
    let strides = match tensor.layout().is_c_contiguous() {
        true => None,
        false => {
            let strides = tensor.layout().byte_strides().map_err(errors::exchange)?;
            Some(objects::ints(py, &strides)?)
        }
    };
    let interface = objects::dict(py)?;
    interface.set_item(intern!(py, "shape")?, objects::ints(py, tensor.shape())?)?;
    interface.set_item(intern!(py, "typestr")?, Text(typestr))?;
    interface.set_item(intern!(py, "data")?, address_pair(py, tensor)?)?;
    interface.set_item(intern!(py, "strides")?, strides)?;
    interface.set_item(intern!(py, "stream")?, Address(stream::number(made)))?;
    interface.set_item(intern!(py, "version")?, Int(3))?;
    Ok(interface)
}

/// A tensor on the memory that an object's `__cuda_array_interface__` describes. `work`
/// is made to wait for its stream.
pub fn import(
    object: &Bound<'_, PyAny>,
    interface: &Bound<'_, PyAny>,
    work: Stream,
) -> PyResult<Acquired> {
    let interface = Interface::new(NAME, interface)?;
    let version = interface.required("version")?;
    match errors::tolerate(object.py(), version.extract::<i64>())? {
        Some(2..) => {}
        Some(older) => {
            return Err(errors::refused(format_args!(
                "{NAME} has version {older}; it must be 2 or later"
            )));
        }
        None => return Err(errors::wrong_type("version", &version, "an int")),
    }
    let array = interface.describe()?;
    let data = interface.required("data")?;
    let (address, read_only) = address(&data)?;
    let producer = producer_stream(&interface)?;
    let device = device_of(object, address)?;
    if let Some(producer) = producer {
        stream::wait(work, producer, device)?;
    }
    let owner = [object.clone(), interface.dict.clone().into_any()];
    let owner = objects::tuple(object.py(), owner)?.into_any();
    let tensor = owned_by(owner, |source| {
        let array = at(array, address as *mut c_void, read_only);
        // SAFETY: the interface says that the memory is there as long as the object is.
        unsafe { array.wrap_on(device, source) }
    })?;
    Ok(Acquired { stream: stream::lasting(work), ..tensor.into() })
}

/// Without a stream there is nothing to wait for.
fn producer_stream(interface: &Interface<'_, '_>) -> PyResult<Option<Stream>> {
    let Some(stream) = interface.entry("stream")? else {
        return Ok(None);
    };
    let number = stream::integer(&stream)?;
    let wrong =
        |rule| errors::new::<PyValueError>(format_args!("stream of {NAME} is {number}, {rule}"));
    match number {
        0 => Err(wrong("which it does not allow since it can mean two streams")),
        ..0 => Err(errors::wrong_type("stream", &stream, "an int or None")),
        number => stream::handle(number).map(Some).ok_or_else(|| {
            wrong("which is no stream: it must be None, 1, 2 or the handle of a stream")
        }),
    }
}

/// The GPU that has the memory, as the driver says; else the device that the object says
/// it is on: the interface itself has none. Without a word it is taken for the first.
fn device_of(object: &Bound<'_, PyAny>, address: usize) -> PyResult<Device> {
    let py = object.py();
    let found = cuda::device_of(ptr::without_provenance(address)).ok();
    if let Some(found) = found.filter(|found| found.type_name() == "cuda") {
        return Ok(found);
    }
    let index = match object.optional(intern!(py, "device")?)? {
        None => 0,
        // CuPy and cuda.core, PyTorch, Warp.
        Some(device) => index_of(&device, &["id", "index", "ordinal"])?,
    };
    Device::cuda(index).map_err(errors::exchange)
}

fn index_of(device: &Bound<'_, PyAny>, names: &[&str]) -> PyResult<i32> {
    if let Ok(device) = device.cast::<crate::values::device::PyDevice>() {
        return Ok(device.get().0.index());
    }
    for name in names {
        if let Some(number) = device.optional(&objects::text(device.py(), name)?)?
            && let Some(index) = errors::tolerate(device.py(), number.extract::<i32>())?
        {
            return Ok(index);
        }
    }
    let named = errors::tolerate(device.py(), crate::values::device::parse("device", device))?;
    Ok(named.filter(|device| device.type_name() == "cuda").map_or(0, |device| device.index()))
}
