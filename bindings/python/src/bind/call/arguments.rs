//! The arguments of a Python call, in the order of C.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::bind::call::call_state::Objects;
use crate::bind::call::function::{Argument, Function};
use crate::support::arguments::{Arguments, Wrong};
use crate::support::{errors, parameters};

/// Puts each argument where its parameter is in C.
#[inline(always)]
pub fn arrange<'a, 'py>(
    function: &Function,
    given: Arguments<'a, 'py>,
    objects: &mut Objects<'a, 'py>,
) -> PyResult<()> {
    let arguments = &function.arguments[..];
    given.arrange(
        function.positional,
        |index, object| objects[arguments[index].parameter].replace(object).is_none(),
        |next, name| find(function, next, name),
        |wrong| refuse(function, wrong),
    )?;
    for (index, argument) in arguments.iter().enumerate() {
        let object = &mut objects[argument.parameter];
        if argument.is_required && object.is_none() {
            return Err(refuse(function, Wrong::Missing(index)));
        }
        if !argument.is_required && object.is_some_and(|object| object.is_none()) {
            // The same as to leave it away.
            *object = None;
        }
    }
    Ok(())
}

/// The index of the argument that has a name. Names are nearly always the same objects, and most
/// callers name the arguments in their order.
#[inline]
fn find(function: &Function, next: usize, name: &Bound<'_, PyAny>) -> PyResult<usize> {
    let arguments = &function.arguments[..];
    let is_same = |argument: &Argument| argument.name.as_ptr() == name.as_ptr();
    if arguments.get(next).is_some_and(is_same) {
        return Ok(next);
    }
    // SAFETY: both are str.
    let is_equal = |argument: &Argument| unsafe {
        ffi::PyUnicode_Compare(argument.name.as_ptr(), name.as_ptr()) == 0
    };
    let found = arguments.iter().position(is_same).or_else(|| arguments.iter().position(is_equal));
    found.ok_or_else(|| unexpected(function, name))
}

#[cold]
fn unexpected(function: &Function, name: &Bound<'_, PyAny>) -> PyErr {
    let text = |name: &Bound<'_, PyAny>| errors::text(name).unwrap_or_default().into_owned();
    let known = function.arguments.iter().map(|argument| text(argument.name.bind(name.py())));
    let known = known.collect::<Vec<_>>().join(", ");
    parameters::unexpected(&function.name, &text(name), &format!("; it has {known}"))
}

#[cold]
fn refuse(function: &Function, wrong: Wrong) -> PyErr {
    let parameter = |index: usize| {
        let index = function.arguments[index].parameter;
        (&function.signature.parameters[index], function.plan.places[index].position)
    };
    match wrong {
        Wrong::TooMany(count) => {
            let most = function.positional;
            let more = format!(": {}", function.call_text);
            parameters::too_many(&function.name, most, most, count, &more)
        }
        Wrong::Twice(index) => parameters::twice(&function.name, &parameter(index).0.name),
        Wrong::Missing(index) => {
            let (parameter, position) = parameter(index);
            let more = format!(": {}", parameter.text);
            parameters::missing(&function.name, &parameter.name, position, &more)
        }
    }
}
