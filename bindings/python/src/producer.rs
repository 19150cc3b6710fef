//! `Tensor.__dlpack__`: giving tensors to other frameworks.

use dlbridge::{Device, Tensor};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyInt, PyTuple};

use crate::tensor::copied;
use crate::{capsule, device, errors};

/// `__dlpack__` of the array API standard. Each call gives out one more owner,
/// with a shape and strides of its own.
pub fn dlpack<'py>(
    py: Python<'py>,
    tensor: &Tensor,
    stream: Option<&Bound<'py, PyAny>>,
    max_version: Option<&Bound<'py, PyAny>>,
    dl_device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let versioned = wants_versioned(max_version)?;
    if let Some(wanted) = dl_device {
        check_device(tensor.device(), device::from_pair("dl_device", wanted)?)?;
    }
    check_stream(tensor.device(), stream)?;
    let owner = match copy {
        Some(true) => copied(py, tensor.view())?,
        _ => tensor.share().map_err(errors::exchange)?,
    };
    if versioned {
        return capsule::versioned(py, owner);
    }
    if owner.is_read_only() {
        return Err(errors::refused(
            "the tensor is read-only, which the legacy form of DLPack cannot say: ask for the versioned \
             one with max_version=(1, 0) or later, or for a copy with copy=True",
        ));
    }
    capsule::legacy(py, owner)
}

/// Whether the consumer knows the versioned form, which it says with
/// `max_version=(1, 0)` or later.
fn wants_versioned(max_version: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    let Some(version) = max_version else {
        return Ok(false);
    };
    let number = |pair: &Bound<'_, PyTuple>, place| pair.get_borrowed_item(place)?.extract::<i64>();
    let pair = version.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
    let pair = pair.and_then(|pair| Some((number(pair, 0).ok()?, number(pair, 1).ok()?)));
    let (major, _) = pair.ok_or_else(|| {
        errors::wrong_type("max_version", version, "a tuple of two ints, like (1, 3)")
    })?;
    Ok(major >= 1)
}

/// Refuses every device but the tensor's own.
pub fn check_device(own: Device, wanted: Device) -> PyResult<()> {
    if own != wanted {
        return Err(errors::refused(format!(
            "the tensor is on {own} and {wanted} is wanted; this version of dlbridge cannot move \
             tensors between devices yet"
        )));
    }
    Ok(())
}

fn check_stream(device: Device, stream: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    if stream.is_none() && device == Device::CPU {
        return Ok(());
    }
    let number = match stream {
        None => None,
        Some(stream) if stream.is_instance_of::<PyInt>() => Some(stream.extract::<i64>()?),
        Some(stream) => return Err(errors::wrong_type("stream", stream, "an int or None")),
    };
    // Managed memory is the host's to read, but a GPU may still be writing to it.
    let has_streams = !device.is_host_accessible() || device.type_name() == "cuda_managed";
    match (has_streams, number) {
        (_, Some(-1)) | (false, None) => Ok(()),
        (false, Some(number)) => Err(PyValueError::new_err(format!(
            "stream is {number}; it must be None or -1 for a tensor on {device}, which has no streams"
        ))),
        (true, Some(0)) => Err(PyValueError::new_err(format!(
            "stream is 0, which DLPack does not allow since it can mean two streams; for a tensor on \
             {device} it must be -1"
        ))),
        (true, number) => Err(errors::refused(format!(
            "stream is {}: ordering work on the streams of {device} needs the CUDA support that this \
             version of dlbridge does not have yet; stream=-1 exports without ordering",
            number.map_or_else(|| "None (the default stream)".to_owned(), |it| it.to_string())
        ))),
    }
}
