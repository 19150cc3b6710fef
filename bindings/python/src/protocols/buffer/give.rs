//! Tensors as buffers.
//!
//! Rules: <https://docs.python.org/3/c-api/buffer.html>

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_long};
use std::ptr;

use dlbridge::abi::DLDataTypeCode;
use dlbridge::{DType, Tensor};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::protocols::exportable::{no_such_type, not_on_host};
use crate::support::errors;
use crate::support::lasting::lasting;
use crate::values::tensor::PyTensor;

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
        return Err(errors::refused(not_on_host(core)));
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
            0 => dlbridge::abi::DANGLING,
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
