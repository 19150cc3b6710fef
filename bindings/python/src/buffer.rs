//! Python's buffer protocol (PEP 3118): both directions.
//!
//! Rules: <https://docs.python.org/3/c-api/buffer.html>

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use dlbridge::abi::{DLDataType, DLDataTypeCode, Flags};
use dlbridge::layout::{Dims, Layout};
use dlbridge::{DType, RawArray, Tensor};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::array_interface::no_such_type;
use crate::integers::tuple;
use crate::raw_array::{Keeper, Raw};
use crate::support::lasting::{boxed, lasting};
use crate::tensor::PyTensor;
use crate::{errors, numpy};

/// A buffer of an object, which stays locked (a bytearray cannot be resized) until
/// this is dropped, attached. It does not move: exporters may point into it.
pub struct Buffer(ffi::Py_buffer);

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
    fn list(&self, list: *const ffi::Py_ssize_t) -> Option<Dims> {
        let count = usize::try_from(self.0.ndim).unwrap_or(0);
        // SAFETY: the protocol says that there is one entry for each dimension.
        (!list.is_null())
            .then(|| (0..count).map(|axis| unsafe { *list.add(axis) } as i64).collect())
    }

    fn shape(&self) -> PyResult<Dims> {
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
    fn dtype(&self) -> PyResult<(DType, bool)> {
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

/// The memory of an object with the buffer protocol. bytes are uint8.
pub fn describe<'py>(object: &Bound<'py, PyAny>) -> PyResult<Raw<'py>> {
    let buffer = Buffer::get(object)?;
    let (dtype, is_swapped) = buffer.dtype()?;
    if buffer.list(buffer.0.suboffsets).is_some_and(|list| list.iter().any(|it| *it >= 0)) {
        return Err(errors::refused(
            "the buffer has suboffsets: its elements lie behind pointers, which DLPack does not have",
        ));
    }
    let (shape, byte_strides) = (buffer.shape()?, buffer.list(buffer.0.strides));
    let bytes = Layout::new(dtype.item_bits(), &shape, None).map_err(errors::exchange)?.bytes();
    if bytes != buffer.0.len as i64 {
        return Err(errors::refused(format_args!(
            "the buffer has {} bytes; with the shape {} of {dtype} it must have {bytes}",
            buffer.0.len,
            tuple(&shape)
        )));
    }
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, buffer.is_read_only());
    let data = buffer.first();
    let array = RawArray { dtype, is_swapped, shape, byte_strides, data, flags };
    Ok(Raw { array, keeper: Keeper::Buffer(buffer) })
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

/// The format of the elements, as NumPy writes it: `l` rather than `q`, which is
/// another type to NumPy.
fn format_of(dtype: DType) -> Option<&'static CStr> {
    const LONG_IS_64: bool = size_of::<c_long>() == 8;
    let raw = dtype.raw();
    if raw.lanes != 1 {
        return None;
    }
    Some(match (raw.code, raw.bits) {
        (DLDataTypeCode::BOOL, 8) => c"?",
        (DLDataTypeCode::INT, 8) => c"b",
        (DLDataTypeCode::INT, 16) => c"h",
        (DLDataTypeCode::INT, 32) => c"i",
        (DLDataTypeCode::INT, 64) if LONG_IS_64 => c"l",
        (DLDataTypeCode::INT, 64) => c"q",
        (DLDataTypeCode::UINT, 8) => c"B",
        (DLDataTypeCode::UINT, 16) => c"H",
        (DLDataTypeCode::UINT, 32) => c"I",
        (DLDataTypeCode::UINT, 64) if LONG_IS_64 => c"L",
        (DLDataTypeCode::UINT, 64) => c"Q",
        (DLDataTypeCode::FLOAT, 16) => c"e",
        (DLDataTypeCode::FLOAT, 32) => c"f",
        (DLDataTypeCode::FLOAT, 64) => c"d",
        (DLDataTypeCode::COMPLEX, 32) => c"Ze",
        (DLDataTypeCode::COMPLEX, 64) => c"Zf",
        (DLDataTypeCode::COMPLEX, 128) => c"Zd",
        _ => return None,
    })
}

/// Fills the struct of a consumer that asks for a tensor's buffer.
///
/// # Safety
/// `view` is NULL or can be written to.
pub unsafe fn export(
    tensor: Bound<'_, PyTensor>,
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    // SAFETY: the caller's promise.
    let Some(view) = (unsafe { view.as_mut() }) else {
        return Err(errors::new::<PyBufferError>("view is NULL; it must be a Py_buffer"));
    };
    // So the protocol wants it on failure.
    view.obj = ptr::null_mut();
    let core = tensor.get().core();
    if !core.device().is_host_accessible() {
        return Err(errors::refused(numpy::not_on_host(core)));
    }
    let Some(format) = format_of(core.dtype()) else {
        return Err(errors::refused(no_such_type(core.dtype())));
    };
    let before = requested(core, flags);
    check_request(core, flags, before)?;
    let asks = |request: c_int| flags & request == request;
    let (layout, ndim) = (core.layout(), core.shape().len());
    let strides = layout.byte_strides().map_err(errors::exchange)?;
    let (shape, strides) = match (asks(ffi::PyBUF_ND), asks(ffi::PyBUF_STRIDES)) {
        (true, is_strided) if ndim > 0 => {
            let lists = core.shape().iter().chain(&strides).map(|number| *number as isize);
            let lists = Box::leak(lasting(|| Ok(lists.collect::<Box<[isize]>>()))?).as_mut_ptr();
            // SAFETY: the strides follow the shape.
            (lists, if is_strided { unsafe { lists.add(ndim) } } else { ptr::null_mut() })
        }
        _ => (ptr::null_mut(), ptr::null_mut()),
    };
    let format = asks(ffi::PyBUF_FORMAT).then_some(format);
    *view = ffi::Py_buffer {
        // Without elements any address does, but for NULL some consumers would allocate.
        buf: match layout.count() {
            0 => dlbridge::abi::NOWHERE,
            _ => core.data_ptr(),
        },
        len: layout.bytes() as isize,
        itemsize: (layout.item_bits() / 8) as isize,
        readonly: c_int::from(core.is_read_only()),
        // One row of bytes, for who does not ask for dimensions.
        ndim: if asks(ffi::PyBUF_ND) { ndim as c_int } else { 1 },
        format: format.map_or(ptr::null_mut(), |format| format.as_ptr().cast_mut()),
        shape,
        strides,
        suboffsets: ptr::null_mut(),
        internal: ptr::without_provenance_mut(ndim),
        obj: tensor.into_ptr().cast(),
    };
    Ok(())
}

/// Remembers a request of this thread, and tells what it asked before of the same tensor, the
/// last request first.
fn requested(tensor: &Tensor, flags: c_int) -> [c_int; 2] {
    const NONE: c_int = -1;
    thread_local! {
        static LAST: Cell<(usize, [c_int; 2])> = const { Cell::new((0, [NONE; 2])) };
    }
    let own = ptr::from_ref(tensor.descriptor()) as usize;
    LAST.with(|last| {
        let (other, requests) = last.get();
        let before = if other == own { requests } else { [NONE; 2] };
        last.set((own, [flags, before[0]]));
        before
    })
}

/// Whether a consumer wants bytes without a shape, which would be lost without a word:
/// PyTorch's `asarray` prefers this to DLPack, and makes (2, 3) to (6,).
///
/// Bytes of several axes are given to who wants to read them, like Pillow with an image, but
/// not to who was just refused a buffer to write to, for which PyTorch asks first.
fn is_flattened(tensor: &Tensor, flags: c_int, before: [c_int; 2]) -> bool {
    let is_read = flags == ffi::PyBUF_SIMPLE && before[0] != ffi::PyBUF_WRITABLE;
    let is_image = is_read && tensor.layout().item_bits() == 8 && !tensor.shape().is_empty();
    flags & ffi::PyBUF_ND == 0 && tensor.shape().len() != 1 && !is_image
}

/// Whether PyTorch's `asarray` asks, for a tensor that must not be written to: it asks for
/// dtype and shape, then for a buffer to write to, and when that was refused takes any.
fn is_written(tensor: &Tensor, flags: c_int, before: [c_int; 2]) -> bool {
    const BY_TORCH: [c_int; 2] = [ffi::PyBUF_WRITABLE, ffi::PyBUF_STRIDES | ffi::PyBUF_FORMAT];
    flags == ffi::PyBUF_SIMPLE && before == BY_TORCH && tensor.is_read_only()
}

/// Refuses requests that the tensor cannot meet. `before` is what was asked before.
fn check_request(tensor: &Tensor, flags: c_int, before: [c_int; 2]) -> PyResult<()> {
    let asks = |request: c_int| flags & request == request;
    let layout = tensor.layout();
    let (is_c, is_fortran) = (layout.is_c_contiguous(), layout.is_f_contiguous());
    let wrong = if asks(ffi::PyBUF_WRITABLE) && tensor.is_read_only() {
        "a writable one, and it is read-only"
    } else if asks(ffi::PyBUF_FORMAT) && !asks(ffi::PyBUF_ND) {
        "bytes with the format of the elements, which are no bytes"
    } else if asks(ffi::PyBUF_C_CONTIGUOUS) && !is_c {
        "C order without gaps, which it does not have"
    } else if asks(ffi::PyBUF_F_CONTIGUOUS) && !is_fortran {
        "Fortran order without gaps, which it does not have"
    } else if asks(ffi::PyBUF_ANY_CONTIGUOUS) && !is_c && !is_fortran {
        "elements without gaps, and it has some"
    } else if !asks(ffi::PyBUF_STRIDES) && !is_c {
        "a buffer without strides, and it is not in C order without gaps"
    } else if is_flattened(tensor, flags, before) {
        "bytes without a shape, which would be lost (memoryview(t).cast(\"B\") gives them, and \
         t.reshape(-1) has one axis)"
    } else if is_written(tensor, flags, before) {
        "a writable one after all, and it is read-only"
    } else {
        return Ok(());
    };
    Err(errors::refused(format_args!(
        "the consumer asks for {wrong}: the tensor is {}",
        tensor.view()
    )))
}

/// Undoes `export`.
///
/// # Safety
/// As for `release`. There is a view.
pub unsafe fn give_back(view: *mut ffi::Py_buffer) {
    // SAFETY: the caller's promise; the tensor was given to the struct.
    unsafe {
        release(view);
        ffi::Py_CLEAR(&mut (*view).obj);
    }
}

/// Frees what `export` allocated. The tensor is kept until after that.
///
/// # Safety
/// `export` filled the struct.
pub unsafe fn release(view: *mut ffi::Py_buffer) {
    // SAFETY: the caller's promise. `shape` is the list of shape and strides, and
    // `internal` the number of dimensions.
    unsafe {
        let (lists, ndim) = ((*view).shape, (*view).internal as usize);
        if !lists.is_null() {
            drop(Box::from_raw(ptr::slice_from_raw_parts_mut(lists, 2 * ndim)));
        }
    }
}
