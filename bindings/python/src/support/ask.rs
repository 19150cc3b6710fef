//! Attributes and calls of objects, by names that are not kept.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::support::{objects, optional, vectorcall};

/// What is asked of an object by a name that is not kept.
pub trait Ask<'py> {
    /// An attribute.
    fn attribute(&self, name: &CStr) -> PyResult<Bound<'py, PyAny>>;

    /// An attribute that may be missing.
    fn optional(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>>;

    /// What the object gives when it is called.
    fn called<const N: usize>(
        &self,
        arguments: [&Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>>;

    /// As `called`, with keywords.
    fn called_with<const N: usize>(
        &self,
        arguments: [&Bound<'py, PyAny>; N],
        keywords: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>>;

    /// What a method gives.
    fn method<const N: usize>(
        &self,
        name: &CStr,
        arguments: [&Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(name)?.called(arguments)
    }
}

impl<'py, T> Ask<'py> for Bound<'py, T> {
    fn attribute(&self, name: &CStr) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: an object, and the name ends.
        unsafe {
            let found = ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr());
            Bound::from_owned_ptr_or_err(self.py(), found)
        }
    }

    #[inline]
    fn optional(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional::attribute(self.as_any(), name)
    }

    fn called<const N: usize>(
        &self,
        arguments: [&Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>> {
        vectorcall::call(self.as_any(), arguments)
    }

    fn called_with<const N: usize>(
        &self,
        arguments: [&Bound<'py, PyAny>; N],
        keywords: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.as_any().call(objects::tuple(self.py(), arguments.map(Bound::clone))?, Some(keywords))
    }
}
