//! `Tensor.__dlpack__`: giving tensors to other frameworks.

use dlbridge::cuda::Stream;
use dlbridge::{Device, Tensor};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyInt, PyTuple};

use crate::engine::copy;
use crate::frameworks::alignment;
use crate::protocols::capsule;
use crate::support::{errors, integers};
use crate::values::tensor::PyTensor;
use crate::values::{device, stream};

/// `__dlpack__` of the array API standard. Each call gives out one more owner,
/// with a shape and strides of its own.
///
/// The second result is why the elements were copied; empty if they are shared.
pub fn dlpack<'py>(
    py: Python<'py>,
    own: &PyTensor,
    stream: Option<&Bound<'py, PyAny>>,
    max_version: Option<&Bound<'py, PyAny>>,
    dl_device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<(Bound<'py, PyCapsule>, &'static str)> {
    let versioned = wants_versioned(max_version)?;
    let tensor = own.core();
    let wanted = match dl_device {
        None => tensor.device(),
        Some(wanted) => device::from_pair("dl_device", wanted)?,
    };
    if wanted != tensor.device() {
        check_way(tensor.device(), wanted)?;
    }
    let consumer = stream::of_consumer(wanted, stream)?;
    let reason = match copy {
        _ if wanted != tensor.device() => "the consumer wants it on another device",
        Some(true) => "copy=True",
        _ => "",
    };
    let owner = match reason {
        "" => {
            if let Some(consumer) = consumer {
                stream::wait(consumer, own.stream(), tensor.device())?;
            }
            alignment::check_for_any(&tensor.view()).map_err(errors::refused)?;
            // Whoever asks may be one that refuses negative strides even there.
            tensor.without_idle_negatives().map_err(errors::exchange)?
        }
        _ if copy == Some(false) => return Err(copy::refuse(tensor, wanted)),
        _ => copied(py, own, wanted, consumer)?,
    };
    if versioned {
        return Ok((capsule::versioned(py, owner)?, reason));
    }
    // What has no elements cannot be written to.
    if owner.is_read_only() && owner.layout().count() > 0 {
        return Err(errors::refused(
            "the tensor is read-only, which the legacy form of DLPack cannot say: ask for the versioned \
             one with max_version=(1, 0) or later, or for a copy with copy=True",
        ));
    }
    Ok((capsule::legacy(py, owner)?, reason))
}

/// Refuses devices to which nothing can be copied, before their streams are spoken of.
fn check_way(own: Device, wanted: Device) -> PyResult<()> {
    match wanted == Device::CPU || wanted.type_name().starts_with("cuda") {
        true => Ok(()),
        false => Err(errors::refused(format!(
            "dl_device is {wanted}, and the tensor is on {own}: dlbridge copies to the host and to \
             devices of CUDA only; dl_device=None gives the tensor where it is"
        ))),
    }
}

/// A copy on that device, made on the stream of the consumer where it has one.
fn copied(
    py: Python<'_>,
    own: &PyTensor,
    wanted: Device,
    consumer: Option<Stream>,
) -> PyResult<Tensor> {
    let (tensor, stream) = (own.core(), own.stream());
    let copy = match wanted == tensor.device() {
        true => copy::copy_of(py, tensor, stream, consumer)?,
        // What a consumer asks of memory of the host is there when it gets it.
        false if tensor.device().is_host_accessible() => {
            copy::copy_to(py, tensor, stream, wanted, None)?
        }
        false => copy::copy_to(py, tensor, stream, wanted, consumer)?,
    };
    Ok(copy.tensor)
}

/// Whether the consumer knows the versioned form, which it says with
/// `max_version=(1, 0)` or later.
fn wants_versioned(max_version: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    // What consumers say is a constant of theirs: it is read once.
    static KNOWN: [PyOnceLock<Py<PyAny>>; 4] = [const { PyOnceLock::new() }; 4];
    let Some(version) = max_version else {
        return Ok(false);
    };
    let py = version.py();
    if KNOWN.iter().any(|known| known.get(py).is_some_and(|known| known.is(version))) {
        return Ok(true);
    }
    let (major, _) = integers::pair("max_version", version, "(1, 3)")?;
    let is_constant = version.cast_exact::<PyTuple>().is_ok_and(|pair| {
        pair.iter_borrowed().all(|number| number.is_exact_instance_of::<PyInt>())
    });
    let is_kept = is_constant && major >= 1;
    if let Some(free) = KNOWN.iter().find(|known| is_kept && known.get(py).is_none()) {
        free.get_or_init(py, || version.clone().unbind());
    }
    Ok(major >= 1)
}
