//! The core's errors as Python exceptions.
//!
//! PyO3's `new_err` makes an exception when it is raised, where a lack of memory ends the
//! process. Those of `new` are made at once, or are a MemoryError, which the interpreter keeps.

use std::fmt::Display;

use dlbridge::{Error, Status};
use pyo3::PyTypeInfo;
use pyo3::exceptions::{
    PyBufferError, PyIndexError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::support::objects;

/// An exception of type `E` with this text.
#[cold]
pub fn new<E: PyTypeInfo>(text: impl Display) -> PyErr {
    // Functions that the interpreter calls directly have not told PyO3 that they have the GIL.
    Python::attach(|py| {
        let text = match objects::display(py, text) {
            Ok(text) => text,
            Err(error) => return error,
        };
        // SAFETY: a class of exceptions and the argument for it. Whether it can be made or not,
        // an exception is set.
        unsafe { ffi::PyErr_SetObject(E::type_object_raw(py).cast(), text.as_ptr()) };
        PyErr::fetch(py)
    })
}

/// The MemoryError that the interpreter keeps for when nothing else can be made.
#[cold]
pub fn out_of_memory(py: Python<'_>) -> PyErr {
    // SAFETY: the thread is attached. It always sets an exception.
    unsafe { ffi::PyErr_NoMemory() };
    PyErr::fetch(py)
}

/// The exception for data that cannot be exchanged as it is: `BufferError`, as
/// DLPack wants it, unless the failure has a Python class of its own.
#[cold]
pub fn exchange(error: Error) -> PyErr {
    let message = error.message();
    match error.status() {
        Status::Memory => new::<PyMemoryError>(message),
        Status::Index => new::<PyIndexError>(message),
        Status::Null | Status::Argument => new::<PyValueError>(message),
        Status::Internal => new::<PyRuntimeError>(message),
        _ => new::<PyBufferError>(message),
    }
}

/// The exception for an argument that the caller wrote: `ValueError`.
#[cold]
pub fn argument(error: Error) -> PyErr {
    match error.status() {
        Status::Memory | Status::Internal | Status::NoCuda | Status::Cuda => exchange(error),
        _ => new::<PyValueError>(error.message()),
    }
}

/// `BufferError` with this text.
#[cold]
pub fn refused(text: impl Display) -> PyErr {
    new::<PyBufferError>(text)
}

/// `BufferError` with this text and the other library's exception as its cause.
#[cold]
pub fn refused_because(py: Python<'_>, text: impl Display, cause: PyErr) -> PyErr {
    let error = new::<PyBufferError>(text);
    error.set_cause(py, Some(cause));
    error
}

/// `TypeError` that names an argument, what it was, and what it must be.
#[cold]
pub fn wrong_type(argument: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    new::<PyTypeError>(format_args!(
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

/// A number of things: `1 byte`, `2 bytes`.
pub fn counted(count: i64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The text of a Python string without a copy of its characters, where it is one.
pub fn text<'a>(object: &'a Bound<'_, PyAny>) -> Option<std::borrow::Cow<'a, str>> {
    Some(object.cast::<PyString>().ok()?.to_string_lossy())
}
