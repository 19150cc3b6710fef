//! What a function is called with, as it comes from the interpreter.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::support::{errors, objects};

/// What a function is called with: values by position, and values by name.
#[derive(Clone, Copy)]
pub struct Arguments<'a, 'py> {
    pub positional: &'a [Bound<'py, PyAny>],
    pub named: &'a [Bound<'py, PyAny>],
    /// One for each of `named`, if there are any.
    pub names: Option<&'a Bound<'py, PyTuple>>,
}

/// What is wrong with arguments, by the index of a parameter.
pub enum Wrong {
    /// So many came by position.
    TooMany(usize),
    Twice(usize),
    Missing(usize),
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// Hands each argument to `set` with the index of its parameter: those by position in order,
    /// of which there are `most` at most, the others by `index_of` their name, which also gets
    /// the index of the next parameter. `set` tells whether the parameter had no argument yet.
    #[inline(always)]
    pub fn arrange<E>(
        &self,
        most: usize,
        mut set: impl FnMut(usize, &'a Bound<'py, PyAny>) -> bool,
        index_of: impl Fn(usize, &Bound<'py, PyAny>) -> Result<usize, E>,
        refuse: impl Fn(Wrong) -> E,
    ) -> Result<(), E> {
        let count = self.positional.len();
        if count > most {
            return Err(refuse(Wrong::TooMany(count)));
        }
        for (index, value) in self.positional.iter().enumerate() {
            set(index, value);
        }
        let Some(names) = self.names else { return Ok(()) };
        for ((next, name), value) in (count..).zip(names.iter_borrowed()).zip(self.named) {
            let index = index_of(next, &name)?;
            if !set(index, value) {
                return Err(refuse(Wrong::Twice(index)));
            }
        }
        Ok(())
    }

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

/// What `then` makes of the arguments that a tuple and a dict have.
pub fn unpacked<'py, T>(
    positional: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
    then: impl FnOnce(Arguments<'_, 'py>) -> PyResult<T>,
) -> PyResult<T> {
    let py = positional.py();
    let count = positional.len();
    let mut all = Vec::new();
    all.try_reserve_exact(count + keywords.map_or(0, |keywords| keywords.len()))
        .map_err(|_| errors::out_of_memory(py))?;
    all.extend(positional);
    let Some(keywords) = keywords else {
        return then(Arguments { positional: &all, named: &[], names: None });
    };
    if !keywords.iter().all(|(name, _)| name.is_instance_of::<PyString>()) {
        return Err(errors::new::<PyTypeError>("keywords must be strings"));
    }
    let names = objects::tuple(py, keywords.iter().map(|(name, _)| name))?;
    all.extend(keywords.iter().map(|(_, value)| value));
    let (positional, named) = all.split_at(count);
    then(Arguments { positional, named, names: Some(&names) })
}
