//! Element types between NumPy and DLPack.

use std::ffi::c_int;

use dlbridge::DType;
use dlbridge::abi::DLDataTypeCode;
use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API, PyArray_Descr, PyDataType_ELSIZE};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use super::capi::load;
use crate::support::ask::Ask;
use crate::support::lazy::once;
use crate::support::{errors, modules, objects};

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

#[inline]
pub fn plain(number: c_int) -> Option<DType> {
    PLAIN.get(usize::try_from(number).ok()?).copied().flatten()
}

/// The byte order character of NumPy dtypes that are not in native order.
pub const SWAPPED: u8 = if cfg!(target_endian = "little") { b'>' } else { b'<' };

/// # Safety
/// `descr` is a dtype.
pub unsafe fn element_type(
    py: Python<'_>,
    descr: *mut PyArray_Descr,
    kind: &str,
) -> PyResult<DType> {
    // SAFETY: the caller's promise.
    let fields = unsafe { &(*descr).fields };
    let known = plain(fields.type_num);
    if let Some(dtype) = known.filter(|_| fields.byteorder as u8 != SWAPPED) {
        return Ok(dtype);
    }
    load(py)?;
    // Not of the array, where a subclass may answer with another one.
    // SAFETY: the caller's promise.
    let (size, descr) =
        unsafe { (PyDataType_ELSIZE(py, descr), Bound::from_borrowed_ptr(py, descr.cast())) };
    let name = errors::shown(&descr)?;
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
        errors::refused(format_args!(
            "x is a NumPy {kind} of dtype {}; {advice}",
            errors::shortened(&name)
        ))
    })
}

/// The NumPy dtype of elements.
pub fn descr_of(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    load(py)?;
    element_descr(py, dtype)
}

/// The NumPy dtype of a type that NumPy itself has. NumPy is imported.
pub fn plain_descr(py: Python<'_>, dtype: DType) -> Option<Bound<'_, PyAny>> {
    let (number, _) = TYPES.iter().find(|(_, known)| *known == dtype)?;
    // SAFETY: one of NumPy's own numbers.
    unsafe {
        // Those objects are NumPy's own, and stay.
        let descr = PY_ARRAY_API.PyArray_DescrFromType(py, *number as c_int);
        Bound::from_owned_ptr_or_opt(py, descr.cast())
    }
}

/// The NumPy dtype. NumPy is imported.
pub fn element_descr(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    if let Some(descr) = plain_descr(py, dtype) {
        return Ok(descr);
    }
    static ML_DTYPES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let raw = dtype.raw();
    if raw.lanes != 1
        || raw.code == DLDataTypeCode::COMPLEX
        || raw.code == DLDataTypeCode::OPAQUEHANDLE
    {
        return Err(no_such_type(dtype));
    }
    let module = once(py, &ML_DTYPES, || modules::import(py, c"ml_dtypes").map(Bound::unbind))
        .map_err(|error| {
            let advice = "needs the package ml_dtypes, which cannot be imported";
            errors::refused_because(py, format_args!("dtype {dtype} in NumPy {advice}"), error)
        })?;
    let class = module.bind(py).getattr(objects::display(py, dtype)?);
    let class = class.map_err(|error| {
        let message = format!("dtype is {dtype}, which this version of ml_dtypes does not have");
        errors::refused_because(py, message, error)
    })?;
    modules::import(py, c"numpy")?.attribute(c"dtype")?.called([&class])
}

#[cold]
pub fn no_such_type(dtype: DType) -> PyErr {
    errors::refused(format_args!("dtype is {dtype}, which NumPy does not have"))
}
