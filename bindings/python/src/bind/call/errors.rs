//! Why a call is not made: the function, the argument, what was expected, what it got.

use std::fmt::{self, Display};

use dlbridge::check::Argument;
use dlbridge::{Error, Status};
use pyo3::exceptions::{PyBufferError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::bind::call::function::Function;
use crate::bind::signature::parsed::Parameter;
use crate::support::ask::Ask;
use crate::support::{errors, exceptions, objects};

/// A parameter in error texts: its name, and its position for the caller if it has one.
pub struct Label<'a>(pub &'a Parameter, pub Option<usize>);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(position) => write!(f, "argument {position} ({})", self.0.name),
            None => write!(f, "argument {}", self.0.name),
        }
    }
}

/// The error of a check, with the function, the argument, what was wanted and what
/// came.
#[cold]
pub fn checked(
    function: &Function,
    argument: &Argument<'_>,
    wrong: Error,
    came: &dyn Display,
) -> Error {
    let text = format!("{}(): {}", function.name, argument.describe(&wrong, came).message());
    Error::new(wrong.status(), text)
}

/// The exception for the error of a check: `TypeError` for the dtype, `ValueError` for
/// the shape, and `BufferError` for memory that cannot be used as it is.
#[cold]
pub fn exception(error: Error) -> PyErr {
    let text = error.message().to_owned();
    match error.status() {
        Status::Dtype => errors::new::<PyTypeError>(text),
        Status::Ndim | Status::Shape => errors::new::<PyValueError>(text),
        _ => errors::new::<PyBufferError>(text),
    }
}

/// An error from elsewhere, with function and argument in front.
#[cold]
pub fn named(py: Python<'_>, function: &Function, label: &dyn Display, error: PyErr) -> PyErr {
    called(&format!("{}(): {label}", function.name), error, py)
}

/// An error from elsewhere, about what is called so here.
#[cold]
pub fn called(name: &str, error: PyErr, py: Python<'_>) -> PyErr {
    let class = error.get_type(py);
    let is_plain = class.is(py.get_type::<PyTypeError>())
        || class.is(py.get_type::<PyValueError>())
        || class.is(py.get_type::<PyBufferError>())
        || class.is(py.get_type::<PyOverflowError>())
        || exceptions::has(&class);
    if !is_plain {
        // Its class may want more than a text to be made.
        let note = objects::text(py, name)
            .and_then(|name| error.value(py).method(c"add_note", [name.as_any()]));
        return match note {
            Ok(_) => error,
            Err(failed) => errors::rather(py, error, failed),
        };
    }
    let text = match errors::message(py, &error) {
        Ok(text) => text,
        Err(interrupt) => return errors::rather(py, error, interrupt),
    };
    // What it is called elsewhere.
    let stripped = ["x ", "obj "].iter().find_map(|name| text.strip_prefix(name));
    let text = match stripped {
        Some(rest) => format!("{name} {rest}"),
        None if text.starts_with("is ") => format!("{name} {text}"),
        None => format!("{name}: {text}"),
    };
    let named = errors::of_class(&class, text);
    named.set_cause(py, error.cause(py));
    named
}
