//! Tuples of ints: shapes, strides and axes.

use std::fmt::Write;

use dlbridge::layout::Dims;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::support::errors;

/// Shape or axes: some ints, or one tuple or list of them.
pub fn integers(name: &str, arguments: &[Bound<'_, PyAny>]) -> PyResult<Dims> {
    match arguments {
        [list] if list.is_instance_of::<PyTuple>() || list.is_instance_of::<PyList>() => {
            integer_list(name, list)
        }
        _ => arguments.iter().map(|item| entry(name, item)).collect(),
    }
}

/// The ints of a tuple or list, however long it is.
pub fn integer_list(name: &str, list: &Bound<'_, PyAny>) -> PyResult<Dims> {
    list.try_iter()?.map(|item| entry(name, &item?)).collect()
}

fn entry(name: &str, item: &Bound<'_, PyAny>) -> PyResult<i64> {
    read(item, || format!("an entry of {name}"))
}

/// An int.
pub fn integer(name: &str, item: &Bound<'_, PyAny>) -> PyResult<i64> {
    read(item, || name.to_owned())
}

fn read(item: &Bound<'_, PyAny>, name: impl FnOnce() -> String) -> PyResult<i64> {
    item.extract::<i64>().map_err(|error| {
        let (py, name) = (item.py(), name());
        if error.is_instance_of::<PyOverflowError>(py) {
            let text = |shown| format!("{name} is {shown}; it must fit in 63 bits");
            let shown = errors::short_repr(item);
            errors::written(shown.map(|it| errors::new::<PyValueError>(text(it))))
        } else if error.is_instance_of::<PyTypeError>(py) {
            errors::wrong_type(&name, item, "an int")
        } else {
            error
        }
    })
}

/// A tuple of two ints.
pub fn pair(name: &str, pair: &Bound<'_, PyAny>, example: &str) -> PyResult<(i64, i64)> {
    let py = pair.py();
    let wanted = || errors::wrong_type(name, pair, &format!("a tuple of two ints, like {example}"));
    let tuple = pair.cast::<PyTuple>().ok().filter(|it| it.len() == 2).ok_or_else(wanted)?;
    let number = |place| {
        tuple.get_item(place)?.extract::<i64>().map_err(|error| {
            errors::instead(py, error, |error| match error.is_instance_of::<PyOverflowError>(py) {
                false => wanted(),
                true => errors::written(errors::short_repr(pair).map(|shown| {
                    let text = format!("{name} is {shown}; its numbers must fit in 63 bits");
                    errors::new::<PyValueError>(text)
                })),
            })
        })
    };
    Ok((number(0)?, number(1)?))
}

/// Numbers as Python writes a tuple.
pub fn tuple(numbers: &[i64]) -> String {
    let mut text = String::from("(");
    for (position, number) in numbers.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        let _ = write!(text, "{separator}{number}");
    }
    text.push_str(if numbers.len() == 1 { ",)" } else { ")" });
    text
}
