//! The one exception that needs no memory.

use pyo3::ffi;
use pyo3::prelude::*;

/// The MemoryError that the interpreter keeps for when nothing else can be made.
#[cold]
pub fn out_of_memory(py: Python<'_>) -> PyErr {
    // SAFETY: the thread is attached. It always sets an exception.
    unsafe { ffi::PyErr_NoMemory() };
    PyErr::fetch(py)
}
