//! NumPy arrays in and out, through NumPy's C API.

use std::ffi::{c_int, c_void};

use dlbridge::abi::Flags;
use dlbridge::array_interface::scale_to_elements;
use dlbridge::inline_dims::InlineDims;
use dlbridge::{DType, Device, RawArray, Tensor, TensorRef, memory};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArrayObject, PyArrayObject_fields};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use super::capi::load;
use super::dtypes::{SWAPPED, element_type, plain};
use super::types::{ARRAY, SCALAR};
use crate::protocols::buffer::Buffer;
use crate::protocols::raw_array::{Keeper, Raw};
use crate::support::errors;
use crate::support::keep_alive::{kept, kept_by};
use crate::values::tensor::PyTensor;

/// A read-only tensor without axes on the memory of a NumPy scalar, which it keeps alive.
pub fn import_scalar(scalar: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    if !SCALAR.is_type_of(scalar) {
        return Ok(None);
    }
    let py = scalar.py();
    load(py)?;
    // SAFETY: a scalar. That of its type: the attribute of a subclass may be another one.
    let dtype = unsafe {
        let descr = PY_ARRAY_API.PyArray_DescrFromScalar(py, scalar.as_ptr());
        let descr = Bound::from_owned_ptr_or_err(py, descr.cast())?;
        element_type(py, descr.as_ptr().cast(), "scalar")?
    };
    let buffer = Buffer::of_bytes(scalar)?;
    let bytes = dtype.item_bits().div_ceil(8) as usize;
    if buffer.bytes() != bytes {
        return Err(errors::refused(format_args!(
            "x is a NumPy scalar of {} bytes; {dtype} has {bytes}",
            buffer.bytes()
        )));
    }
    let mut flags = Flags::READ_ONLY;
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let data = buffer.first();
    let tensor = kept_by(buffer, |source| {
        let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, &[], None)?;
        // SAFETY: the bytes of the scalar, whose buffer is kept.
        unsafe { Tensor::wrap(view, source) }
    });
    tensor.map(Some)
}

/// Whether a NumPy array is more than a tensor: of a subclass, like a masked array, or of a
/// dtype that DLPack does not have, like dates. Only NumPy makes a copy that is as much.
pub fn is_kept_by_copy(array: &Bound<'_, PyAny>) -> bool {
    let is_plain = || see(array, |_| Ok(())).is_ok();
    ARRAY.is_type_of(array) && !(ARRAY.is_exact_type_of(array) && is_plain())
}

/// A tensor on the memory of a NumPy array, which it keeps alive. If DLPack cannot have it as
/// it is, then on a copy, unless `copy` is False.
pub fn import(array: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Tensor> {
    let shared = see(array, |view| {
        let own = own_base(array);
        match own.filter(|own| is_all_of(view, own.get().core())) {
            // Else each round from tensor to array and back would hold the one before.
            Some(own) => own.get().core().share().map_err(errors::exchange),
            // SAFETY: the array keeps its memory.
            None => unsafe { kept(view, array.clone()) },
        }
    });
    shared.or_else(|error| copied(array, copy, error))
}

/// A copy of what was refused with that error, if one helps.
#[cold]
fn copied(array: &Bound<'_, PyAny>, copy: Option<bool>, error: PyErr) -> PyResult<Tensor> {
    match (only_copied(array)?, copy) {
        (None, _) => Err(error),
        (Some(raw), Some(false)) => Err(raw.refuse(&errors::message(array.py(), &error)?)),
        // SAFETY: the array keeps its memory.
        (Some(raw), _) => unsafe { raw.copied(array.py()) },
    }
}

/// What a NumPy array is if DLPack can have it only as a copy.
pub fn only_copied<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>> {
    let (py, fields) = (array.py(), fields(array));
    // SAFETY: the dtype of an array.
    let (number, order) = unsafe {
        let descr = &(*fields.descr).fields;
        (descr.type_num, descr.byteorder as u8)
    };
    let known = plain(number);
    let dtype = match known {
        Some(dtype) => dtype,
        // SAFETY: as above.
        None => match unsafe { element_type(py, fields.descr, "array") } {
            Err(error) if error.is_instance_of::<PyBufferError>(py) => return Ok(None),
            dtype => dtype?,
        },
    };
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, !is_writable(fields));
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let fields = Fields::of(array);
    let list = |numbers: &[isize]| {
        let list = memory::collect(numbers.iter().map(|number| *number as i64));
        list.map_err(|error| errors::exchange(error.into()))
    };
    let array_of_bytes = RawArray {
        dtype,
        is_swapped: known.is_some() && order == SWAPPED,
        shape: list(fields.shape())?,
        byte_strides: Some(list(fields.strides())?),
        data: fields.data(),
        flags,
    };
    let is_one = array_of_bytes.check().is_err();
    let keeper = Keeper::Object(array.clone());
    Ok(is_one.then_some(Raw { array: array_of_bytes, keeper }))
}

/// Lets `then` see what a NumPy array is.
pub fn see<R>(
    array: &Bound<'_, PyAny>,
    then: impl FnOnce(&TensorRef<'_>) -> PyResult<R>,
) -> PyResult<R> {
    let fields = fields(array);
    // SAFETY: the fields of an array.
    let (dtype, shape, strides) = unsafe {
        let numbers = |pointer| numbers(pointer, fields.nd).iter().map(|number| *number as i64);
        (
            element_type(array.py(), fields.descr, "array")?,
            numbers(fields.dimensions),
            numbers(fields.strides),
        )
    };
    let [mut shape_room, mut strides_room] = [InlineDims::new(), InlineDims::new()];
    let (shape, strides) = (shape_room.fill(shape), strides_room.fill(strides));
    let size = i64::from(dtype.item_bits().div_ceil(8));
    scale_to_elements(size, shape, strides).map_err(errors::exchange)?;
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, !is_writable(fields));
    // NumPy has no other elements of parts of bytes than those of ml_dtypes.
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let data = fields.data.cast();
    let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, shape, Some(strides));
    then(&view.map_err(errors::exchange)?)
}

/// The struct of a NumPy array, until other code runs.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a PyArrayObject_fields);

impl<'a> Fields<'a> {
    /// Of an object that the caller checked to be an array.
    #[inline]
    pub fn of(array: &'a Bound<'_, PyAny>) -> Self {
        Fields(fields(array))
    }

    /// That of a type which NumPy itself has, in native byte order; None for others.
    #[inline]
    pub fn plain_dtype(&self) -> Option<DType> {
        // SAFETY: the dtype of an array.
        let descr = unsafe { &(*self.0.descr).fields };
        plain(descr.type_num).filter(|_| descr.byteorder as u8 != SWAPPED)
    }

    #[inline]
    pub fn data(&self) -> *mut c_void {
        self.0.data.cast()
    }

    #[inline]
    pub fn shape(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.0.dimensions, self.0.nd) }
    }

    /// In bytes.
    #[inline]
    pub fn strides(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.0.strides, self.0.nd) }
    }

    #[inline]
    pub fn is_writable(&self) -> bool {
        is_writable(self.0)
    }
}

/// Whether what is written is meant for this array alone. NumPy's broadcast arrays say that
/// they are writable, and with another flag, that they should not be: many of their elements
/// are one.
#[inline]
fn is_writable(fields: &PyArrayObject_fields) -> bool {
    const WARN_ON_WRITE: c_int = 1 << 31;
    fields.flags & (NPY_ARRAY_WRITEABLE | WARN_ON_WRITE) == NPY_ARRAY_WRITEABLE
}

/// The struct of a NumPy array, which the caller checked to be one.
fn fields<'a>(array: &'a Bound<'_, PyAny>) -> &'a PyArrayObject_fields {
    // SAFETY: it is one. Its fields are read while the GIL is held, before anything else
    // can run.
    unsafe { &(*array.as_ptr().cast::<PyArrayObject>()).fields }
}

/// The tensor that an array was made of, if it was.
pub fn own_base<'py>(array: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTensor>> {
    // SAFETY: the base of an array is NULL or an object.
    let base = unsafe { Bound::from_borrowed_ptr_or_opt(array.py(), fields(array).base) };
    base.and_then(|base| base.cast_into::<PyTensor>().ok())
}

/// Whether an array still is all of the tensor that it was made of.
fn is_all_of(array: &TensorRef<'_>, tensor: &Tensor) -> bool {
    array.dtype() == tensor.dtype()
        && array.first() == tensor.data_ptr()
        && array.shape() == tensor.shape()
        && array.layout().strides()[..] == *tensor.strides()
        && array.is_read_only() == tensor.is_read_only()
}

/// # Safety
/// `pointer` points to `count` integers for `'a`, unless that is 0.
unsafe fn numbers<'a>(pointer: *const isize, count: c_int) -> &'a [isize] {
    match count {
        0 => &[],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(pointer, count as usize) },
    }
}
