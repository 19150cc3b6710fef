//! The stream that a C function works on.

use std::ffi::c_void;
use std::ptr;

use dlbridge::Device;
use dlbridge::cuda::Stream;
use pyo3::prelude::*;

use crate::bind::signature::scalar::Scalar;
use crate::frameworks::registry;
use crate::protocols::exchange_table::Table;
use crate::values::tensor::PyTensor;

/// The stream that the framework of an array works on now, or that a tensor was made
/// on; NULL, the default stream, on the host and where the framework does not say.
pub fn current(array: &Bound<'_, PyAny>, device: Device) -> PyResult<*mut c_void> {
    if device.is_host_accessible() {
        return Ok(ptr::null_mut());
    }
    let stream = if let Ok(tensor) = array.cast_exact::<PyTensor>() {
        tensor.get().stream()
    } else if let Some(current) = registry::of(array).and_then(|it| it.current_stream) {
        current(array.py(), device)?
    } else if let Some(table) = Table::of(array)? {
        Stream::from_raw(table.current_stream(array.py(), device)?)
    } else {
        Stream::LEGACY
    };
    Ok(if stream == Stream::LEGACY { ptr::null_mut() } else { stream.as_raw() })
}

/// The stream of that address.
pub fn handle(object: &Bound<'_, PyAny>) -> PyResult<*mut c_void> {
    let word = Scalar::Pointer.read(object)?;
    // SAFETY: an address was read.
    Ok(unsafe { word.get::<*mut c_void>() })
}
