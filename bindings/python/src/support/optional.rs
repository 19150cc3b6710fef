//! Attributes that may be missing, without the exception that says so: to raise and drop one
//! takes as long as to read an array.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyAttributeError;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::support::symbol;

/// 1 and the attribute, 0 if there is none, -1 with an exception set.
type Lookup = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut *mut PyObject) -> c_int;

/// The first is public since 3.13, and no part of the limited API of 3.11; the second is what
/// it was called before.
const NAMES: [&CStr; 2] = [c"PyObject_GetOptionalAttr", c"_PyObject_LookupAttr"];

static LOOKUP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks for the function of this interpreter.
pub fn prepare() {
    LOOKUP.store(symbol::first_of(&NAMES), Ordering::Relaxed);
}

/// An attribute, if the object has it.
#[inline]
pub fn attribute<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    let lookup = LOOKUP.load(Ordering::Relaxed);
    if lookup.is_null() {
        return asked(object, name);
    }
    let mut found = ptr::null_mut();
    // SAFETY: `prepare` stored a function of this type; an object and a text; the result is
    // NULL or owned here.
    unsafe {
        let lookup = std::mem::transmute::<*mut c_void, Lookup>(lookup);
        match lookup(object.as_ptr(), name.as_ptr(), &mut found) {
            -1 => Err(PyErr::fetch(py)),
            _ => Ok(Bound::from_owned_ptr_or_opt(py, found)),
        }
    }
}

/// As `attribute`, where the interpreter has no such function.
#[cold]
fn asked<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match object.getattr(name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_instance_of::<PyAttributeError>(object.py()) => Ok(None),
        Err(error) => Err(error),
    }
}
