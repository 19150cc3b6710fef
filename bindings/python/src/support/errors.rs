//! The core's errors as Python exceptions.
//!
//! PyO3's `new_err` makes an exception when it is raised, where a lack of memory ends the
//! process. Those of `new` are made at once, or are a MemoryError, which the interpreter keeps.

use std::ffi::{c_int, c_void};
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use dlbridge::{Error, Status};
use pyo3::exceptions::{
    PyAttributeError, PyBufferError, PyException, PyIndexError, PyMemoryError,
    PyNotImplementedError, PyRecursionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};
use pyo3::{PyTypeInfo, ffi};

use crate::support::ask::Ask;
use crate::support::lazy::once;
pub use crate::support::no_memory::out_of_memory;
use crate::support::objects;
use crate::support::objects::intern;

/// An exception of type `E` with this text.
#[cold]
pub fn new<E: PyTypeInfo>(text: impl Display) -> PyErr {
    // Functions that the interpreter calls directly have not told PyO3 that they have the GIL.
    Python::attach(|py| of_class(&E::type_object(py), text))
}

/// An exception of a class with this text.
#[cold]
pub fn of_class(class: &Bound<'_, PyType>, text: impl Display) -> PyErr {
    let py = class.py();
    match objects::display(py, text) {
        Ok(text) => {
            // SAFETY: a class of exceptions and the argument for it. Whether it can be made or
            // not, an exception is set.
            unsafe { ffi::PyErr_SetObject(class.as_ptr(), text.as_ptr()) };
            PyErr::fetch(py)
        }
        Err(error) => error,
    }
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

/// `BufferError` with this text and the other library's exception as its cause, unless that
/// one must not be lost.
#[cold]
pub fn refused_because(py: Python<'_>, text: impl Display, cause: PyErr) -> PyErr {
    instead(py, cause, |cause| {
        let error = new::<PyBufferError>(text);
        error.set_cause(py, Some(cause));
        error
    })
}

/// `BufferError` that tells what another library's exception says, with that as its cause.
#[cold]
pub fn retold(py: Python<'_>, error: PyErr, tell: impl FnOnce(&str) -> String) -> PyErr {
    let error = without_frames(py, error);
    match message(py, &error) {
        Ok(text) => refused_because(py, tell(&text), error),
        Err(interrupt) => rather(py, error, interrupt),
    }
}

/// `AttributeError` with this text, so that `hasattr` tells, and `BufferError`, as DLPack wants
/// it of what cannot be exchanged.
#[cold]
pub fn no_attribute(py: Python<'_>, message: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = once(py, &CLASS, || {
        let bases = [py.get_type::<PyAttributeError>(), py.get_type::<PyBufferError>()];
        let members = objects::dict(py)?;
        members.set_item(intern!(py, "__module__")?, objects::text(py, "dlbridge")?)?;
        let class = objects::class(py, "MissingInterfaceError", bases, members)?;
        Ok(class.unbind())
    });
    match class {
        Ok(class) => of_class(class.bind(py), message),
        Err(error) => error,
    }
}

/// `TypeError` that names an argument, what it was, and what it must be.
#[cold]
pub fn wrong_type(argument: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    let class = type_name(value);
    let error = |shown: &str| {
        new::<PyTypeError>(format_args!(
            "{argument} is {shown} (of type {class}); it must be {wanted}"
        ))
    };
    match short_repr(value) {
        Ok(shown) => error(&shown),
        Err(interrupt) => {
            interrupt.set_context(value.py(), Some(error("unprintable")));
            interrupt
        }
    }
}

/// Whether an exception only tells that something did not work, so that something else may
/// be tried or said. KeyboardInterrupt, SystemExit and the like are for the program, and
/// come whenever Python runs: str() and repr() run the handlers of signals.
pub fn is_ordinary(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyMemoryError>(py)
        && !error.is_instance_of::<PyRecursionError>(py)
}

/// None for what failed with an ordinary exception; the others are passed on.
pub fn tolerate<T>(py: Python<'_>, result: PyResult<T>) -> PyResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_ordinary(py, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Another exception in the place of an ordinary one; the others stay.
#[cold]
pub fn instead(py: Python<'_>, error: PyErr, make: impl FnOnce(PyErr) -> PyErr) -> PyErr {
    match is_ordinary(py, &error) {
        true => make(error),
        false => error,
    }
}

/// The first exception, unless what was tried after it must not be lost.
#[cold]
pub fn rather(py: Python<'_>, first: PyErr, second: PyErr) -> PyErr {
    match is_ordinary(py, &second) {
        true => first,
        false => {
            second.set_context(py, Some(first));
            second
        }
    }
}

/// The exception that was to be made, or what came while its text was written.
#[cold]
pub fn written(error: PyResult<PyErr>) -> PyErr {
    error.unwrap_or_else(|interrupt| interrupt)
}

/// Raises an exception that must not be lost as soon as the program runs again: for where
/// nothing can be raised. Ordinary ones are dropped.
#[cold]
pub fn defer(py: Python<'_>, error: PyErr) {
    static DEFERRED: Mutex<Vec<PyErr>> = Mutex::new(Vec::new());
    extern "C" fn raise(_: *mut c_void) -> c_int {
        let error = DEFERRED.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // SAFETY: Python calls this attached.
        let py = unsafe { Python::assume_attached() };
        error.map_or(0, |error| {
            error.restore(py);
            -1
        })
    }
    if !is_ordinary(py, &error) {
        DEFERRED.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        // SAFETY: may be called at any time. Where the queue is full, nothing can be done.
        unsafe { ffi::Py_AddPendingCall(Some(raise), std::ptr::null_mut()) };
    }
}

/// What was asked for, or this where that failed; what must not be lost is raised later.
pub fn or_else<T>(py: Python<'_>, result: PyResult<T>, other: T) -> T {
    result.unwrap_or_else(|error| {
        defer(py, error);
        other
    })
}

/// What str() of an object gives.
pub fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    objects::written(value.py(), objects::characters(&value.str()?)?)
}

/// What an exception says, without the frames of C++ that PyTorch adds.
pub fn message(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let Some(mut text) = tolerate(py, shown(error.value(py)))? else {
        return Ok(format!("an unprintable {}", type_name(error.value(py))));
    };
    text.truncate(frames_in(&text).unwrap_or(text.len()));
    Ok(text)
}

/// An error of PyTorch without its frames of C++, kilobytes of them, which would be printed
/// as the cause of another one.
pub fn without_frames(py: Python<'_>, error: PyErr) -> PyErr {
    let class = error.get_type(py);
    let is_plain = class.is(py.get_type::<PyRuntimeError>())
        || class.is(py.get_type::<PyBufferError>())
        || class.is(py.get_type::<PyNotImplementedError>());
    match shown(error.value(py)) {
        Ok(text) if is_plain => match frames_in(&text) {
            Some(end) => of_class(&class, &text[..end]),
            None => error,
        },
        Ok(_) => error,
        Err(failed) => rather(py, error, failed),
    }
}

/// Where the frames of C++ begin in what an error says.
fn frames_in(text: &str) -> Option<usize> {
    ["\nException raised from ", "\nframe #0: "].iter().filter_map(|it| text.find(it)).min()
}

/// The type of an object, with its module unless it is built in. Runs no code of others.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    let class = object.get_type();
    let name = class.qualname().map_or("object".into(), |name| name.to_string_lossy().into_owned());
    match module_of(&class) {
        Some(module) if module != "builtins" && module != "__main__" => format!("{module}.{name}"),
        _ => name,
    }
}

/// As `type` itself tells: a metaclass may have another answer, made by code.
fn module_of(class: &Bound<'_, PyType>) -> Option<String> {
    static DESCRIPTOR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = class.py();
    let key = intern!(py, "__module__").ok()?;
    let own = || py.get_type::<PyType>().attribute(c"__dict__")?.get_item(key).map(Bound::unbind);
    let descriptor = once(py, &DESCRIPTOR, own).ok()?.bind(py);
    let module = descriptor.method(c"__get__", [class]).ok()?;
    Some(text(&module)?.into_owned())
}

/// What an object looks like, in one line that is not long.
pub fn short_repr(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.repr() {
        Ok(text) => Ok(shortened(&objects::characters(&text)?)),
        // A list in itself or a class of its own goes too deep, not the program.
        Err(error) if error.is_instance_of::<PyRecursionError>(value.py()) => {
            Ok("unprintable".into())
        }
        Err(error) => match is_ordinary(value.py(), &error) {
            true => Ok("unprintable".into()),
            false => Err(error),
        },
    }
}

/// One line that is not long: the arrays of some frameworks show all their elements.
pub fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut line = String::new();
    // No more of it than that is copied: it may be as long as an array.
    for part in text.lines().map(str::trim) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(part.chars().take(LONGEST + 1));
        if let Some((end, _)) = line.char_indices().nth(LONGEST) {
            line.truncate(end);
            line.push_str("...");
            break;
        }
    }
    line
}

/// A number of things: `1 byte`, `2 bytes`.
pub fn counted(count: i64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The text of a Python string without a copy of its characters, where it is one.
pub fn text<'a>(object: &'a Bound<'_, PyAny>) -> Option<std::borrow::Cow<'a, str>> {
    Some(object.cast::<PyString>().ok()?.to_string_lossy())
}
