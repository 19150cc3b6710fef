//! Versions of the library.

use std::ffi::{CStr, c_char};

/// The version of the C ABI: larger after any change that could break a program
/// compiled before. It equals dlbridge_abi_version() of the library linked to,
/// or else header and library do not fit.
pub const DLBRIDGE_ABI_VERSION: u32 = 1;

/// The library's version, for example "0.1.0".
///
/// Returns: never NULL; a constant.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn dlbridge_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("the version has a zero byte"),
        };
    VERSION.as_ptr()
}

/// DLBRIDGE_ABI_VERSION of the library that runs.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn dlbridge_abi_version() -> u32 {
    DLBRIDGE_ABI_VERSION
}
