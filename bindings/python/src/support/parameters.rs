//! The parameters of a function, as its documentation shows them, and how arguments are read.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::support::arguments::{Arguments, Wrong};
use crate::support::objects::Name;
use crate::support::{errors, objects};

/// R parameters that are required, then O optional ones. A static: the names are kept in it.
pub struct Parameters<const R: usize, const O: usize> {
    required: [Parameter; R],
    optional: [Parameter; O],
    /// How many are given by position only, and by position at all.
    by_position_only: usize,
    by_position: usize,
}

/// The values of parameters: each that is required, and those optional ones that are given.
pub type Values<'a, 'py, const R: usize, const O: usize> =
    ([&'a Bound<'py, PyAny>; R], [Option<&'a Bound<'py, PyAny>>; O]);

struct Parameter {
    name: &'static str,
    interned: Name,
}

impl Parameter {
    const fn unknown() -> Parameter {
        Parameter { name: "", interned: Name::new() }
    }
}

impl<const R: usize, const O: usize> Parameters<R, O> {
    /// Those of a signature as Python writes it, like `(obj, /, to, *, copy=False)`. Optional
    /// are those with a default.
    pub const fn of(signature: &'static str) -> Self {
        let mut own = Parameters {
            required: [const { Parameter::unknown() }; R],
            optional: [const { Parameter::unknown() }; O],
            by_position_only: 0,
            by_position: R + O,
        };
        let (mut rest, mut found) = (inside(signature.as_bytes()), 0);
        while !rest.is_empty() {
            let (part, more) = split(rest);
            rest = more;
            match part {
                b"$self" => {}
                b"/" => own.by_position_only = found,
                b"*" => own.by_position = found,
                part => {
                    let name = name_of(part);
                    let is_optional = name.len() < part.len();
                    assert!(is_optional == (found >= R), "required ones come first");
                    let parameter = match is_optional {
                        true => &mut own.optional[found - R],
                        false => &mut own.required[found],
                    };
                    parameter.name = match str::from_utf8(name) {
                        Ok(name) => name,
                        Err(_) => panic!("a signature is ASCII"),
                    };
                    found += 1;
                }
            }
        }
        assert!(found == R + O, "the signature has as many parameters");
        own
    }

    /// Reads the arguments of a call of `function`.
    #[inline]
    pub fn read<'a, 'py>(
        &self,
        py: Python<'py>,
        function: &str,
        given: Arguments<'a, 'py>,
    ) -> PyResult<Values<'a, 'py, R, O>> {
        match self.at_once(py, given) {
            Some(values) => Ok(values),
            None => self.examine(py, function, given),
        }
    }

    /// As `read`, of arguments that are right and whose names are the same objects as before.
    #[inline]
    pub fn at_once<'a, 'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'a, 'py>,
    ) -> Option<Values<'a, 'py, R, O>> {
        self.arrange(given, |_, name| self.known_index(py, name).ok_or(()), |_| ()).ok()
    }

    /// Reads names letter by letter, and says what is wrong.
    #[cold]
    fn examine<'a, 'py>(
        &self,
        py: Python<'py>,
        function: &str,
        given: Arguments<'a, 'py>,
    ) -> PyResult<Values<'a, 'py, R, O>> {
        let refuse = |wrong| match wrong {
            Wrong::TooMany(count) => {
                too_many(function, R.min(self.by_position), self.by_position, count, "")
            }
            Wrong::Twice(index) => twice(function, self.at(index).name),
            Wrong::Missing(index) => missing(function, self.at(index).name, Some(index + 1), ""),
        };
        self.arrange(given, |_, name| self.index_of(py, function, name), refuse)
    }

    /// Puts each argument in its place, which `index_of` finds by its name.
    #[inline]
    fn arrange<'a, 'py, E>(
        &self,
        given: Arguments<'a, 'py>,
        index_of: impl Fn(usize, &Bound<'py, PyAny>) -> Result<usize, E>,
        refuse: impl Fn(Wrong) -> E,
    ) -> Result<Values<'a, 'py, R, O>, E> {
        let (mut required, mut optional) = ([None; R], [None; O]);
        let set = |index: usize, value| match index < R {
            true => required[index].replace(value).is_none(),
            false => optional[index - R].replace(value).is_none(),
        };
        given.arrange(self.by_position, set, index_of, &refuse)?;
        match required.iter().position(Option::is_none) {
            Some(index) => Err(refuse(Wrong::Missing(index))),
            None => Ok((required.map(|it| it.expect("there are no others")), optional)),
        }
    }

    fn at(&self, index: usize) -> &Parameter {
        if index < R { &self.required[index] } else { &self.optional[index - R] }
    }

    /// Which parameter has a name, if that is the same object: names in programs nearly always
    /// are.
    #[inline]
    fn known_index(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> Option<usize> {
        let is_known = |index: &usize| {
            self.at(*index).interned.get(py).is_some_and(|own| own.as_ptr() == name.as_ptr())
        };
        (self.by_position_only..R + O).find(is_known)
    }

    fn index_of(&self, py: Python<'_>, function: &str, name: &Bound<'_, PyAny>) -> PyResult<usize> {
        for index in self.by_position_only..R + O {
            let own = self.at(index);
            objects::interned(py, &own.interned, own.name)?;
        }
        let text = errors::text(name).unwrap_or_default();
        match (0..R + O).find(|index| self.at(*index).name == text) {
            Some(index) if index >= self.by_position_only => Ok(index),
            Some(_) => Err(errors::new::<PyTypeError>(format_args!(
                "{function}() takes '{text}' by position only"
            ))),
            None => Err(unexpected(function, &text, "")),
        }
    }
}

/// More arguments by position than there may be; `more` follows in the text.
#[cold]
pub fn too_many(function: &str, least: usize, most: usize, given: usize, more: &str) -> PyErr {
    let were = if given == 1 { "was" } else { "were" };
    let takes = match least < most {
        true => format!("from {least} to {most} positional arguments"),
        false => errors::counted(most as i64, "positional argument"),
    };
    errors::new::<PyTypeError>(format_args!(
        "{function}() takes {takes} but {given} {were} given{more}"
    ))
}

#[cold]
pub fn twice(function: &str, name: &str) -> PyErr {
    errors::new::<PyTypeError>(format_args!(
        "{function}() got multiple values for argument '{name}'"
    ))
}

/// An argument that is required and did not come.
#[cold]
pub fn missing(function: &str, name: &str, position: Option<usize>, more: &str) -> PyErr {
    let place = position.map_or(String::new(), |position| format!(" (position {position})"));
    errors::new::<PyTypeError>(format_args!(
        "{function}() missing required argument '{name}'{place}{more}"
    ))
}

#[cold]
pub fn unexpected(function: &str, name: &str, more: &str) -> PyErr {
    errors::new::<PyTypeError>(format_args!(
        "{function}() got an unexpected keyword argument '{name}'{more}"
    ))
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// The values by position, of a function that takes any number of them and no names.
    pub fn only_positional(&self, function: &str) -> PyResult<&'a [Bound<'py, PyAny>]> {
        match self.names {
            None => Ok(self.positional),
            Some(_) => Err(errors::new::<PyTypeError>(format_args!(
                "{function}() takes no keyword arguments"
            ))),
        }
    }
}

/// None, given for an argument that may be left out, is the same as to leave it out.
#[inline]
pub fn not_none<'a, 'py>(value: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    value.filter(|value| !value.is_none())
}

/// What is between the parentheses.
const fn inside(signature: &[u8]) -> &[u8] {
    match signature {
        [b'(', inside @ .., b')'] => inside,
        _ => panic!("a signature has parentheses"),
    }
}

/// The first part of a list, and the others.
const fn split(list: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    while end < list.len() {
        if list[end] == b',' {
            let (part, rest) = list.split_at(end);
            return match rest {
                [b',', b' ', rest @ ..] => (part, rest),
                _ => panic!("a space follows each comma"),
            };
        }
        end += 1;
    }
    (list, &[])
}

/// A parameter without its default.
const fn name_of(parameter: &[u8]) -> &[u8] {
    let mut end = 0;
    while end < parameter.len() && parameter[end] != b'=' {
        end += 1;
    }
    parameter.split_at(end).0
}
