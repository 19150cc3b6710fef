//! Ints and capsules of Python that become addresses: what cannot be one is found out before
//! anything is read there.

use std::ffi::c_void;

use dlbridge::abi::DANGLING;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use crate::support::errors;

/// What an int says; a bool is none, though Python counts it among them: `True` would be the
/// address 1.
pub fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = value.py();
    if value.is_instance_of::<PyBool>() {
        return Err(errors::wrong_type(name, value, "an int"));
    }
    value.extract::<usize>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            let text = |shown| format!("{name} is {shown}; it must be 0 to 2**{} - 1", usize::BITS);
            errors::written(
                errors::short_repr(value).map(|it| errors::new::<PyValueError>(text(it))),
            )
        } else if error.is_instance_of::<PyTypeError>(py) {
            errors::wrong_type(name, value, "an int")
        } else {
            error
        }
    })
}

/// The address of a struct, which only a plain int may be. None for what cannot be one.
pub fn of_struct<T>(value: &Bound<'_, PyAny>) -> Option<*mut T> {
    let number = value.cast_exact::<PyInt>().ok()?.extract::<usize>().ok()?;
    let address = number as *mut T;
    can_be(address).then_some(address)
}

/// Whether a struct may lie there: aligned, and where no system keeps NULL pointers with
/// offsets from being followed.
pub fn can_be<T>(address: *const T) -> bool {
    address.cast::<c_void>() >= DANGLING.cast_const() && address.is_aligned()
}

/// Whether memory can be read there, as far as that can be asked. Linux tells without a
/// crash; elsewhere the object that named the address is believed.
pub fn is_readable<T>(address: *const T) -> bool {
    can_be(address) && can_read(address.cast(), size_of::<T>())
}

#[cfg(target_os = "linux")]
fn can_read(address: *const c_void, bytes: usize) -> bool {
    const MOST: usize = 128;
    let mut copy = [0_u8; MOST];
    let bytes = bytes.min(MOST);
    let there = libc::iovec { iov_base: address.cast_mut(), iov_len: bytes };
    let here = libc::iovec { iov_base: copy.as_mut_ptr().cast(), iov_len: bytes };
    // SAFETY: the kernel writes no more than `bytes` to `copy`, and fails with EFAULT where
    // the other memory is not there.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &here, 1, &there, 1, 0) };
    match usize::try_from(copied) {
        Ok(copied) => copied == bytes,
        // Sandboxes forbid the call.
        Err(_) => std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT),
    }
}

#[cfg(not(target_os = "linux"))]
fn can_read(_address: *const c_void, _bytes: usize) -> bool {
    true
}
