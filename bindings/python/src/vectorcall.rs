//! Calls without a tuple of arguments, from here and to here.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors;
use crate::support::parameters::Arguments;

/// The definition of a function that the interpreter calls in this way, with its name and
/// documentation.
pub fn definition(
    name: &CStr,
    documentation: &CStr,
    function: ffi::PyCFunctionFastWithKeywords,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: documentation.as_ptr(),
    }
}

unsafe extern "C" {
    // Part of the stable ABI since 3.12, and exported as it is now since 3.9.
    fn PyObject_Vectorcall(
        callable: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
    ) -> *mut PyObject;
}

/// Calls with one argument.
pub fn call1<'py>(
    callable: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    call(callable, [argument])
}

/// Calls with some arguments.
pub fn call<'py, const N: usize>(
    callable: &Bound<'py, PyAny>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = arguments.map(Bound::as_ptr);
    // SAFETY: objects, and as many as said.
    unsafe { pass_on(callable, arguments.as_ptr(), N, ptr::null_mut()) }
}

/// Calls with the arguments that came from the interpreter.
///
/// # Safety
/// They are `count` objects and then one for each of the names.
pub unsafe fn pass_on<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the caller's promise.
    unsafe {
        let result = PyObject_Vectorcall(callable.as_ptr(), arguments, count, names);
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// Arguments as they come from the interpreter.
///
/// # Safety
/// `names` is NULL or a tuple of texts, and there are `count` objects and then one for each
/// name. They stay for `'a`.
#[inline]
pub unsafe fn given<'a, 'py>(
    py: Python<'py>,
    arguments: *const *mut PyObject,
    count: usize,
    names: &'a *mut PyObject,
) -> Arguments<'a, 'py> {
    // SAFETY: the caller's promise. A `Bound` is a pointer to an object.
    unsafe {
        let names: Option<&Bound<'py, PyTuple>> =
            (!names.is_null()).then(|| Bound::ref_from_ptr(py, names).cast_unchecked());
        let all: &[Bound<'py, PyAny>] = match count + names.map_or(0, |names| names.len()) {
            0 => &[],
            all => std::slice::from_raw_parts(arguments.cast(), all),
        };
        let (positional, named) = all.split_at(count);
        Arguments { positional, named, names }
    }
}

/// The result of a function that the interpreter calls, or NULL with the exception set.
#[inline]
pub fn answer<'py>(body: impl FnOnce() -> PyResult<Bound<'py, PyAny>>) -> *mut PyObject {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(object)) => object.into_ptr(),
        Ok(Err(error)) => raise(error),
        Err(_) => raise(errors::new::<PyRuntimeError>("defect in dlbridge: a panic")),
    }
}

#[cold]
fn raise(error: PyErr) -> *mut PyObject {
    // Else PyO3 does not know of the GIL, and keeps what is dropped here for later.
    Python::attach(|py| error.restore(py));
    // SAFETY: the thread is attached. Where there is no memory for an exception, the interpreter
    // may forget it.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_NoMemory();
        }
    }
    ptr::null_mut()
}
