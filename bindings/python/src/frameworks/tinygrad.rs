//! tinygrad: copies both ways. It speaks no protocol, and its `Tensor.from_blob`
//! would not keep the memory alive.

use dlbridge::abi::{ALIGNMENT, DANGLING, Flags};
use dlbridge::{DType, Device, Tensor, TensorRef, array_interface};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PySet, PyTuple};

use crate::frameworks::framework::{ExportFn, Framework, ReadOnly, is_plain, lacks};
use crate::frameworks::numpy;
use crate::support::ask::Ask;
use crate::support::keep_alive::owned_by;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::support::{errors, exceptions, modules, objects};
use crate::values::tensor::copied;

static ARRAY: LazyType = LazyType::new("tinygrad", "Tensor");

pub static FRAMEWORK: Framework = Framework {
    name: "tinygrad",
    title: "tinygrad",
    module: "tinygrad",
    distributions: &["tinygrad"],
    arrays: &[&ARRAY],
    read_only: ReadOnly::Immutable,
    unfit: |_, tensor| match tensor.dtype() {
        dtype @ (DType::COMPLEX64 | DType::COMPLEX128) => lacks("tinygrad", dtype),
        dtype if is_plain(dtype) => None,
        dtype => Some(format!("dtype is {dtype}, which tinygrad does not take from NumPy").into()),
    },
    copies: Some("tinygrad copies whatever it is given, to a buffer of its device"),
    ready: Some(default_device_is_usable),
    protocol: "NumPy array",
    give: ExportFn::View(give),
    copied_from: Some(copied_from),
    would_copy_out: Some(would_copy_out),
    ..Framework::ANY
};

fn give<'py>(tensor: &TensorRef<'_>, keeper: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = keeper.py();
    let class = FRAMEWORK.attribute(py, "tinygrad", "Tensor")?;
    let array = numpy::export(tensor, keeper)?;
    // Else it copies when it is first used, after others may have written.
    let made = || {
        if !tensor.shape().is_empty() {
            return class.called([&array])?.method(c"realize", []);
        }
        // It would make a constant of a single number, which is on no device.
        let row = class.called([&array.method(c"reshape", [objects::int(py, 1)?.as_any()])?])?;
        row.method(c"realize", [])?.method(c"reshape", [&PyTuple::empty(py)])
    };
    made().map_err(|error| FRAMEWORK.refusal(tensor, py, error))
}

/// Fails where tinygrad finds no device that it can use: it says so only when it is
/// given something.
fn default_device_is_usable(py: Python<'_>) -> PyResult<()> {
    if !is_imported(py)? && environment_names_python(py)? {
        return Ok(());
    }
    let devices =
        match modules::import(py, c"tinygrad").and_then(|module| module.attribute(c"Device")) {
            Ok(devices) => devices,
            // `give` says what is wrong with the package.
            Err(error) if error.is_instance_of::<PyException>(py) => return Ok(()),
            Err(error) => return Err(error),
        };
    let device = devices.attribute(c"DEFAULT").map_err(|error| unusable(py, "a device", error))?;
    device_is_usable(&device)
}

fn is_imported(py: Python<'_>) -> PyResult<bool> {
    modules::import(py, c"sys")?.attribute(c"modules")?.contains(intern!(py, "tinygrad")?)
}

/// Whether tinygrad will take its interpreter for its device, which works everywhere.
fn environment_names_python(py: Python<'_>) -> PyResult<bool> {
    let environment = modules::import(py, c"os")?.attribute(c"environ")?;
    let device = environment.method(c"get", [objects::text(py, "DEV")?.as_any()])?;
    Ok(errors::text(&device).is_some_and(|device| device == "PYTHON"))
}

/// Fails where a device cannot hold and give back a byte: to open one may take a compiler.
fn device_is_usable(device: &Bound<'_, PyAny>) -> PyResult<()> {
    static USABLE: PyOnceLock<Py<PySet>> = PyOnceLock::new();
    let py = device.py();
    if let Ok(devices) = device.cast::<PyTuple>() {
        return devices.iter().try_for_each(|device| device_is_usable(&device));
    }
    let usable = USABLE.get_or_try_init(py, || PySet::empty(py).map(Bound::unbind))?.bind(py);
    if usable.contains(device)? {
        return Ok(());
    }
    let name = errors::shown(device)?;
    let made = || -> PyResult<()> {
        let byte = modules::import(py, c"numpy")?.method(
            c"zeros",
            [objects::int(py, 1)?.as_any(), objects::text(py, "uint8")?.as_any()],
        )?;
        let class = FRAMEWORK.attribute(py, "tinygrad", "Tensor")?;
        let named = objects::named(py, [("device", device.clone())])?;
        let tensor = class.called_with([&byte], &named)?;
        tensor.method(c"realize", [])?.method(c"numpy", []).map(drop)
    };
    made().map_err(|error| unusable(py, &format!("its device {name}"), error))?;
    usable.add(device)
}

/// The error for a device that does not work.
#[cold]
fn unusable(py: Python<'_>, device: &str, error: PyErr) -> PyErr {
    errors::retold(py, error, |text| {
        format!(
            "tinygrad cannot use {device} here: {text}; install what that needs (clang for its CPU), or \
             set the environment variable DEV=PYTHON, which needs nothing, before tinygrad is imported"
        )
    })
}

/// A copy of the elements of a tinygrad.Tensor.
fn copied_from(object: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Option<Tensor>> {
    if !FRAMEWORK.has(object) {
        return Ok(None);
    }
    let dtype = dtype_of(object)?;
    device_is_usable(&object.attribute(c"device")?)?;
    if copy == Some(false) {
        return Err(exceptions::copy_refused(
            "x is a tinygrad.Tensor, and tinygrad gives out copies only; copy=None allows one",
        ));
    }
    let array = object.method(c"numpy", []).map_err(|error| not_given(object, dtype, error))?;
    let tensor = numpy::import(&array, Some(false))?;
    // As aligned as `would_copy_out` says, else others might need one more copy.
    if !(tensor.data_ptr() as usize).is_multiple_of(ALIGNMENT) {
        return copied(object.py(), tensor.view()).map(Some);
    }
    owned_by(array, |source| {
        // SAFETY: the descriptor of a tensor on the array, which the new one keeps.
        unsafe { Tensor::wrap(TensorRef::new(tensor.descriptor(), Flags::IS_COPIED)?, source) }
    })
    .map(Some)
}

/// The error for elements that tinygrad does not give out: it may compute them only now.
#[cold]
fn not_given(object: &Bound<'_, PyAny>, dtype: DType, error: PyErr) -> PyErr {
    errors::retold(object.py(), error, |text| {
        format!("tinygrad does not give out the elements of x ({dtype}): {text}")
    })
}

/// The copy that it would give out, on no memory.
fn would_copy_out(object: &Bound<'_, PyAny>) -> PyResult<(Tensor, &'static str)> {
    let dtype = dtype_of(object)?;
    device_is_usable(&object.attribute(c"device")?)?;
    let shape: Vec<i64> = object.attribute(c"shape")?.extract()?;
    let tensor = owned_by(object.clone(), |source| {
        // SAFETY: nobody reads the elements.
        unsafe {
            array_interface::from_values(
                dtype,
                &shape,
                None,
                DANGLING,
                Device::CPU,
                Flags::empty(),
                source,
            )
        }
    })?;
    Ok((tensor, "tinygrad gives out copies only"))
}

/// The element type. Those that NumPy does not have would be converted.
fn dtype_of(object: &Bound<'_, PyAny>) -> PyResult<DType> {
    let dtype = object.attribute(c"dtype")?;
    let size: u32 = dtype.attribute(c"itemsize")?.extract()?;
    let name = errors::shown(&dtype.attribute(c"name")?)?;
    let kind = match name.as_str() {
        "bool" => return Ok(DType::BOOL),
        "half" | "float" | "double" => "float",
        "char" | "signed char" | "short" | "int" | "long" => "int",
        name if name.starts_with("unsigned") => "uint",
        _ => {
            return Err(errors::refused(format_args!(
                "x is a tinygrad.Tensor of dtype {name}, whose elements tinygrad would convert; pass \
                 x.cast(\"float32\")"
            )));
        }
    };
    format!("{kind}{}", 8 * size).parse().map_err(errors::exchange)
}
