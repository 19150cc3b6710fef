//! Calls without a tuple of arguments.

use std::ptr;

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;

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

/// Calls with keyword arguments alone.
pub fn call_named<'py>(
    callable: &Bound<'py, PyAny>,
    values: &[&Bound<'py, PyAny>],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    assert_eq!(values.len(), names.len());
    let values: SmallVec<[*mut PyObject; 4]> = values.iter().map(|it| it.as_ptr()).collect();
    // SAFETY: one object for each name.
    unsafe { pass_on(callable, values.as_ptr(), 0, names.as_ptr()) }
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
