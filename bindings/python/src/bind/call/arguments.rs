//! The arguments of a Python call, in the order of C.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::bind::call::call_state::Objects;
use crate::bind::call::function::Argument;
use crate::bind::call::function::Function;
use crate::support::arguments::Arguments;
use crate::support::errors;

/// Puts each argument where its parameter is in C.
#[inline(always)]
pub fn arrange<'a, 'py>(
    py: Python<'py>,
    function: &Function,
    given: Arguments<'a, 'py>,
    objects: &mut Objects<'a, 'py>,
) -> PyResult<()> {
    if given.positional.len() > function.positional {
        return Err(too_many(function, given.positional.len()));
    }
    for (argument, object) in function.arguments.iter().zip(given.positional) {
        objects[argument.parameter] = Some(object);
    }
    if let Some(names) = given.names {
        arrange_named(py, function, given, names, objects)?;
    }
    for argument in &function.arguments {
        let object = &mut objects[argument.parameter];
        if argument.is_required && object.is_none() {
            return Err(missing(function, argument.parameter));
        }
        if !argument.is_required && object.is_some_and(|object| object.is_none()) {
            // The same as to leave it away.
            *object = None;
        }
    }
    Ok(())
}

#[inline(never)]
fn arrange_named<'a, 'py>(
    py: Python<'py>,
    function: &Function,
    given: Arguments<'a, 'py>,
    names: &Bound<'py, PyTuple>,
    objects: &mut Objects<'a, 'py>,
) -> PyResult<()> {
    for (index, object) in given.named.iter().enumerate() {
        let name = names.get_borrowed_item(index)?;
        // Most callers name the arguments in their order.
        let expected = function.arguments.get(given.positional.len() + index);
        let parameter = match expected.filter(|argument| argument.name.as_ptr() == name.as_ptr()) {
            Some(argument) => argument.parameter,
            None => find(py, function, &name)?,
        };
        if objects[parameter].replace(object).is_some() {
            return Err(twice(function, parameter));
        }
    }
    Ok(())
}

/// The parameter that has a name. Names are nearly always the same objects.
fn find(py: Python<'_>, function: &Function, name: &Bound<'_, PyAny>) -> PyResult<usize> {
    let same = |argument: &&Argument| argument.name.as_ptr() == name.as_ptr();
    let equal = |argument: &&Argument| {
        // SAFETY: both are str.
        unsafe { ffi::PyUnicode_Compare(argument.name.as_ptr(), name.as_ptr()) == 0 }
    };
    let mut arguments = function.arguments.iter();
    let found = arguments.clone().find(same).or_else(|| arguments.find(equal));
    found.map(|argument| argument.parameter).ok_or_else(|| unknown(py, function, name))
}

#[cold]
fn unknown(py: Python<'_>, function: &Function, name: &Bound<'_, PyAny>) -> PyErr {
    let text = |name: &Bound<'_, PyAny>| errors::text(name).unwrap_or_default().into_owned();
    let known: Vec<String> =
        function.arguments.iter().map(|argument| text(argument.name.bind(py))).collect();
    errors::new::<PyTypeError>(format_args!(
        "{}() has no argument {}; it has {}",
        function.name,
        text(name),
        known.join(", ")
    ))
}

#[cold]
fn too_many(function: &Function, came: usize) -> PyErr {
    errors::new::<PyTypeError>(format_args!(
        "{}() takes {} and got {came}; its signature is {}",
        function.name,
        errors::counted(function.positional as i64, "positional argument"),
        function.call_text
    ))
}

#[cold]
fn twice(function: &Function, index: usize) -> PyErr {
    let name = &function.signature.parameters[index].name;
    errors::new::<PyTypeError>(format_args!("{}() got argument {name} twice", function.name))
}

#[cold]
fn missing(function: &Function, index: usize) -> PyErr {
    let parameter = &function.signature.parameters[index];
    let position = function.plan.places[index].position;
    let position = position.map_or(String::new(), |position| format!("{position} "));
    errors::new::<PyTypeError>(format_args!(
        "{}() misses argument {position}({}); wanted {}",
        function.name, parameter.name, parameter.text
    ))
}
