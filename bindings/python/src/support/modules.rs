//! Modules, and what is in them.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::lazy::once;

/// A module, which is imported.
pub fn import<'py>(py: Python<'py>, name: &CStr) -> PyResult<Bound<'py, PyModule>> {
    // SAFETY: the thread is attached, and the name ends.
    let found =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyImport_ImportModule(name.as_ptr()))? };
    found.cast_into::<PyModule>().map_err(|_| {
        errors::new::<PyTypeError>(format_args!("sys.modules has no module for {name:?}"))
    })
}

/// An attribute of a module, which is imported.
#[inline]
pub fn imported<'a, 'py>(
    py: Python<'py>,
    cell: &'a PyOnceLock<Py<PyAny>>,
    module: &CStr,
    name: &CStr,
) -> PyResult<&'a Bound<'py, PyAny>> {
    let attribute = || import(py, module)?.attribute(name).map(Bound::unbind);
    once(py, cell, attribute).map(|attribute| attribute.bind(py))
}
