//! NumPy arrays on the memory of tensors.

use std::ffi::{c_int, c_void};
use std::ptr;

use dlbridge::inline_dims::InlineDims;
use dlbridge::{DType, TensorRef};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, get_type_object};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::capi::{is_loaded, load};
use super::dtypes::{element_descr, no_such_type, plain_descr};
use crate::support::ask::Ask;
use crate::support::objects::intern;
use crate::support::{errors, modules, objects};

/// A new NumPy array in C order, whose elements are not initialised.
pub fn empty<'py>(py: Python<'py>, dtype: DType, shape: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    load(py)?;
    let descr = element_descr(py, dtype)?.into_ptr().cast();
    // SAFETY: the shape has that many entries, to which NumPy does not write; NewFromDescr
    // takes over `descr`.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            shape.len() as c_int,
            shape.as_ptr().cast_mut().cast(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// A NumPy array on the memory of a tensor on the host, which `keeper` keeps.
pub fn export<'py>(
    tensor: &TensorRef<'_>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    load(keeper.py())?;
    let descr = element_descr(keeper.py(), tensor.dtype())?;
    wrap(tensor, descr, keeper)
}

/// As `export`, without foreign code: None if NumPy is not loaded, or lacks the type.
#[inline]
pub fn export_at_once<'py>(
    tensor: &TensorRef<'_>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = keeper.py();
    match is_loaded().then(|| plain_descr(py, tensor.dtype())).flatten() {
        Some(descr) => wrap(tensor, descr, keeper).map(Some),
        None => Ok(None),
    }
}

fn wrap<'py>(
    tensor: &TensorRef<'_>,
    descr: Bound<'py, PyAny>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = keeper.py();
    let layout = tensor.layout();
    let mut room = InlineDims::new();
    let strides = layout.strides_in(&mut room);
    layout.scale_to_bytes(strides).map_err(|_| no_such_type(tensor.dtype()))?;
    let flags = if tensor.is_read_only() { 0 } else { NPY_ARRAY_WRITEABLE };
    // Without elements any address does, but for NULL NumPy would allocate.
    let data: *mut c_void = match layout.count() {
        0 => dlbridge::abi::DANGLING,
        _ => tensor.first(),
    };
    let descr = descr.into_ptr().cast();
    // SAFETY: shape and strides have `ndim` entries, and what keeps the memory becomes
    // the base. NewFromDescr takes over `descr`, and SetBaseObject the base, both also on
    // failure.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let ndim = layout.ndim() as c_int;
        // NumPy does not write to them.
        let shape = layout.shape().as_ptr().cast_mut().cast();
        let strides = strides.as_mut_ptr().cast();
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
        match PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), keeper.into_ptr()) {
            0 => Ok(array),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

/// What `__array__` returns for a dtype: the array, or a converted copy.
pub fn converted<'py>(
    array: Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let dtype = modules::import(py, c"numpy")?.attribute(c"dtype")?.called([dtype])?;
    let own = array.getattr(intern!(py, "dtype")?)?;
    if copy == Some(false) && !own.eq(&dtype)? {
        return Err(errors::new::<PyValueError>(format_args!(
            "dtype is {dtype} and the elements are {own}, which takes a copy, and copy is False"
        )));
    }
    let keywords = objects::dict(py)?;
    keywords.set_item(intern!(py, "copy")?, copy == Some(true))?;
    array.attribute(c"astype")?.called_with([&dtype], &keywords)
}
