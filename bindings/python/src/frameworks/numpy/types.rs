//! NumPy's types, looked up when NumPy is loaded.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::lazy_type::LazyType;
use crate::support::modules::imported;

pub static ARRAY: LazyType = LazyType::on(
    "numpy",
    "ndarray",
    &[("numpy._core._multiarray_umath", "ndarray"), ("numpy.core._multiarray_umath", "ndarray")],
);

static MASKED: LazyType = LazyType::new("numpy.ma", "MaskedArray");

pub static SCALAR: LazyType = LazyType::new("numpy", "generic");

/// Whether an object is a number of NumPy's types, and no array.
pub fn is_scalar(object: &Bound<'_, PyAny>) -> bool {
    SCALAR.is_type_of(object)
}

/// Refuses values of NumPy that would lose their meaning as a plain buffer: arrays with
/// elements that are masked.
pub fn check_kind(object: &Bound<'_, PyAny>) -> PyResult<()> {
    if !MASKED.is_type_of(object) {
        return Ok(());
    }
    static IS_MASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let is_masked = imported(object.py(), &IS_MASKED, c"numpy.ma", c"is_masked")?.called([object]);
    let is_masked = is_masked.and_then(|is_masked| is_masked.is_truthy());
    match errors::tolerate(object.py(), is_masked)? {
        Some(false) => Ok(()),
        _ => Err(errors::refused(
            "x is a NumPy masked array with masked elements, and the mask would be lost; pass \
             x.filled(), or x.data to leave the mask behind",
        )),
    }
}
