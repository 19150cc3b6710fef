//! Calls without a tuple of arguments.

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

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
    let arguments = [argument.as_ptr()];
    // SAFETY: objects, and as many as said.
    unsafe {
        let result =
            PyObject_Vectorcall(callable.as_ptr(), arguments.as_ptr(), 1, std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}
