//! What a function is called with, as it comes from the interpreter.

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// What a function is called with: values by position, and values by name.
#[derive(Clone, Copy)]
pub struct Arguments<'a, 'py> {
    pub positional: &'a [Bound<'py, PyAny>],
    pub named: &'a [Bound<'py, PyAny>],
    /// One for each of `named`, if there are any.
    pub names: Option<&'a Bound<'py, PyTuple>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// Arguments as they come from the interpreter.
    ///
    /// # Safety
    /// `names` is NULL or a tuple of texts, and there are `count` objects and then one for each
    /// name. They stay for `'a`.
    #[inline]
    pub unsafe fn from_raw(
        py: Python<'py>,
        arguments: *const *mut PyObject,
        count: usize,
        names: &'a *mut PyObject,
    ) -> Self {
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
}
