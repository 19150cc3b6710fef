//! Elements of tensors as numbers of Python.

use std::ffi::c_long;

use dlbridge::layout::Dims;
use dlbridge::{Error, Status, Tensor, Value};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::engine::copy;
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::integers::{integers, tuple};
use crate::support::objects::intern;
use crate::values::tensor::PyTensor;

type Number<'py> = PyResult<Bound<'py, PyAny>>;

/// `item()`: the one element, that at a flat index, or that at an index of each axis.
pub fn item<'py>(py: Python<'py>, own: &PyTensor, index: &[Bound<'py, PyAny>]) -> Number<'py> {
    let given = integers("index", index)?;
    let shape = own.core().shape();
    let place = match given[..] {
        [] if own.core().layout().count() == 1 => Dims::from_elem(0, shape.len()),
        [] => {
            return Err(errors::new::<PyValueError>(format_args!(
                "item() without an index is for one element; the tensor has shape {}",
                tuple(shape)
            )));
        }
        [flat] if shape.len() != 1 => from_flat(flat, own.core())?,
        _ if given.len() == shape.len() => from_the_end(&given, shape)?,
        _ => {
            return Err(errors::new::<PyValueError>(format_args!(
                "item() has {} indices; it must have one of all elements, or one for each of the {} axes",
                given.len(),
                shape.len()
            )));
        }
    };
    number(py, at(py, own, &place)?)
}

/// The index of each axis, of an index in C order.
fn from_flat(flat: i64, tensor: &Tensor) -> PyResult<Dims> {
    let count = tensor.layout().count();
    let mut rest = in_range(flat, count).ok_or_else(|| {
        errors::new::<PyIndexError>(format_args!(
            "index is {flat}; it must be from -{count} to {} for {count} elements",
            count - 1
        ))
    })?;
    let mut place = Dims::from_slice(tensor.shape());
    for extent in place.iter_mut().rev() {
        (rest, *extent) = (rest / *extent, rest % *extent);
    }
    Ok(place)
}

fn from_the_end(given: &[i64], shape: &[i64]) -> PyResult<Dims> {
    let axes = given.iter().zip(shape).enumerate();
    axes.map(|(axis, (&index, &extent))| {
        in_range(index, extent).ok_or_else(|| {
            errors::new::<PyIndexError>(format_args!(
                "index is {index} on axis {axis}; it must be from -{extent} to {}",
                extent - 1
            ))
        })
    })
    .collect()
}

/// An index that counts from 0, of one that may count from the end.
fn in_range(index: i64, extent: i64) -> Option<i64> {
    let index = if index < 0 { index + extent } else { index };
    (0..extent).contains(&index).then_some(index)
}

/// The element at an index of each axis; of memory of a GPU, that alone is copied.
fn at(py: Python<'_>, own: &PyTensor, place: &[i64]) -> PyResult<Value> {
    let tensor = own.core();
    if tensor.device().is_host_accessible() {
        return read(&copy::on_host(py, tensor, own.stream(), "item()")?, place);
    }
    let mut part = tensor.share().map_err(errors::exchange)?;
    for index in place {
        part = part.select(0, *index).map_err(errors::exchange)?;
    }
    read(&copy::on_host(py, &part, own.stream(), "item()")?, &[])
}

fn read(tensor: &Tensor, place: &[i64]) -> PyResult<Value> {
    // SAFETY: the tensor's owner says that it can be read; that nobody writes to it
    // meanwhile is up to the program, as the documentation says.
    unsafe { tensor.view().value(place) }.map_err(|error: Error| match error.status() {
        Status::Dtype => errors::new::<PyTypeError>(error.message()),
        _ => errors::exchange(error),
    })
}

/// The number of Python.
pub fn number(py: Python<'_>, value: Value) -> Number<'_> {
    // SAFETY: the thread is attached, and each call makes an object, or sets an exception.
    unsafe {
        let made = match value {
            Value::Bool(truth) => ffi::PyBool_FromLong(c_long::from(truth)),
            Value::Int(integer) => ffi::PyLong_FromLongLong(integer),
            Value::Uint(integer) => ffi::PyLong_FromUnsignedLongLong(integer),
            Value::Float(float) => ffi::PyFloat_FromDouble(float),
            Value::Complex(real, imaginary) => ffi::PyComplex_FromDoubles(real, imaginary),
        };
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// `tolist()`: lists in lists, one for each axis; a number without axes.
pub fn to_list<'py>(py: Python<'py>, own: &PyTensor) -> Number<'py> {
    let tensor = copy::on_host(py, own.core(), own.stream(), "tolist()")?;
    list_below(py, &tensor, &mut Dims::new())
}

fn list_below<'py>(py: Python<'py>, tensor: &Tensor, place: &mut Dims) -> Number<'py> {
    let Some(&extent) = tensor.shape().get(place.len()) else {
        return number(py, read(tensor, place)?);
    };
    // SAFETY: the thread is attached.
    let list = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(0)) }?;
    let list = list.cast_into::<PyList>()?;
    for index in 0..extent {
        place.push(index);
        let part = list_below(py, tensor, place);
        place.pop();
        list.append(part?)?;
    }
    Ok(list.into_any())
}

/// The one element, for the function of Python with this name.
fn single(py: Python<'_>, own: &PyTensor, function: &str) -> PyResult<Value> {
    let tensor = own.core();
    match tensor.layout().count() {
        1 => at(py, own, &Dims::from_elem(0, tensor.shape().len())),
        _ => Err(errors::new::<PyTypeError>(format_args!(
            "{function} takes a tensor of one element; this one has shape {}",
            tuple(tensor.shape())
        ))),
    }
}

#[cold]
fn not_for(function: &str, own: &PyTensor) -> PyErr {
    errors::new::<PyTypeError>(format_args!(
        "{function} does not take a tensor of dtype {}; call item()",
        own.core().dtype()
    ))
}

/// `int()`: towards zero; of NaN and infinities the errors of Python's floats.
pub fn to_int<'py>(py: Python<'py>, own: &PyTensor) -> Number<'py> {
    match single(py, own, "int()")? {
        Value::Bool(truth) => number(py, Value::Int(i64::from(truth))),
        Value::Complex(..) => Err(not_for("int()", own)),
        value @ Value::Float(_) => number(py, value)?.call_method0(intern!(py, "__int__")?),
        integer => number(py, integer),
    }
}

pub fn to_float<'py>(py: Python<'py>, own: &PyTensor) -> Number<'py> {
    match single(py, own, "float()")? {
        Value::Complex(..) => Err(not_for("float()", own)),
        value => number(py, Value::Float(real_part(value))),
    }
}

pub fn to_complex<'py>(py: Python<'py>, own: &PyTensor) -> Number<'py> {
    let value = match single(py, own, "complex()")? {
        value @ Value::Complex(..) => value,
        value => Value::Complex(real_part(value), 0.0),
    };
    number(py, value)
}

pub fn to_bool(py: Python<'_>, own: &PyTensor) -> PyResult<bool> {
    Ok(match single(py, own, "bool()")? {
        Value::Complex(real, imaginary) => real != 0.0 || imaginary != 0.0,
        Value::Int(integer) => integer != 0,
        Value::Uint(integer) => integer != 0,
        value => real_part(value) != 0.0,
    })
}

/// `__index__`, for whatever takes an integer. Not of one element with axes: as an index that
/// would be an array.
pub fn to_index<'py>(py: Python<'py>, own: &PyTensor) -> Number<'py> {
    if !own.core().shape().is_empty() {
        return Err(errors::new::<PyTypeError>(format_args!(
            "a tensor of shape {} is no integer; it must have shape ()",
            tuple(own.core().shape())
        )));
    }
    match single(py, own, "index")? {
        integer @ (Value::Int(_) | Value::Uint(_)) => number(py, integer),
        _ => Err(errors::new::<PyTypeError>(format_args!(
            "a tensor of dtype {} is no integer",
            own.core().dtype()
        ))),
    }
}

fn real_part(value: Value) -> f64 {
    match value {
        Value::Bool(truth) => f64::from(u8::from(truth)),
        Value::Int(integer) => integer as f64,
        Value::Uint(integer) => integer as f64,
        Value::Float(real) | Value::Complex(real, _) => real,
    }
}

/// `format()`: that of the number where there are no axes, else that of any object, which
/// takes no specification.
pub fn format<'py>(
    own: &Bound<'py, PyTensor>,
    specification: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = own.py();
    let is_number = own.get().core().shape().is_empty() && specification.is_truthy()?;
    let name = intern!(py, "__format__")?;
    match is_number {
        true => number(py, at(py, own.get(), &[])?)?.getattr(name)?.called([specification]),
        false => py.get_type::<PyAny>().getattr(name)?.called([own.as_any(), specification]),
    }
}
