//! Arguments that are True, False or None.

use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::support::errors;

/// Reads an argument `copy`.
pub fn copy(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    match value.is_none() {
        true => Ok(None),
        false => read("copy", value, "True, False or None").map(Some),
    }
}

/// As `copy`; of what is not given, the default.
pub fn copy_or(value: Option<&Bound<'_, PyAny>>, default: Option<bool>) -> PyResult<Option<bool>> {
    value.map_or(Ok(default), copy)
}

/// Reads an argument `allow_writable_alias`, which is False if it is not given.
pub fn allow_writable_alias(value: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    value.map_or(Ok(false), |value| truth("allow_writable_alias", value))
}

/// Reads an argument that is True or False.
pub fn truth(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    read(name, value, "True or False")
}

/// Numbers are none: `copy=0` may be meant as a device or a mode of NumPy.
fn read(name: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyResult<bool> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(truth.is_true());
    }
    match errors::type_name(value).as_str() {
        "numpy.bool" | "numpy.bool_" => value.is_truthy(),
        _ => Err(errors::wrong_type(name, value, wanted)),
    }
}
