//! What the array interface and the buffer protocol can describe.

use dlbridge::abi::DLDataTypeCode;
use dlbridge::{DType, Tensor};
use pyo3::prelude::*;

use crate::support::errors;

/// Refuses tensors that the array interface cannot describe: off the host, or of types
/// that NumPy does not have and would take for raw bytes, without a word.
pub fn check_exportable(py: Python<'_>, tensor: &Tensor) -> PyResult<()> {
    let text = if !tensor.device().is_host_accessible() {
        not_on_host(tensor)
    } else if !has_typestr(tensor) {
        no_such_type(tensor.dtype())
    } else {
        return Ok(());
    };
    Err(errors::no_attribute(py, text))
}

/// Why the array interface and the buffer protocol cannot describe elements.
pub fn no_such_type(dtype: DType) -> String {
    format!(
        "dtype is {dtype}, which the array interface and the buffer protocol do not have: call numpy() \
         for an array of the type of that name in ml_dtypes, where there is one"
    )
}

/// Whether NumPy itself has the type of the elements.
pub fn has_typestr(tensor: &Tensor) -> bool {
    let raw = tensor.dtype().raw();
    raw.lanes == 1
        && match raw.code {
            DLDataTypeCode::INT | DLDataTypeCode::UINT => raw.bits >= 8,
            DLDataTypeCode::COMPLEX => raw.bits >= 64,
            code => matches!(code, DLDataTypeCode::FLOAT | DLDataTypeCode::BOOL),
        }
}

/// Why nothing can be had that needs memory on the host.
#[cold]
pub fn not_on_host(tensor: &Tensor) -> String {
    format!(
        "the tensor is on {}, and NumPy needs memory on the host: call to_device(\"cpu\") first",
        tensor.device()
    )
}
