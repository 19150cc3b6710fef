//! `__array_interface__`, version 3: both directions.
//!
//! Rules: <https://numpy.org/doc/stable/reference/arrays.interface.html>

use std::ffi::c_void;

use dlbridge::abi::{DANGLING, Flags};
use dlbridge::layout::Layout;
use dlbridge::{DType, RawArray, Tensor, array_interface as core};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use crate::protocols::buffer::Buffer;
use crate::protocols::exportable::check_exportable;
use crate::protocols::raw_array::{Keeper, Raw};
use crate::support::integers::integer_list;
use crate::support::objects::{Int, Text, intern};
use crate::support::{address, errors, objects};

/// The dictionary that describes a tensor on the host. Others do not have the attribute, so
/// that consumers look for another way, and NumPy for `__array__`.
pub fn export<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyDict>> {
    check_exportable(py, tensor)?;
    let values = core::Values::of(&tensor.view()).map_err(errors::exchange)?;
    let strides = match tensor.layout().is_c_contiguous() {
        true => None,
        false => Some(objects::ints(py, &values.byte_strides)?),
    };
    let interface = objects::dict(py)?;
    interface.set_item(intern!(py, "shape")?, objects::ints(py, tensor.shape())?)?;
    interface.set_item(intern!(py, "typestr")?, Text(values.typestr))?;
    interface.set_item(intern!(py, "data")?, address_pair(py, tensor)?)?;
    interface.set_item(intern!(py, "strides")?, strides)?;
    interface.set_item(intern!(py, "version")?, Int(3))?;
    Ok(interface)
}

/// The address of the first element, and whether it must not be written to.
pub fn address_pair<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyTuple>> {
    let address = objects::address(py, tensor.data_ptr() as usize)?.into_any();
    let is_read_only = PyBool::new(py, tensor.is_read_only()).to_owned().into_any();
    objects::tuple(py, [address, is_read_only])
}

/// The memory that an object's `__array_interface__` describes.
pub fn describe<'py>(
    object: &Bound<'py, PyAny>,
    interface: &Bound<'py, PyAny>,
) -> PyResult<Raw<'py>> {
    let interface = Interface::new("__array_interface__", interface)?;
    let array = interface.describe()?;
    match interface.entry("data")? {
        Some(data) if data.is_instance_of::<PyTuple>() => {
            let (address, read_only) = address(&data)?;
            // The dictionary too: NumPy's scalars keep their memory alive with it.
            let owner = [object.clone(), interface.dict.clone().into_any()];
            let owner = objects::tuple(object.py(), owner)?.into_any();
            let array = at(array, address as *mut c_void, read_only);
            Ok(Raw { array, keeper: Keeper::Object(owner) })
        }
        Some(buffer) => in_buffer(&buffer, &interface, array),
        None => in_buffer(object, &interface, array),
    }
}

/// The same array at an address.
pub fn at(array: RawArray, data: *mut c_void, read_only: bool) -> RawArray {
    let flags = if read_only { Flags::READ_ONLY } else { Flags::empty() };
    RawArray { data, flags, ..array }
}

/// The dictionary of an array interface, of the host or of CUDA.
pub struct Interface<'a, 'py> {
    name: &'static str,
    pub dict: &'a Bound<'py, PyDict>,
}

impl<'a, 'py> Interface<'a, 'py> {
    /// Refuses what is no dictionary, and masks.
    pub fn new(name: &'static str, interface: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let dict = interface
            .cast::<PyDict>()
            .map_err(|_| errors::wrong_type(name, interface, "a dict"))?;
        let interface = Interface { name, dict };
        match interface.entry("mask")? {
            None => Ok(interface),
            Some(_) => Err(errors::refused(format_args!(
                "{name} has a mask, which would be lost; pass an array without one"
            ))),
        }
    }

    /// The array, without its address.
    pub fn describe(&self) -> PyResult<RawArray> {
        let typestr = self.required("typestr")?;
        let text = errors::text(&typestr);
        let text = text.ok_or_else(|| errors::wrong_type("typestr", &typestr, "a str"))?;
        let (dtype, is_swapped) =
            DType::from_typestr_of_any_order(&text).map_err(errors::exchange)?;
        let shape = self.required("shape")?;
        if !shape.is_instance_of::<PyTuple>() {
            return Err(errors::wrong_type("shape", &shape, "a tuple of ints"));
        }
        let strides = self.entry("strides")?;
        if let Some(strides) = strides.as_ref().filter(|it| !it.is_instance_of::<PyTuple>()) {
            return Err(errors::wrong_type("strides", strides, "a tuple of ints or None"));
        }
        let shape = integer_list("shape", &shape)?;
        let byte_strides = strides.map(|strides| integer_list("strides", &strides)).transpose()?;
        match &byte_strides {
            Some(strides) if strides.len() != shape.len() => Err(errors::refused(format_args!(
                "strides has {} entries; it must have {}, one for each dimension",
                strides.len(),
                shape.len()
            ))),
            _ => Ok(RawArray {
                dtype,
                is_swapped,
                shape,
                byte_strides,
                data: DANGLING,
                flags: Flags::empty(),
            }),
        }
    }

    pub fn required(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.entry(name)?.ok_or_else(|| {
            errors::new::<PyTypeError>(format_args!("{} has no {name:?}", self.name))
        })
    }

    /// An entry, unless it is missing or None.
    pub fn entry(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self
            .dict
            .get_item(objects::text(self.dict.py(), name)?)?
            .filter(|value| !value.is_none()))
    }
}

/// The address in `data`, and whether it is read-only.
pub fn address(data: &Bound<'_, PyAny>) -> PyResult<(usize, bool)> {
    let pair = data.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
    let pair = pair.ok_or_else(|| {
        errors::wrong_type("data", data, "a tuple of an address and whether it is read-only")
    })?;
    let address = address::number("data[0]", &pair.get_item(0)?)?;
    Ok((address, pair.get_item(1)?.is_truthy()?))
}

/// Memory of an object with the buffer protocol, which stays locked (a bytearray
/// cannot be resized) as long as the tensor lives.
fn in_buffer<'py>(
    exporter: &Bound<'py, PyAny>,
    interface: &Interface<'_, 'py>,
    array: RawArray,
) -> PyResult<Raw<'py>> {
    let buffer = Buffer::get(exporter).map_err(|error| {
        let message = format!(
            "__array_interface__ has its data in a {}, whose buffer cannot be had",
            errors::type_name(exporter)
        );
        errors::refused_because(exporter.py(), message, error)
    })?;
    let offset = match interface.entry("offset")? {
        Some(offset) => errors::tolerate(offset.py(), offset.extract::<usize>())?
            .ok_or_else(|| errors::wrong_type("offset", &offset, "an int, 0 or more"))?,
        None => 0,
    };
    check_bounds(&buffer, offset, &array)?;
    let (first, read_only) =
        (buffer.first().cast::<u8>().wrapping_add(offset), buffer.is_read_only());
    Ok(Raw { array: at(array, first.cast(), read_only), keeper: Keeper::Buffer(buffer) })
}

fn check_bounds(buffer: &Buffer, offset: usize, wanted: &RawArray) -> PyResult<()> {
    if !buffer.is_c_contiguous() {
        return Err(errors::refused("the data of __array_interface__ is a buffer with gaps"));
    }
    let size = buffer.bytes() as i128;
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
        return Err(errors::refused(format_args!(
            "__array_interface__ reaches from byte {low} to {end} of a buffer of {size} bytes; all of \
             it must be inside"
        )));
    }
    Ok(())
}
