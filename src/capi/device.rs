//! Names of devices.

use std::ffi::c_char;

use super::argument::{Output, fill, text};
use super::status::{dlbridge_status, guard};
use crate::abi::DLDevice;
use crate::device::Device;

/// The name of a device: "cpu", "cuda:0".
///
/// buffer, size: where the name goes, with a zero byte; DLBRIDGE_NAME_SIZE is
///   enough.
/// Errors: DEVICE if DLPack 1.3 does not have it, ARGUMENT if the buffer is too
///   small, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_device_name(
    device: DLDevice,
    buffer: *mut c_char,
    size: usize,
) -> dlbridge_status {
    // SAFETY: the buffer is as the header demands.
    guard(|| unsafe { fill(buffer, size, &Device::new(device)?) })
}

/// The device of a name; without a number it is number 0.
///
/// name: borrowed.
/// Errors: DEVICE if there is none, ARGUMENT if it is not UTF-8, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_device_from_name(
    name: *const c_char,
    out: *mut DLDevice,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(text(name, "name")?.parse::<Device>()?.raw())
    })
}
