//! Arguments that are True, False or None.

use pyo3::prelude::*;

use crate::errors;

/// Reads an argument `copy`.
pub fn copy(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    match value.is_none() {
        true => Ok(None),
        false => truth("copy", value, "True, False or None").map(Some),
    }
}

/// Reads an argument `allow_writable_alias`.
pub fn allow_writable_alias(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    truth("allow_writable_alias", value, "True or False")
}

/// Numbers are none: `copy=0` may be meant as a device or a mode of NumPy.
fn truth(name: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyResult<bool> {
    let truth = errors::tolerate(value.py(), value.extract())?;
    truth.ok_or_else(|| errors::wrong_type(name, value, wanted))
}
