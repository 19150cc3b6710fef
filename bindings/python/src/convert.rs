//! `convert`: from any framework to NumPy or PyTorch.

use dlbridge::Device;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::asarray::tensor_of;
use crate::{device, errors, numpy, producer, torch};

#[derive(Clone, Copy)]
enum Target {
    Numpy,
    Torch,
}

/// An array of NumPy or PyTorch on the memory of any array; `obj` itself if it is
/// one already and `copy` is not True.
///
/// `to` is "numpy", "torch" or the module. BufferError rather than a copy, unless
/// `copy` is None (copy if needed) or True (always). `allow_writable_alias` lets
/// PyTorch, which has no read-only tensors, have read-only memory.
#[pyfunction]
#[pyo3(
    signature = (obj, to, *, device = None, copy = Some(false), allow_writable_alias = false),
    text_signature = "(obj, to, *, device=None, copy=False, allow_writable_alias=False)"
)]
pub fn convert<'py>(
    obj: &Bound<'py, PyAny>,
    to: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
    allow_writable_alias: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let to = target(to)?;
    let device = device.map(|device| device::parse("device", device)).transpose()?;
    if copy != Some(true) && is_one(obj, to, device)? {
        return Ok(obj.clone());
    }
    // The copy, if any, is made at the end: once.
    let allowed = if copy == Some(true) { None } else { copy };
    let tensor = tensor_of(obj, device, allowed)?;
    match to {
        Target::Numpy => numpy::export(&tensor, copy),
        Target::Torch => torch::export(obj.py(), tensor.get().core(), copy, allow_writable_alias),
    }
}

fn target(to: &Bound<'_, PyAny>) -> PyResult<Target> {
    let name = match to.cast::<PyModule>() {
        Ok(module) => module.name()?.into_any(),
        Err(_) => to.clone(),
    };
    match errors::text(&name).as_deref() {
        Some("numpy") => Ok(Target::Numpy),
        Some("torch") => Ok(Target::Torch),
        Some(other) => Err(PyValueError::new_err(format!(
            "to is {other:?}; it must be \"numpy\" or \"torch\""
        ))),
        None => Err(errors::wrong_type("to", to, "\"numpy\", \"torch\", or one of these modules")),
    }
}

/// Whether the object is such an array already, on the device that is wanted.
fn is_one(obj: &Bound<'_, PyAny>, to: Target, device: Option<Device>) -> PyResult<bool> {
    let own = match to {
        Target::Numpy if numpy::ARRAY.is_type_of(obj) => Device::CPU,
        Target::Torch if torch::TENSOR.is_type_of(obj) && device.is_none() => return Ok(true),
        Target::Torch if torch::TENSOR.is_type_of(obj) => {
            device::parse("x.device", &obj.getattr(intern!(obj.py(), "device"))?)?
        }
        _ => return Ok(false),
    };
    device.map_or(Ok(()), |wanted| producer::check_device(own, wanted))?;
    Ok(true)
}
