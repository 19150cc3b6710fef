//! Basic indexing: integers, slices, `...` and `None`, always a view.

use dlbridge::abi::MAX_NDIM;
use dlbridge::layout::Dims;
use dlbridge::{Slice, Tensor};
use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyInt, PySlice, PyTuple};

use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::errors::{exchange, type_name};
use crate::support::integers::{integers, tuple};
use crate::support::objects::intern;

/// One entry of an index.
enum Entry {
    At(i64),
    Slice(Slice),
    Rest,
    NewAxis,
}

/// The part of a tensor that an index names.
pub fn get(tensor: &Tensor, key: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let Ok(entries) = key.cast::<PyTuple>() else {
        return match entry(key)? {
            Entry::At(_) if tensor.shape().is_empty() => Err(too_many(tensor, 1)),
            Entry::At(index) => tensor.select(0, index).map_err(exchange),
            Entry::Slice(slice) => tensor.slice(&[slice]).map_err(exchange),
            single => apply(tensor, vec![single]),
        };
    };
    apply(tensor, entries.iter().map(|key| entry(&key)).collect::<PyResult<_>>()?)
}

/// The axes that `transpose` is given, from 0 on: negative ones count from the end.
pub fn axes(axes: &[Bound<'_, PyAny>], ndim: usize) -> PyResult<Vec<usize>> {
    let given = integers("axes", axes)?;
    let resolved: Option<Vec<usize>> = given
        .iter()
        .map(|axis| usize::try_from(if *axis < 0 { axis + ndim as i64 } else { *axis }).ok())
        .collect();
    let is_each_once =
        |axes: &Vec<usize>| axes.len() == ndim && (0..ndim).all(|axis| axes.contains(&axis));
    resolved.filter(is_each_once).ok_or_else(|| {
        errors::new::<PyValueError>(format_args!(
            "axes is {}; it must name each of the {ndim} axes once",
            errors::shortened(&tuple(&given))
        ))
    })
}

fn entry(key: &Bound<'_, PyAny>) -> PyResult<Entry> {
    // Nearly all are ints, which need not be asked whether they are.
    let is_int = key.is_exact_instance_of::<PyInt>();
    if let Some(slice) = key.cast::<PySlice>().ok().filter(|_| !is_int) {
        return unpack(slice).map(Entry::Slice);
    }
    if key.is_none() {
        return Ok(Entry::NewAxis);
    }
    if key.is_instance_of::<PyEllipsis>() {
        return Ok(Entry::Rest);
    }
    // A truth value is an int in Python, but a mask in NumPy.
    if is_int
        || !key.is_instance_of::<PyBool>()
            && key.optional(intern!(key.py(), "__index__")?)?.is_some()
    {
        match key.extract::<i64>() {
            Ok(index) => return Ok(Entry::At(index)),
            Err(error) if error.is_instance_of::<PyOverflowError>(key.py()) => {
                return Err(errors::new::<PyIndexError>(
                    "an index is out of range: more than 63 bits",
                ));
            }
            // An array that is no single integer has `__index__` too, which raises this.
            Err(error) if error.is_instance_of::<PyTypeError>(key.py()) => {}
            Err(error) => return Err(error),
        }
    }
    Err(errors::new::<PyTypeError>(format_args!(
        "an index is of type {}; it must be an int, a slice, ... or None, or a tuple of these: other \
         kinds of indexing copy, so use NumPy or PyTorch for them",
        type_name(key)
    )))
}

fn unpack(slice: &Bound<'_, PySlice>) -> PyResult<Slice> {
    let (mut start, mut stop, mut step) = (0, 0, 0);
    // SAFETY: a slice object, and three integers to write to.
    let failed = unsafe { ffi::PySlice_Unpack(slice.as_ptr(), &mut start, &mut stop, &mut step) };
    if failed != 0 {
        return Err(PyErr::fetch(slice.py()));
    }
    // What was left out is now as far away as can be, which the core clamps.
    Ok(Slice { start: Some(start as i64), stop: Some(stop as i64), step: step as i64 })
}

fn apply(tensor: &Tensor, entries: Vec<Entry>) -> PyResult<Tensor> {
    let entries = without_rest(tensor, entries)?;
    let slices: Vec<Slice> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Slice(slice) => Some(*slice),
            Entry::At(_) => Some(Slice::FULL),
            Entry::Rest | Entry::NewAxis => None,
        })
        .collect();
    let mut part = tensor.slice(&slices).map_err(exchange)?;
    let axes = entries.iter().filter(|entry| !matches!(entry, Entry::NewAxis));
    // From the last axis on, so that those before keep their numbers.
    for (axis, entry) in axes.enumerate().collect::<Vec<_>>().into_iter().rev() {
        if let Entry::At(index) = entry {
            part = part.select(axis, *index).map_err(exchange)?;
        }
    }
    if entries.iter().any(|entry| matches!(entry, Entry::NewAxis)) {
        part = part.reshape(&with_new_axes(part.shape(), &entries)).map_err(exchange)?;
    }
    Ok(part)
}

/// Writes `...` out as whole slices.
fn without_rest(tensor: &Tensor, entries: Vec<Entry>) -> PyResult<Vec<Entry>> {
    let count = |is: fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count();
    let named = count(|entry| matches!(entry, Entry::At(_) | Entry::Slice(_)));
    let ndim = tensor.shape().len();
    if named > ndim {
        return Err(too_many(tensor, named));
    }
    if ndim - count(|entry| matches!(entry, Entry::At(_)))
        + count(|entry| matches!(entry, Entry::NewAxis))
        > MAX_NDIM
    {
        return Err(errors::new::<PyIndexError>(format_args!(
            "the index makes more than {MAX_NDIM} dimensions, the most that a tensor may have"
        )));
    }
    if count(|entry| matches!(entry, Entry::Rest)) > 1 {
        return Err(errors::new::<PyIndexError>(
            "an index has several ...; it must have one at most",
        ));
    }
    let mut whole = Vec::with_capacity(entries.len() + ndim);
    for entry in entries {
        match entry {
            Entry::Rest => {
                whole.extend((named..ndim).map(|_| Entry::Slice(Slice::FULL)));
            }
            other => whole.push(other),
        }
    }
    Ok(whole)
}

fn with_new_axes(shape: &[i64], entries: &[Entry]) -> Dims {
    let mut left = shape.iter().copied();
    let mut with = Dims::new();
    for entry in entries {
        match entry {
            Entry::NewAxis => with.push(1),
            Entry::At(_) => {}
            Entry::Slice(_) | Entry::Rest => with.extend(left.next()),
        }
    }
    with.extend(left);
    with
}

#[cold]
fn too_many(tensor: &Tensor, given: usize) -> PyErr {
    errors::new::<PyIndexError>(format_args!(
        "the index has {given} entries for axes; the tensor has {} dimensions",
        tensor.shape().len()
    ))
}
