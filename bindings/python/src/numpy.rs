//! NumPy arrays in and out, through NumPy's C API.

use std::ffi::{c_int, c_void};
use std::ptr;

use dlbridge::abi::{DLDataTypeCode, Flags};
use dlbridge::layout::Dims;
use dlbridge::{DType, Device, Tensor, array_interface};
use numpy::npyffi::{
    NPY_ARRAY_WRITEABLE, NPY_TYPES, NpyTypes, PY_ARRAY_API, PyArray_Descr, PyArrayObject,
    PyArrayObject_fields, PyDataType_ELSIZE, get_type_object,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::errors;
use crate::loaded::LoadedType;
use crate::owner::owned_by;
use crate::tensor::PyTensor;

pub static ARRAY: LoadedType = LoadedType::new("numpy", "ndarray");
static MASKED: LoadedType = LoadedType::new("numpy.ma", "MaskedArray");
static SCALAR: LoadedType = LoadedType::new("numpy", "generic");

/// NumPy's numbers of the types that DLPack has too.
const TYPES: &[(NPY_TYPES, DType)] = &[
    (NPY_TYPES::NPY_BOOL, DType::BOOL),
    (NPY_TYPES::NPY_BYTE, DType::INT8),
    (NPY_TYPES::NPY_UBYTE, DType::UINT8),
    (NPY_TYPES::NPY_SHORT, DType::INT16),
    (NPY_TYPES::NPY_USHORT, DType::UINT16),
    (NPY_TYPES::NPY_INT, DType::INT32),
    (NPY_TYPES::NPY_UINT, DType::UINT32),
    (
        NPY_TYPES::NPY_LONG,
        if size_of::<std::ffi::c_long>() == 8 { DType::INT64 } else { DType::INT32 },
    ),
    (
        NPY_TYPES::NPY_ULONG,
        if size_of::<std::ffi::c_long>() == 8 { DType::UINT64 } else { DType::UINT32 },
    ),
    (NPY_TYPES::NPY_LONGLONG, DType::INT64),
    (NPY_TYPES::NPY_ULONGLONG, DType::UINT64),
    (NPY_TYPES::NPY_HALF, DType::FLOAT16),
    (NPY_TYPES::NPY_FLOAT, DType::FLOAT32),
    (NPY_TYPES::NPY_DOUBLE, DType::FLOAT64),
    (NPY_TYPES::NPY_CFLOAT, DType::COMPLEX64),
    (NPY_TYPES::NPY_CDOUBLE, DType::COMPLEX128),
];

/// The same, by NumPy's number.
const PLAIN: [Option<DType>; 24] = {
    let mut plain = [None; 24];
    let mut index = 0;
    while index < TYPES.len() {
        plain[TYPES[index].0 as usize] = Some(TYPES[index].1);
        index += 1;
    }
    plain
};

/// The byte order character of NumPy dtypes that are not in native order.
const SWAPPED: u8 = if cfg!(target_endian = "little") { b'>' } else { b'<' };

/// Refuses values of NumPy that would lose their meaning as a plain buffer.
pub fn check_kind(object: &Bound<'_, PyAny>) -> PyResult<()> {
    if MASKED.is_type_of(object) {
        return Err(errors::refused(
            "x is a NumPy masked array, whose mask would be lost; pass x.filled(), or x.data to leave \
             the mask behind",
        ));
    }
    if SCALAR.is_type_of(object) {
        return Err(errors::wrong_type("x", object, "an array: numpy.asarray(x) makes one"));
    }
    Ok(())
}

/// A tensor on the memory of a NumPy array, which it keeps alive.
pub fn import(array: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = array.py();
    // SAFETY: the caller checked that it is an ndarray. Its fields are read while
    // the GIL is held, before anything else can run.
    unsafe {
        let fields = &(*array.as_ptr().cast::<PyArrayObject>()).fields;
        let dtype = element_type(py, fields.descr)?;
        let (shape, strides) =
            (dims(fields.dimensions, fields.nd), dims(fields.strides, fields.nd));
        if let Some(tensor) = own_base(array, fields, &shape, &strides)? {
            return Ok(tensor);
        }
        let mut flags = Flags::empty();
        flags.set(Flags::READ_ONLY, fields.flags & NPY_ARRAY_WRITEABLE == 0);
        // NumPy has no other elements of parts of bytes than those of ml_dtypes.
        flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
        owned_by(array.clone(), |source| {
            let (data, device) = (fields.data.cast(), Device::CPU);
            array_interface::from_values(dtype, &shape, Some(&strides), data, device, flags, source)
        })
    }
}

/// The struct of a NumPy array, until other code runs.
#[derive(Clone, Copy)]
pub struct Fields<'a, 'py> {
    py: Python<'py>,
    raw: &'a PyArrayObject_fields,
}

impl<'a, 'py> Fields<'a, 'py> {
    /// Of an object that the caller checked to be an array.
    #[inline]
    pub fn of(array: &'a Bound<'py, PyAny>) -> Self {
        // SAFETY: it is an array.
        let raw = unsafe { &(*array.as_ptr().cast::<PyArrayObject>()).fields };
        Fields { py: array.py(), raw }
    }

    #[inline]
    pub fn dtype(&self) -> PyResult<DType> {
        // SAFETY: the dtype of an array.
        unsafe { element_type(self.py, self.raw.descr) }
    }

    /// That of a type which NumPy itself has, in native byte order; None for others.
    #[inline]
    pub fn plain_dtype(&self) -> Option<DType> {
        // SAFETY: the dtype of an array.
        let descr = unsafe { &(*self.raw.descr).fields };
        let known = PLAIN.get(usize::try_from(descr.type_num).ok()?).copied().flatten();
        known.filter(|_| descr.byteorder as u8 != SWAPPED)
    }

    #[inline]
    pub fn data(&self) -> *mut c_void {
        self.raw.data.cast()
    }

    #[inline]
    pub fn shape(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.raw.dimensions, self.raw.nd) }
    }

    /// In bytes.
    #[inline]
    pub fn strides(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.raw.strides, self.raw.nd) }
    }

    #[inline]
    pub fn is_writable(&self) -> bool {
        self.raw.flags & NPY_ARRAY_WRITEABLE != 0
    }
}

/// # Safety
/// `numbers` points to `count` integers, unless that is 0.
#[inline]
unsafe fn numbers<'a>(numbers: *const isize, count: c_int) -> &'a [isize] {
    match count {
        0 => &[],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(numbers, count as usize) },
    }
}

/// A new NumPy array in C order, whose elements are not initialised.
pub fn empty<'py>(py: Python<'py>, dtype: DType, shape: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    let descr = element_descr(py, dtype)?;
    let mut shape: Dims = shape.into();
    // SAFETY: the shape has that many entries; NewFromDescr takes over `descr`.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            shape.len() as c_int,
            shape.as_mut_ptr().cast(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// One more owner of the tensor that an array was made of, if the array still is
/// all of it. Else each round from tensor to array and back would hold the one
/// before.
///
/// # Safety
/// `fields`, `shape` and `strides`, in bytes, are those of `array`.
unsafe fn own_base(
    array: &Bound<'_, PyAny>,
    fields: &PyArrayObject_fields,
    shape: &[i64],
    strides: &[i64],
) -> PyResult<Option<Tensor>> {
    if fields.base.is_null() {
        return Ok(None);
    }
    // SAFETY: the base of an array is an object.
    let base = unsafe { Bound::from_borrowed_ptr(array.py(), fields.base) };
    let Ok(base) = base.cast::<PyTensor>() else {
        return Ok(None);
    };
    let tensor = base.get().core();
    // SAFETY: the dtype of the array.
    let dtype = unsafe { element_type(array.py(), fields.descr) }?;
    let same = dtype == tensor.dtype()
        && tensor.data_ptr() == fields.data.cast()
        && tensor.shape() == shape
        && tensor.layout().byte_strides().is_ok_and(|own| own[..] == *strides)
        && tensor.is_read_only() == (fields.flags & NPY_ARRAY_WRITEABLE == 0);
    same.then(|| tensor.share().map_err(errors::exchange)).transpose()
}

/// # Safety
/// `numbers` points to `count` integers, unless that is 0.
unsafe fn dims(numbers: *const isize, count: c_int) -> Dims {
    if count == 0 {
        return Dims::new();
    }
    // SAFETY: the caller's promise.
    let numbers = unsafe { std::slice::from_raw_parts(numbers, count as usize) };
    match numbers {
        [one] => Dims::from_slice(&[*one as i64]),
        [one, two] => Dims::from_slice(&[*one as i64, *two as i64]),
        more => more.iter().map(|number| *number as i64).collect(),
    }
}

/// # Safety
/// `descr` is a dtype.
unsafe fn element_type(py: Python<'_>, descr: *mut PyArray_Descr) -> PyResult<DType> {
    // SAFETY: the caller's promise.
    let (fields, size) = unsafe { (&(*descr).fields, PyDataType_ELSIZE(py, descr)) };
    let known = TYPES.iter().find(|(number, _)| *number as c_int == fields.type_num);
    if let Some((_, dtype)) = known.filter(|_| fields.byteorder as u8 != SWAPPED) {
        return Ok(*dtype);
    }
    // Not of the array, where a subclass may answer with another one.
    // SAFETY: the caller's promise.
    let descr = unsafe { Bound::from_borrowed_ptr(py, descr.cast()) };
    let name = descr.str()?.to_string();
    // The types of ml_dtypes have the names of DLPack's, but take whole bytes each.
    let extension = name.parse::<DType>().ok();
    let bytes = |dtype: &DType| i64::from(dtype.item_bits().div_ceil(8));
    extension.filter(|dtype| bytes(dtype) == size as i64).ok_or_else(|| {
        let advice = match known {
            Some(_) => {
                "it must be in native byte order: x.astype(x.dtype.newbyteorder(\"=\")) converts"
            }
            None if matches!(fields.kind as u8, b'm' | b'M') => {
                "DLPack has no dates or time differences: share the integers with x.view(\"int64\")"
            }
            None if fields.kind as u8 == b'O' => "DLPack has no Python objects",
            None if fields.kind as u8 == b'V' && name.starts_with(['[', '{']) => {
                "DLPack has one number an element: pass a field, like a[\"x\"]"
            }
            None => "it must be a number type that DLPack has, one number an element",
        };
        errors::refused(format!("x is a NumPy array of dtype {name}; {advice}"))
    })
}

/// A NumPy array on the memory of a tensor on the host.
pub fn export<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    // Imports NumPy if need be: a missing one is an ImportError.
    if ARRAY.get(py).is_none() {
        py.import("numpy")?;
    }
    wrap(tensor)
}

/// The refusal of everything that needs memory on the host.
#[cold]
pub fn not_on_host(tensor: &Tensor) -> PyErr {
    errors::refused(format!(
        "the tensor is on {}, and NumPy needs memory on the host: call to_device(\"cpu\") first",
        tensor.device()
    ))
}

fn wrap<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let core = tensor.get().core();
    let layout = core.layout();
    let mut shape: Dims = core.shape().into();
    let mut strides = layout.byte_strides().map_err(|_| no_such_type(core.dtype()))?;
    let flags = if core.is_read_only() { 0 } else { NPY_ARRAY_WRITEABLE };
    // Without elements any address does, but for NULL NumPy would allocate.
    let data: *mut c_void = match layout.count() {
        0 => ptr::without_provenance_mut(dlbridge::abi::ALIGNMENT),
        _ => core.data_ptr(),
    };
    let descr = element_descr(py, core.dtype())?;
    // SAFETY: shape and strides have `ndim` entries, and the tensor, which keeps the
    // memory alive, becomes the base. NewFromDescr takes over `descr`, and
    // SetBaseObject the tensor, both also on failure.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let ndim = shape.len() as c_int;
        let (shape, strides) = (shape.as_mut_ptr().cast(), strides.as_mut_ptr().cast());
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            ndim,
            shape,
            strides,
            data,
            flags,
            ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        let base = tensor.clone().into_ptr();
        match PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), base) {
            0 => Ok(array),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

/// A new reference to the NumPy dtype.
fn element_descr(py: Python<'_>, dtype: DType) -> PyResult<*mut PyArray_Descr> {
    let known = TYPES.iter().find(|(_, known)| *known == dtype);
    if let Some((number, _)) = known {
        // SAFETY: NumPy is imported; one of its own numbers.
        return Ok(unsafe { PY_ARRAY_API.PyArray_DescrFromType(py, *number as c_int) });
    }
    static ML_DTYPES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let raw = dtype.raw();
    if raw.lanes != 1
        || raw.code == DLDataTypeCode::COMPLEX
        || raw.code == DLDataTypeCode::OPAQUEHANDLE
    {
        return Err(no_such_type(dtype));
    }
    let module = ML_DTYPES
        .get_or_try_init(py, || py.import("ml_dtypes").map(Bound::unbind))
        .map_err(|error| {
            let advice = "needs the package ml_dtypes, which cannot be imported";
            errors::refused_because(py, format!("dtype {dtype} in NumPy {advice}"), error)
        })?;
    let class = module.bind(py).getattr(dtype.to_string().as_str());
    let class = class.map_err(|error| {
        let message = format!("dtype is {dtype}, which this version of ml_dtypes does not have");
        errors::refused_because(py, message, error)
    })?;
    let descr = py.import("numpy")?.getattr("dtype")?.call1((class,))?;
    Ok(descr.into_ptr().cast())
}

#[cold]
fn no_such_type(dtype: DType) -> PyErr {
    errors::refused(format!("dtype is {dtype}, which NumPy does not have"))
}
