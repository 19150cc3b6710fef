//! A buffer of a foreign object, which stays locked until it is dropped.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;

use dlbridge::DType;
use dlbridge::abi::{DLDataType, DLDataTypeCode};
use dlbridge::layout::Dims;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::support::errors;
use crate::support::lasting::boxed;

/// A buffer of an object, which stays locked (a bytearray cannot be resized) until
/// this is dropped, attached. It does not move: exporters may point into it.
pub struct Buffer(pub(super) ffi::Py_buffer);

// SAFETY: it is only used and dropped by attached threads.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Asks for the buffer, of any layout, with its format.
    pub fn get(exporter: &Bound<'_, PyAny>) -> PyResult<Box<Buffer>> {
        Buffer::ask(exporter, ffi::PyBUF_FULL_RO)
    }

    /// Asks for bytes without gaps, whatever they mean.
    pub fn of_bytes(exporter: &Bound<'_, PyAny>) -> PyResult<Box<Buffer>> {
        Buffer::ask(exporter, ffi::PyBUF_SIMPLE)
    }

    fn ask(exporter: &Bound<'_, PyAny>, request: c_int) -> PyResult<Box<Buffer>> {
        let mut buffer = boxed(MaybeUninit::<Buffer>::uninit())?;
        let view = buffer.as_mut_ptr().cast::<ffi::Py_buffer>();
        // SAFETY: the struct is written on success.
        unsafe {
            match ffi::PyObject_GetBuffer(exporter.as_ptr(), view, request) {
                0 => Ok(Box::from_raw(Box::into_raw(buffer).cast())),
                _ => Err(PyErr::fetch(exporter.py())),
            }
        }
    }

    pub fn first(&self) -> *mut c_void {
        self.0.buf
    }

    pub fn is_read_only(&self) -> bool {
        self.0.readonly != 0
    }

    /// The bytes of all elements.
    pub fn bytes(&self) -> usize {
        self.0.len.max(0) as usize
    }

    pub fn is_c_contiguous(&self) -> bool {
        // SAFETY: the exporter wrote the struct.
        unsafe { ffi::PyBuffer_IsContiguous(&self.0, b'C' as c_char) != 0 }
    }

    /// The entries of one of the lists, or None if it is NULL.
    pub fn list(&self, list: *const ffi::Py_ssize_t) -> Option<Dims> {
        let count = usize::try_from(self.0.ndim).unwrap_or(0);
        // SAFETY: the protocol says that there is one entry for each dimension.
        (!list.is_null())
            .then(|| (0..count).map(|axis| unsafe { *list.add(axis) } as i64).collect())
    }

    pub fn shape(&self) -> PyResult<Dims> {
        match (self.list(self.0.shape), self.0.ndim) {
            (Some(shape), _) => Ok(shape),
            (None, 0) => Ok(Dims::new()),
            (None, 1) if self.0.itemsize > 0 => {
                Ok(Dims::from_slice(&[self.0.len as i64 / self.0.itemsize as i64]))
            }
            _ => Err(errors::refused(format_args!(
                "the shape of the buffer is NULL with ndim {} and itemsize {}",
                self.0.ndim, self.0.itemsize
            ))),
        }
    }

    /// The element type, and whether it is in the byte order of another machine.
    pub fn dtype(&self) -> PyResult<(DType, bool)> {
        if self.0.format.is_null() {
            return dtype_of("B", self.0.itemsize);
        }
        // SAFETY: not NULL, and then a text.
        let format = unsafe { CStr::from_ptr(self.0.format) };
        dtype_of(&format.to_string_lossy(), self.0.itemsize)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: attached, as the type demands; the exporter wrote the struct.
        unsafe { ffi::PyBuffer_Release(&mut self.0) }
    }
}

/// Whether an object has a buffer.
pub fn has_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: an object.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) != 0 }
}

/// The element type of a format, as the `struct` module and PEP 3118 write it.
///
/// A letter may have two sizes, that of C and that of the standard mode, which a
/// prefix asks for; not all exporters mean what they write, so that either is
/// believed if it is the size of the items. The second result is whether they are in the
/// byte order of another machine.
fn dtype_of(format: &str, item_size: isize) -> PyResult<(DType, bool)> {
    let (order, code) = match format.as_bytes().first() {
        Some(b'@' | b'=' | b'<' | b'>' | b'!') => format.split_at(1),
        _ => ("", format),
    };
    const LONG: isize = size_of::<c_long>() as isize;
    const SIZE: isize = size_of::<usize>() as isize;
    let (kind, sizes): (DLDataTypeCode, &[isize]) = match code {
        "?" => (DLDataTypeCode::BOOL, &[1]),
        "b" => (DLDataTypeCode::INT, &[1]),
        "B" | "c" => (DLDataTypeCode::UINT, &[1]),
        "h" => (DLDataTypeCode::INT, &[2]),
        "H" => (DLDataTypeCode::UINT, &[2]),
        "i" => (DLDataTypeCode::INT, &[4]),
        "I" => (DLDataTypeCode::UINT, &[4]),
        "l" => (DLDataTypeCode::INT, &[4, LONG]),
        "L" => (DLDataTypeCode::UINT, &[4, LONG]),
        "q" => (DLDataTypeCode::INT, &[8]),
        "Q" => (DLDataTypeCode::UINT, &[8]),
        "n" => (DLDataTypeCode::INT, &[SIZE]),
        "N" => (DLDataTypeCode::UINT, &[SIZE]),
        "e" => (DLDataTypeCode::FLOAT, &[2]),
        "f" => (DLDataTypeCode::FLOAT, &[4]),
        "d" => (DLDataTypeCode::FLOAT, &[8]),
        "Ze" => (DLDataTypeCode::COMPLEX, &[4]),
        "Zf" | "F" => (DLDataTypeCode::COMPLEX, &[8]),
        "Zd" | "D" => (DLDataTypeCode::COMPLEX, &[16]),
        _ => return Err(no_such_format(format, code)),
    };
    if !sizes.contains(&item_size) {
        return Err(errors::refused(format_args!(
            "the buffer has the format {format:?} and items of {item_size} bytes; it must have {} of \
             them",
            sizes[0]
        )));
    }
    let swapped = if cfg!(target_endian = "little") { [">", "!"] } else { ["<", "<"] };
    let is_swapped = item_size > 1 && swapped.contains(&order);
    let raw = DLDataType { code: kind, bits: 8 * item_size as u8, lanes: 1 };
    Ok((DType::new(raw).map_err(errors::exchange)?, is_swapped))
}

#[cold]
fn no_such_format(format: &str, code: &str) -> PyErr {
    let spaces = |character: char| character.is_ascii_whitespace();
    let code = code.replace(spaces, "");
    let what = match code.as_bytes() {
        [b'u' | b'w'] => "text",
        [b's' | b'p'] => "raw bytes",
        [b'O'] => "Python objects",
        [b'P'] | [b'&' | b'X', ..] => "pointers",
        [b'g'] | [b'Z', b'g'] => "of a size that DLPack does not have",
        [b'T', ..] => "structs",
        codes
            if codes.ends_with(b"x") && codes.iter().all(|code| b"0123456789x".contains(code)) =>
        {
            "bytes without a meaning"
        }
        [b'(', ..] => "several numbers an item",
        codes if codes.len() > 1 && codes.iter().all(|code| is_of_struct(*code)) => {
            "several numbers an item"
        }
        _ => "not one of the struct module",
    };
    errors::refused(format_args!(
        "the buffer has the format {format:?}: {what}; it must be one of ? b B c h H i I l L q Q n N e f \
         d Ze Zf Zd in native byte order"
    ))
}

/// Whether a character may stand in a format of several items: a type, or how many.
fn is_of_struct(code: u8) -> bool {
    b"?bBchHiIlLqQnNefdgZFDPspxuwO0123456789".contains(&code)
}
