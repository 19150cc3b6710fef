//! Strings of C.

use std::ffi::{CStr, CString, c_char};

use pyo3::exceptions::{PyMemoryError, PyUnicodeEncodeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::support::ask::Ask;
use crate::support::objects::intern;
use crate::support::{errors, modules};

/// How bytes that are no UTF-8 look in a str, as in `os.fsdecode`.
const ESCAPED: &CStr = c"surrogateescape";

/// The characters of a text for C: of a str in UTF-8, of a path in the encoding of the file
/// system, of bytes as they are. They are a copy: C code may write to its arguments, and a
/// str is for ever.
pub fn characters(object: &Bound<'_, PyAny>) -> PyResult<CString> {
    if let Ok(text) = object.cast::<PyString>() {
        return encoded(text);
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return copied(bytes.as_bytes());
    }
    if object.get_type().optional(intern!(object.py(), "__fspath__")?)?.is_none() {
        return Err(errors::wrong_type("x", object, "a str, bytes or a path"));
    }
    let bytes = modules::import(object.py(), c"os")?.attribute(c"fsencode")?.called([object])?;
    copied(bytes.cast::<PyBytes>()?.as_bytes())
}

fn encoded(text: &Bound<'_, PyString>) -> PyResult<CString> {
    if let Ok(plain) = text.to_str() {
        return copied(plain.as_bytes());
    }
    let py = text.py();
    // SAFETY: a str and two texts.
    let bytes = unsafe {
        let bytes =
            ffi::PyUnicode_AsEncodedString(text.as_ptr(), c"utf-8".as_ptr(), ESCAPED.as_ptr());
        Bound::from_owned_ptr_or_err(py, bytes)
    };
    match bytes {
        Ok(bytes) => copied(bytes.cast::<PyBytes>()?.as_bytes()),
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => {
            let text = format!("is no text of UTF-8: {}", errors::message(py, &error)?);
            Err(errors::new::<PyValueError>(text))
        }
        Err(error) => Err(error),
    }
}

/// A copy with a NUL at the end, and none before.
pub fn copied(text: &[u8]) -> PyResult<CString> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(text.len() + 1).map_err(|_| {
        errors::new::<PyMemoryError>(format!("no memory for {} bytes", text.len() + 1))
    })?;
    copy.extend_from_slice(text);
    CString::new(copy).map_err(|error| {
        let place = error.nul_position();
        errors::new::<PyValueError>(format!("has a NUL at byte {place}, where C would end it"))
    })
}

/// None for NULL. Bytes that are no UTF-8 are escaped, so that nothing is lost.
///
/// # Safety
/// NULL, or characters that end with a NUL.
pub unsafe fn to_python(py: Python<'_>, text: *const c_char) -> PyResult<Bound<'_, PyAny>> {
    if text.is_null() {
        return Ok(py.None().into_bound(py));
    }
    // SAFETY: the caller's promise; the bytes are as many as said.
    unsafe {
        let bytes = CStr::from_ptr(text).to_bytes();
        let (start, length) = (bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t);
        let text = ffi::PyUnicode_DecodeUTF8(start, length, ESCAPED.as_ptr());
        Bound::from_owned_ptr_or_err(py, text)
    }
}

/// A sentence that is to be read and printed: what is no UTF-8 is replaced. None for NULL
/// and for nothing.
///
/// # Safety
/// As for `to_python`.
pub unsafe fn sentence(text: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })?;
    Some(text.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
}
