//! `__array_interface__`, version 3: both directions.
//!
//! Rules: <https://numpy.org/doc/stable/reference/arrays.interface.html>

use std::ffi::c_void;

use dlbridge::layout::{Dims, Layout};
use dlbridge::{DType, Tensor, array_interface as core};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::owner::owned_by;
use crate::tensor::integer_list;
use crate::{errors, numpy};

/// The dictionary that describes a tensor on the host.
pub fn export<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyDict>> {
    if !tensor.device().is_host_accessible() {
        return Err(numpy::not_on_host(tensor));
    }
    let values = core::Values::of(&tensor.view()).map_err(errors::exchange)?;
    // NumPy would make raw bytes of it, without a word.
    if values.typestr.contains('V') {
        return Err(errors::refused(format!(
            "dtype is {}, which the array interface does not have: call numpy() for an array of the \
             type of that name in ml_dtypes",
            tensor.dtype()
        )));
    }
    let interface = PyDict::new(py);
    interface.set_item(intern!(py, "shape"), PyTuple::new(py, tensor.shape())?)?;
    interface.set_item(intern!(py, "typestr"), values.typestr)?;
    let data = (tensor.data_ptr() as usize, tensor.is_read_only());
    interface.set_item(intern!(py, "data"), data)?;
    interface.set_item(intern!(py, "strides"), PyTuple::new(py, &values.byte_strides)?)?;
    interface.set_item(intern!(py, "version"), 3)?;
    Ok(interface)
}

/// The values of a dictionary that say how the memory is used.
struct Description {
    dtype: DType,
    shape: Dims,
    byte_strides: Option<Dims>,
}

/// A tensor on the memory that an object's `__array_interface__` describes.
pub fn import(object: &Bound<'_, PyAny>, interface: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let interface = interface
        .cast::<PyDict>()
        .map_err(|_| errors::wrong_type("__array_interface__", interface, "a dict"))?;
    if entry(interface, "mask")?.is_some() {
        return Err(errors::refused(
            "__array_interface__ has a mask, which would be lost; pass an array without one",
        ));
    }
    let description = describe(interface)?;
    match entry(interface, "data")? {
        Some(data) if data.is_instance_of::<PyTuple>() => {
            let (address, read_only) = data
                .extract::<(usize, Bound<'_, PyAny>)>()
                .and_then(|(address, read_only)| Ok((address, read_only.is_truthy()?)))
                .map_err(|_| {
                    errors::wrong_type(
                        "data",
                        &data,
                        "a tuple of an address and whether it is read-only",
                    )
                })?;
            // The dictionary too: NumPy's scalars keep their memory alive with it.
            let owner = PyTuple::new(object.py(), [object, interface.as_any()])?.into_any();
            wrap(owner, &description, address as *mut c_void, read_only)
        }
        Some(buffer) => from_buffer(&buffer, interface, &description),
        None => from_buffer(object, interface, &description),
    }
}

fn describe(interface: &Bound<'_, PyDict>) -> PyResult<Description> {
    let typestr = required(interface, "typestr")?;
    let text = errors::text(&typestr);
    let text = text.ok_or_else(|| errors::wrong_type("typestr", &typestr, "a str"))?;
    let dtype = DType::from_typestr(&text).map_err(errors::exchange)?;
    let shape = required(interface, "shape")?;
    if !shape.is_instance_of::<PyTuple>() {
        return Err(errors::wrong_type("shape", &shape, "a tuple of ints"));
    }
    let strides = entry(interface, "strides")?;
    if let Some(strides) = strides.as_ref().filter(|it| !it.is_instance_of::<PyTuple>()) {
        return Err(errors::wrong_type("strides", strides, "a tuple of ints or None"));
    }
    let shape = integer_list("shape", &shape)?;
    let byte_strides = strides.map(|strides| integer_list("strides", &strides)).transpose()?;
    match &byte_strides {
        Some(strides) if strides.len() != shape.len() => Err(errors::refused(format!(
            "strides has {} entries; it must have {}, one for each dimension",
            strides.len(),
            shape.len()
        ))),
        _ => Ok(Description { dtype, shape, byte_strides }),
    }
}

/// Memory of an object with the buffer protocol, which stays locked (a bytearray
/// cannot be resized) as long as the tensor lives.
fn from_buffer(
    exporter: &Bound<'_, PyAny>,
    interface: &Bound<'_, PyDict>,
    description: &Description,
) -> PyResult<Tensor> {
    let py = exporter.py();
    let buffer = PyUntypedBuffer::get(exporter).map_err(|error| {
        let message = format!(
            "__array_interface__ has its data in a {}, whose buffer cannot be had",
            errors::type_name(exporter)
        );
        errors::refused_because(py, message, error)
    })?;
    let offset = match entry(interface, "offset")? {
        Some(offset) => offset
            .extract::<usize>()
            .map_err(|_| errors::wrong_type("offset", &offset, "an int, 0 or more"))?,
        None => 0,
    };
    check_bounds(&buffer, offset, description)?;
    let read_only = buffer.readonly();
    let first = buffer.buf_ptr().cast::<u8>().wrapping_add(offset).cast();
    let owner = Bound::new(py, BufferOwner(buffer))?.into_any();
    wrap(owner, description, first, read_only)
}

/// Keeps a buffer locked; releases it when it goes away.
#[pyclass(frozen)]
struct BufferOwner(#[expect(dead_code, reason = "dropped at the end")] PyUntypedBuffer);

fn check_bounds(buffer: &PyUntypedBuffer, offset: usize, wanted: &Description) -> PyResult<()> {
    if !buffer.is_c_contiguous() {
        return Err(errors::refused("the data of __array_interface__ is a buffer with gaps"));
    }
    let size = buffer.len_bytes() as i128;
    let items = wanted.dtype.item_bytes().unwrap_or(1) as i64;
    // As bytes: one axis more, of single bytes.
    let mut shape = wanted.shape.clone();
    shape.push(items);
    let strides = wanted.byte_strides.clone().map(|mut strides| {
        strides.push(1);
        strides
    });
    let layout = Layout::new(8, &shape, strides.as_deref()).map_err(errors::exchange)?;
    let range = layout.byte_range();
    let (low, end) = (range.start as i128 + offset as i128, range.end as i128 + offset as i128);
    if low < 0 || end > size {
        return Err(errors::refused(format!(
            "__array_interface__ reaches from byte {low} to {end} of a buffer of {size} bytes; all of \
             it must be inside"
        )));
    }
    Ok(())
}

fn wrap(
    owner: Bound<'_, PyAny>,
    description: &Description,
    data: *mut c_void,
    read_only: bool,
) -> PyResult<Tensor> {
    let Description { dtype, shape, byte_strides } = description;
    owned_by(owner, |source| {
        // SAFETY: the interface says that the memory is there as long as the object is.
        unsafe {
            core::from_values(*dtype, shape, byte_strides.as_deref(), data, read_only, source)
        }
    })
}

fn required<'py>(interface: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    entry(interface, name)?
        .ok_or_else(|| PyTypeError::new_err(format!("__array_interface__ has no {name:?}")))
}

/// An entry, unless it is missing or None.
fn entry<'py>(interface: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(interface.get_item(name)?.filter(|value| !value.is_none()))
}
