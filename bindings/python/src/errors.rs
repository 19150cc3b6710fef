//! The core's errors as Python exceptions.

use dlbridge::{Error, Status};
use pyo3::exceptions::{
    PyBufferError, PyIndexError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The exception for data that cannot be exchanged as it is: `BufferError`, as
/// DLPack wants it, unless the failure has a Python class of its own.
#[cold]
pub fn exchange(error: Error) -> PyErr {
    let message = error.message().to_owned();
    match error.status() {
        Status::Memory => PyMemoryError::new_err(message),
        Status::Index => PyIndexError::new_err(message),
        Status::Null | Status::Argument => PyValueError::new_err(message),
        Status::Internal => PyRuntimeError::new_err(message),
        _ => PyBufferError::new_err(message),
    }
}

/// The exception for an argument that the caller wrote: `ValueError`.
#[cold]
pub fn argument(error: Error) -> PyErr {
    match error.status() {
        Status::Memory | Status::Internal | Status::NoCuda | Status::Cuda => exchange(error),
        _ => PyValueError::new_err(error.message().to_owned()),
    }
}

/// `BufferError` with this text.
#[cold]
pub fn refused(message: impl Into<String>) -> PyErr {
    PyBufferError::new_err(message.into())
}

/// `BufferError` with this text and the other library's exception as its cause.
#[cold]
pub fn refused_because(py: Python<'_>, message: String, cause: PyErr) -> PyErr {
    let error = PyBufferError::new_err(message);
    error.set_cause(py, Some(cause));
    error
}

/// `TypeError` that names an argument, what it was, and what it must be.
#[cold]
pub fn wrong_type(argument: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{argument} is {} (of type {}); it must be {wanted}",
        short_repr(value),
        type_name(value)
    ))
}

/// The type of an object, with its module unless it is built in.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().fully_qualified_name();
    name.map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// What an object looks like, if it is not long.
pub fn short_repr(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 60;
    let text = value.repr().map_or_else(|_| "unprintable".to_owned(), |text| text.to_string());
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The text of a Python string without a copy of its characters, where it is one.
pub fn text<'a>(object: &'a Bound<'_, PyAny>) -> Option<std::borrow::Cow<'a, str>> {
    Some(object.cast::<PyString>().ok()?.to_string_lossy())
}
