//! NumPy: everything on the host, read-only kept. Types that it lacks are those of
//! ml_dtypes.

use dlbridge::TensorRef;
use dlbridge::abi::{DLDataType, DLDataTypeCode};
use pyo3::prelude::*;

use crate::frameworks::framework::{ExportFn, Framework, ReadOnly, Reason, is_plain};
use crate::frameworks::numpy;

pub static FRAMEWORK: Framework = Framework {
    name: "numpy",
    title: "NumPy",
    module: "numpy",
    distributions: &["numpy"],
    arrays: &[&numpy::ARRAY],
    read_only: ReadOnly::Kept,
    unfit,
    protocol: "NumPy C API",
    give: ExportFn::View(numpy::export),
    give_at_once: Some(numpy::export_at_once),
    ..Framework::ANY
};

/// Without importing anything: whether ml_dtypes is there shows when it is used. Its
/// small types take whole bytes each.
fn unfit(_py: Python<'_>, tensor: &TensorRef<'_>) -> Option<Reason> {
    let dtype = tensor.dtype();
    if is_plain(dtype) {
        return None;
    }
    let DLDataType { code, lanes, .. } = dtype.raw();
    let is_bytes = tensor.layout().item_bits().is_multiple_of(8);
    let has_none = [DLDataTypeCode::COMPLEX, DLDataTypeCode::OPAQUEHANDLE].contains(&code);
    match lanes == 1 && is_bytes && !has_none {
        true => None,
        false => Some(format!("dtype is {dtype}, which NumPy does not have").into()),
    }
}
