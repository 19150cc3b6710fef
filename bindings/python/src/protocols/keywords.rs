//! The keyword arguments of `__dlpack__` and `__array__`, and whether a producer knows them.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use smallvec::SmallVec;

use crate::support::lazy::once;
use crate::support::{errors, objects, vectorcall};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    Stream,
    MaxVersion,
    Device,
    Copy,
}

const NAMES: [&str; 4] = ["stream", "max_version", "dl_device", "copy"];

/// The values of those that are given.
#[derive(Clone, Default)]
pub struct Keywords<'py>([Option<Bound<'py, PyAny>>; NAMES.len()]);

impl<'py> Keywords<'py> {
    pub fn set(&mut self, keyword: Keyword, value: Bound<'py, PyAny>) {
        self.0[keyword as usize] = Some(value);
    }

    /// These of them.
    pub fn only(&self, kept: &[Keyword]) -> Keywords<'py> {
        let mut only = Keywords::default();
        for keyword in kept {
            only.0[*keyword as usize].clone_from(&self.0[*keyword as usize]);
        }
        only
    }

    pub fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Calls a method with them.
    pub fn call(&self, method: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(method.py())?;
        let values: SmallVec<[&Bound<'py, PyAny>; NAMES.len()]> = self.0.iter().flatten().collect();
        vectorcall::call_named(method, &values, names)
    }

    /// The names of those that are given: one tuple for each combination, made once.
    fn names(&self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyTuple>> {
        static TUPLES: [PyOnceLock<Py<PyTuple>>; 1 << NAMES.len()] =
            [const { PyOnceLock::new() }; 1 << NAMES.len()];
        let given = self.0.iter().zip(NAMES).enumerate().filter(|(_, (value, _))| value.is_some());
        let combination: usize = given.clone().map(|(index, _)| 1 << index).sum();
        let make = || {
            let names = given
                .map(|(_, (_, name))| objects::new_name(py, name).map(Bound::into_any))
                .collect::<PyResult<SmallVec<[_; NAMES.len()]>>>()?;
            objects::tuple(py, names).map(Bound::unbind)
        };
        once(py, &TUPLES[combination], make).map(|names| names.bind(py))
    }

    /// Whether a call with them failed since one of them is not known.
    pub fn are_refused(&self, py: Python<'_>, error: &PyErr) -> PyResult<bool> {
        if !error.is_instance_of::<PyTypeError>(py) {
            return Ok(false);
        }
        let text = errors::message(py, error)?;
        let mut given = self.0.iter().zip(NAMES).filter(|(value, _)| value.is_some());
        let names_one = given.any(|(_, name)| text.contains(&format!("'{name}'")));
        // Raised by the call itself, there is no frame of Python code in between.
        let by_the_call = error.traceback(py).is_none();
        let keywords = text.contains("keyword");
        Ok(keywords && (names_one || by_the_call)
            || by_the_call && text.contains("incompatible function arguments"))
    }
}
