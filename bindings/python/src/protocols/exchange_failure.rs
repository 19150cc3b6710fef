//! What the allocator of a framework says when it fails.

use std::ffi::{CStr, c_char, c_void};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;

use crate::support::errors;

/// The kind of exception and its text, from DLPack's callback.
#[derive(Default)]
pub struct Failure(Option<(String, String)>);

impl Failure {
    /// # Safety
    /// `context` is a `Failure`, and the texts end with a NUL.
    pub unsafe extern "C" fn set(context: *mut c_void, kind: *const c_char, text: *const c_char) {
        // SAFETY: the caller's promise.
        unsafe {
            let read = |text: *const c_char| match text.is_null() {
                true => String::new(),
                false => CStr::from_ptr(text).to_string_lossy().into_owned(),
            };
            if let Some(failure) = context.cast::<Failure>().as_mut() {
                failure.0 = Some((read(kind), read(text)));
            }
        }
    }

    pub fn into_error(self, py: Python<'_>) -> PyErr {
        match self.0 {
            Some((kind, text)) if kind == "MemoryError" => errors::new::<PyMemoryError>(text),
            Some((_, text)) => errors::new::<PyRuntimeError>(text),
            None => PyErr::take(py).unwrap_or_else(|| {
                errors::new::<PyRuntimeError>("the framework could not allocate")
            }),
        }
    }
}
