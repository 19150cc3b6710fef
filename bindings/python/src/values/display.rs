//! How a tensor is shown.

use dlbridge::TensorRef;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::support::integers::tuple;
use crate::support::objects;

pub fn text<'py>(py: Python<'py>, tensor: &TensorRef<'_>) -> PyResult<Bound<'py, PyString>> {
    let text = format_args!(
        "dlbridge.Tensor(shape={}, dtype={}, strides={}, device={}, readonly={}, ptr={:#x})",
        tuple(tensor.shape()),
        tensor.dtype(),
        tuple(&tensor.layout().strides()),
        tensor.device(),
        if tensor.is_read_only() { "True" } else { "False" },
        tensor.first() as usize
    );
    objects::display(py, text)
}

/// A table for notebooks. Nothing in it needs escaping: numbers, and names that are known.
pub fn html<'py>(py: Python<'py>, tensor: &TensorRef<'_>) -> PyResult<Bound<'py, PyString>> {
    let text = format_args!(
        "<table><caption>dlbridge.Tensor</caption>\
         <tr><th>shape</th><td>{}</td></tr><tr><th>dtype</th><td>{}</td></tr>\
         <tr><th>strides</th><td>{}</td></tr><tr><th>device</th><td>{}</td></tr>\
         <tr><th>readonly</th><td>{}</td></tr><tr><th>ptr</th><td>{:#x}</td></tr></table>",
        tuple(tensor.shape()),
        tensor.dtype(),
        tuple(&tensor.layout().strides()),
        tensor.device(),
        if tensor.is_read_only() { "True" } else { "False" },
        tensor.first() as usize
    );
    objects::display(py, text)
}
