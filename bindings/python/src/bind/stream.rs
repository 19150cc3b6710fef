//! The stream that a C function is to work on.

use std::ffi::c_void;
use std::ptr;

use dlbridge::Device;
use pyo3::prelude::*;

use super::scalar::Scalar;
use crate::exchange::Table;

/// The stream that the framework of an array works on now; NULL, the default stream,
/// on the host and where the framework does not say.
pub fn current(array: &Bound<'_, PyAny>, device: Device) -> PyResult<*mut c_void> {
    match Table::of(array)?.filter(|_| !device.is_host_accessible()) {
        Some(table) => table.current_stream(array.py(), device),
        None => Ok(ptr::null_mut()),
    }
}

/// The stream of that address.
pub fn handle(object: &Bound<'_, PyAny>) -> PyResult<*mut c_void> {
    let word = Scalar::Pointer.read(object)?;
    // SAFETY: an address was read.
    Ok(unsafe { word.get::<*mut c_void>() })
}
