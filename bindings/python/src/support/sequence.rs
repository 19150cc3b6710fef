//! What several classes answer in the same way.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBool;

/// The answer of `__eq__`; NotImplemented for what cannot be compared.
pub fn equality(py: Python<'_>, equal: Option<bool>) -> PyResult<Bound<'_, PyAny>> {
    match equal {
        Some(equal) => Ok(PyBool::new(py, equal).to_owned().into_any()),
        None => Ok(py.NotImplemented().into_bound(py)),
    }
}

/// The answer of `__iter__`: the items at 0, 1 and so on.
pub fn iterator<'py, T>(sequence: &Bound<'py, T>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: an object that is indexed from 0 until it raises IndexError.
    unsafe { Bound::from_owned_ptr_or_err(sequence.py(), ffi::PySeqIter_New(sequence.as_ptr())) }
}
