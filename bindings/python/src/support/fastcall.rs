//! Functions that the interpreter calls without a tuple of arguments.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::support::errors;

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
