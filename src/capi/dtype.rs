//! Names of element types.

use std::ffi::c_char;

use super::argument::{Output, fill, text};
use super::status::{dlbridge_status, guard};
use crate::abi::DLDataType;
use crate::dtype::DType;

/// Bytes that hold the name of any element type or device, or any typestr.
pub const DLBRIDGE_NAME_SIZE: usize = 32;

/// The name of an element type: "float32", "bool", "bfloat16", "complex64",
/// "float8_e4m3fn", and "float32x4" with 4 lanes.
///
/// buffer, size: where the name goes, with a zero byte; DLBRIDGE_NAME_SIZE is
///   enough.
/// Errors: DTYPE if DLPack 1.3 does not have it, ARGUMENT if the buffer is too
///   small, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_dtype_name(
    dtype: DLDataType,
    buffer: *mut c_char,
    size: usize,
) -> dlbridge_status {
    // SAFETY: the buffer is as the header demands.
    guard(|| unsafe { fill(buffer, size, &DType::new(dtype)?) })
}

/// The element type of a name that dlbridge_dtype_name() gives.
///
/// name: borrowed.
/// Errors: DTYPE if there is none, ARGUMENT if it is not UTF-8, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_dtype_from_name(
    name: *const c_char,
    out: *mut DLDataType,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(text(name, "name")?.parse::<DType>()?.raw())
    })
}

/// The NumPy typestr of an element type, in native byte order: "<f4", "|b1".
/// Types that NumPy does not have become raw bytes of the same size, "|V2" for
/// bfloat16 and "|V1" for the fp8 kinds, as ml_dtypes writes them; their meaning
/// is lost on the way.
///
/// buffer, size: as in dlbridge_dtype_name().
/// Errors: DTYPE with several lanes, or if elements are parts of bytes;
///   ARGUMENT, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_dtype_typestr(
    dtype: DLDataType,
    buffer: *mut c_char,
    size: usize,
) -> dlbridge_status {
    // SAFETY: the buffer is as the header demands.
    guard(|| unsafe { fill(buffer, size, &DType::new(dtype)?.short_typestr()?) })
}

/// The element type of a NumPy typestr. Raw bytes ("|V2") are refused: they do
/// not say what they are.
///
/// typestr: borrowed.
/// Errors: BYTE_ORDER in the byte order of another machine, DTYPE if DLPack does
///   not have it, INTERFACE if it is no typestr, ARGUMENT, NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_dtype_from_typestr(
    typestr: *const c_char,
    out: *mut DLDataType,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        out.set(DType::from_typestr(text(typestr, "typestr")?)?.raw())
    })
}
