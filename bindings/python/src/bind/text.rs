//! Strings of C.

use std::ffi::{CStr, c_char};

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors;

/// The characters of a str in UTF-8 with a NUL at the end, which the object keeps.
pub fn characters(object: &Bound<'_, PyAny>) -> PyResult<*const c_char> {
    let text = object.cast::<PyString>().map_err(|_| errors::wrong_type("x", object, "a str"))?;
    let mut length = 0;
    // SAFETY: a str; on success that many bytes and a NUL are there.
    let start = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &mut length) };
    if start.is_null() {
        let error = PyErr::fetch(object.py());
        let text = format!("is no text of UTF-8: {}", error.value(object.py()));
        return Err(PyValueError::new_err(text));
    }
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length as usize) };
    match bytes.iter().position(|byte| *byte == 0) {
        None => Ok(start),
        Some(place) => {
            Err(PyValueError::new_err(format!("has a NUL at byte {place}, where C would end it")))
        }
    }
}

/// None for NULL.
///
/// # Safety
/// NULL, or characters that end with a NUL.
pub unsafe fn to_python(py: Python<'_>, text: *const c_char) -> PyResult<Bound<'_, PyAny>> {
    if text.is_null() {
        return Ok(py.None().into_bound(py));
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    Ok(PyString::new(py, &text).into_any())
}
