//! What is made or looked up once.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::support::objects::{self, Ask};

/// What is in the cell, or is made for it. It is made outside: there code of others may run
/// (imports, finalisers, other threads) that comes back here, and would wait for itself.
#[inline]
pub fn once<'a, T>(
    py: Python<'_>,
    cell: &'a PyOnceLock<T>,
    make: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'a T> {
    match cell.get(py) {
        Some(made) => Ok(made),
        None => {
            let made = make()?;
            Ok(cell.get_or_init(py, || made))
        }
    }
}

/// An attribute of a module, which is imported.
#[inline]
pub fn imported<'a, 'py>(
    py: Python<'py>,
    cell: &'a PyOnceLock<Py<PyAny>>,
    module: &CStr,
    name: &CStr,
) -> PyResult<&'a Bound<'py, PyAny>> {
    let attribute = || objects::module(py, module)?.attribute(name).map(Bound::unbind);
    once(py, cell, attribute).map(|attribute| attribute.bind(py))
}
