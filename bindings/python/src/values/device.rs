//! `dlbridge.Device`.

use dlbridge::Device;
use dlbridge::abi::{DLDevice, DLDeviceType};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};

use crate::support::ask::Ask;
use crate::support::cache::ObjectCache;
use crate::support::lazy::once;
use crate::support::objects::{Int, Text, intern};
use crate::support::parameters::not_none;
use crate::support::{errors, integers, objects, sequence};

/// A device of DLPack. Equal to its name and to DLPack's pair of numbers:
/// `t.device == "cuda:0"`, `t.device == (2, 0)`. Its hash is that of the name.
#[pyclass(frozen, name = "Device", module = "dlbridge")]
#[derive(Clone, Copy)]
pub struct PyDevice(pub Device);

/// The object of a device.
pub fn object(py: Python<'_>, device: Device) -> PyResult<Bound<'_, PyDevice>> {
    static OBJECTS: ObjectCache<PyDevice> = ObjectCache::new();
    let bits = u64::from(device.type_code()) | u64::from(device.index() as u32) << 32;
    OBJECTS.object(py, bits, PyDevice(device))
}

#[pymethods]
impl PyDevice {
    #[new]
    #[pyo3(signature = (device, /))]
    fn new(device: &Bound<'_, PyAny>) -> PyResult<PyDevice> {
        parse("device", device).map(PyDevice)
    }

    /// The kind of device, without the index: `cpu`, `cuda`.
    #[getter]
    fn r#type(&self) -> Text<&'static str> {
        Text(self.0.type_name())
    }

    /// The index among the devices of its type; 0 for the host.
    #[getter]
    fn index(&self) -> Int {
        Int(self.0.index().into())
    }

    /// DLPack's two numbers, the type and the index, for others that speak it.
    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pair(py, self.0)
    }

    fn __str__(&self) -> Text<Device> {
        Text(self.0)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        objects::display(py, format_args!("dlbridge.Device(\"{}\")", self.0))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let equal = match errors::text(other) {
            Some(name) => Some(self.0.to_string() == name),
            None if other.is_instance_of::<PyTuple>() => {
                let device = errors::tolerate(other.py(), from_pair("device", other))?;
                device.map(|device| device == self.0)
            }
            None => {
                let device = errors::tolerate(other.py(), parse("device", other))?;
                device.map(|device| device == self.0)
            }
        };
        sequence::equality(other.py(), equal)
    }

    /// For `copy` and `pickle`: the class and the name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let arguments = objects::tuple(py, [objects::display(py, slf.get().0)?.into_any()])?;
        objects::tuple(py, [slf.get_type().into_any(), arguments.into_any()])
    }

    /// That of the name, which it is equal to.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        objects::display(py, self.0)?.hash()
    }
}

/// Reads a device argument: a `Device`, a name, DLPack's pair of numbers, or a
/// device of PyTorch.
pub fn parse(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<Device> {
    if let Ok(device) = argument.cast::<PyDevice>() {
        return Ok(device.get().0);
    }
    if let Some(text) = errors::text(argument) {
        return text.parse().map_err(errors::argument);
    }
    if argument.is_instance_of::<PyTuple>() {
        return of_numbers(name, argument)?.map_err(errors::argument);
    }
    if let Some(method) = argument.optional(intern!(argument.py(), "__dlpack_device__")?)?
        && argument.optional(intern!(argument.py(), "__dlpack__")?)?.is_none()
    {
        return from_pair(name, &method.call0()?);
    }
    let text = errors::tolerate(argument.py(), errors::shown(argument))?.unwrap_or_default();
    text.parse().map_err(|_| {
        let wanted =
            "a dlbridge.Device, a name like \"cpu\" or \"cuda:0\", or a DLPack device pair";
        errors::wrong_type(name, argument, wanted)
    })
}

/// Reads an argument `device` that may be left out, or None.
pub fn optional(argument: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Device>> {
    not_none(argument).map(|device| parse("device", device)).transpose()
}

/// What `__dlpack_device__` returns. That of the host is made once.
pub fn pair(py: Python<'_>, device: Device) -> PyResult<Bound<'_, PyTuple>> {
    static HOST: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let make = || objects::ints(py, &[device.type_code().into(), device.index().into()]);
    match device {
        Device::CPU => Ok(once(py, &HOST, || make().map(Bound::unbind))?.bind(py).clone()),
        _ => make(),
    }
}

/// Reads what `__dlpack_device__` returns: the type's number, which may be an
/// enum, and the index.
pub fn from_pair(name: &str, pair: &Bound<'_, PyAny>) -> PyResult<Device> {
    of_numbers(name, pair)?.map_err(errors::exchange)
}

fn of_numbers(name: &str, pair: &Bound<'_, PyAny>) -> PyResult<dlbridge::Result<Device>> {
    let (kind, index) = integers::pair(name, pair, "(1, 0)")?;
    // Out of range numbers are none of DLPack's either way.
    let device_type = DLDeviceType(u32::try_from(kind).unwrap_or(u32::MAX));
    let device_id = i32::try_from(index).unwrap_or(-1);
    Ok(Device::new(DLDevice { device_type, device_id }))
}
