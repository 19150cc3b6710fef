//! Why a call failed: what C says of it.

use std::ffi::{c_char, c_int};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::bind::call::function::Function;
use crate::bind::call::text;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::Outcome;
use crate::support::ask::Ask;
use crate::support::{errors, modules, objects};

impl Function {
    /// What a call says by its result.
    pub fn check_status(&self, py: Python<'_>, result: &CValue) -> PyResult<()> {
        match self.signature.result {
            // SAFETY: the C function returned an int.
            Outcome::Status | Outcome::OwnStatus => match unsafe { result.get::<i32>() } {
                0 => Ok(()),
                status => Err(self.failure(py, status)),
            },
            _ => Ok(()),
        }
    }

    /// The exception for a status that is not 0.
    #[cold]
    fn failure(&self, py: Python<'_>, status: i32) -> PyErr {
        let own = matches!(self.signature.result, Outcome::OwnStatus);
        let sentence = self.sentence(status, own);
        let make = || {
            let capi = modules::import(py, c"dlbridge.capi.functions")?;
            let name = objects::text(py, &self.name)?;
            let status = objects::int(py, status.into())?;
            let sentence = match &sentence {
                Some(sentence) => objects::text(py, sentence)?.into_any(),
                None => py.None().into_bound(py),
            };
            capi.method(c"_failure", [&name, &status, &PyBool::new(py, own), &sentence])
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }

    /// The exception for NULL instead of a tensor.
    #[cold]
    pub fn null_result(&self) -> PyErr {
        let sentence = self.sentence(0, true).map_or(String::new(), |text| format!(": {text}"));
        errors::new::<PyRuntimeError>(format!(
            "{}() gave NULL instead of a tensor{sentence}",
            self.name
        ))
    }

    /// What the library itself says: by the function that the caller named, else by dlbridge.
    fn sentence(&self, status: i32, uses_dlbridge: bool) -> Option<String> {
        let said = self.error.and_then(|address| {
            // SAFETY: the caller of `bind` said that this is such a function. One without
            // the parameter ignores it, as everywhere where the caller clears the stack.
            unsafe {
                let error = std::mem::transmute::<
                    usize,
                    unsafe extern "C" fn(c_int) -> *const c_char,
                >(address);
                text::sentence(error(status))
            }
        });
        let sentences = self.sentences.as_ref().filter(|_| uses_dlbridge);
        said.or_else(|| sentences?.last())
    }
}
