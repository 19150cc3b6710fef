//! Frames of Python code that is being run.

use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::support::objects::intern;

/// A frame of Python code.
#[derive(Clone)]
pub struct Frame<'py>(Bound<'py, PyAny>);

impl<'py> Frame<'py> {
    /// The one that called; None where C code runs without any.
    pub fn current(py: Python<'py>) -> Option<Frame<'py>> {
        // SAFETY: the thread is attached; the frame is borrowed from it, or NULL.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast()).map(Frame) }
    }

    /// The one that called this one.
    pub fn outer(&self) -> PyResult<Option<Frame<'py>>> {
        let outer = self.0.getattr(intern!(self.0.py(), "f_back")?)?;
        Ok((!outer.is_none()).then_some(Frame(outer)))
    }

    /// The name of its module, as the module has it.
    pub fn module(&self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.0.py();
        let globals = self.0.getattr(intern!(py, "f_globals")?)?.cast_into::<PyDict>()?;
        globals.get_item(intern!(py, "__name__")?)
    }

    pub fn file(&self) -> PyResult<Bound<'py, PyString>> {
        let py = self.0.py();
        // SAFETY: a frame, which gives a new reference to its code.
        let code = unsafe { Bound::from_owned_ptr(py, ffi::PyFrame_GetCode(self.as_ptr()).cast()) };
        Ok(code.getattr(intern!(py, "co_filename")?)?.cast_into::<PyString>()?)
    }

    /// The line that is being run; 0 where none is.
    pub fn line(&self) -> u32 {
        // SAFETY: a frame.
        let line = unsafe { ffi::PyFrame_GetLineNumber(self.as_ptr()) };
        u32::try_from(line).unwrap_or(0)
    }

    fn as_ptr(&self) -> *mut PyFrameObject {
        self.0.as_ptr().cast()
    }
}
