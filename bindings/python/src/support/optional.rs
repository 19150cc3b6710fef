//! Attributes that may be missing, without the exception that says so: to raise and drop one
//! takes as long as to read an array.
//!
//! Without the interpreter's functions for that the exception is raised and dropped.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyAttributeError;
use pyo3::ffi::{Py_TYPE, PyObject, PyType_Type, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::support::symbol;

/// 1 and the attribute, 0 if there is none, -1 with an exception set.
type Lookup = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut *mut PyObject) -> c_int;

/// What a class or its bases have in their dictionaries: borrowed, NULL if there is nothing.
type ClassLookup = unsafe extern "C" fn(*mut PyTypeObject, *mut PyObject) -> *mut PyObject;

/// The first is public since 3.13; the second is what it was called before.
const NAMES: [&CStr; 2] = [c"PyObject_GetOptionalAttr", c"_PyObject_LookupAttr"];

/// Not public, and exported by all versions.
const CLASS_NAMES: [&CStr; 1] = [c"_PyType_Lookup"];

static LOOKUP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static CLASS_LOOKUP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks for the functions of this interpreter.
pub fn prepare() {
    LOOKUP.store(symbol::first_of(&NAMES), Ordering::Relaxed);
    CLASS_LOOKUP.store(symbol::first_of(&CLASS_NAMES), Ordering::Relaxed);
}

/// An attribute of a class, if it or one of its bases has it.
#[inline]
pub fn of_class<'py>(
    class: &Bound<'py, PyType>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let lookup = CLASS_LOOKUP.load(Ordering::Relaxed);
    // A metaclass may have the attribute, or make it.
    // SAFETY: a class is an object.
    let is_plain = unsafe { Py_TYPE(class.as_ptr()) } == &raw mut PyType_Type;
    if is_plain && !lookup.is_null() {
        // SAFETY: `prepare` stored a function of this type; a class and a text.
        let found = unsafe {
            let lookup = std::mem::transmute::<*mut c_void, ClassLookup>(lookup);
            lookup(class.as_type_ptr(), name.as_ptr())
        };
        if found.is_null() {
            return Ok(None);
        }
    }
    attribute(class.as_any(), name)
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
