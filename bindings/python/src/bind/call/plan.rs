//! What a call does with each parameter, in the order in which it is done.

use std::ffi::CString;

use dlbridge::spec::{Order, Spec};
use pyo3::prelude::*;

use crate::bind::call::array_plan::{ArrayPlan, index_of};
use crate::bind::signature::parsed::{Kind, Mode, Parameter, Signature, Value, extent_of};
use crate::bind::signature::scalar::{Literal, Scalar};

/// How the calls of a function are made. Parameters are meant by their index in C.
pub struct CallPlan {
    /// One for each parameter.
    pub places: Vec<Place>,
    /// The numbers that the caller gives.
    pub numbers: Vec<NumberPlan>,
    /// The arrays, in the order in which they are read: what C only writes to last.
    pub arrays: Vec<ArrayPlan>,
    /// How many of them C reads.
    pub inputs: usize,
    /// What is known last: text, streams, products, and what C writes to.
    pub late: Vec<usize>,
    /// What is returned.
    pub results: Vec<usize>,
    /// The arrays of the caller, and its pointers, that C may write to.
    pub written: Vec<usize>,
    /// How many numbers and pointers C writes.
    pub cells: usize,
    /// Whether C gives tensors away.
    pub gives: bool,
}

/// Where the parts of a parameter are.
pub struct Place {
    /// The cell that C writes to, if it does.
    pub cell: usize,
    /// Its index among the arrays, if it is one.
    pub array: usize,
    /// From 1, for the caller.
    pub position: Option<usize>,
    /// The text that it is if the caller does not say.
    pub default: Option<CString>,
}

/// A number that the caller gives.
pub struct NumberPlan {
    pub parameter: usize,
    pub scalar: Scalar,
    /// The extent that it says.
    pub extent: Option<usize>,
    /// Whether it may be a character.
    pub is_character: bool,
}

impl CallPlan {
    /// `positional` are the parameters that may be given by position.
    pub fn of(signature: &Signature, positional: &[usize]) -> PyResult<CallPlan> {
        let parameters = &signature.parameters;
        let all = |which: fn(&Parameter) -> bool| {
            let parameters = parameters.iter().enumerate();
            parameters.filter(move |(_, it)| which(it)).map(|(index, _)| index)
        };
        let inputs = all(|it| it.mode != Mode::Out);
        let inputs = inputs.filter_map(|index| ArrayPlan::of(parameters, index));
        let mut arrays: Vec<ArrayPlan> = inputs.collect();
        let inputs = arrays.len();
        let outputs = all(|it| it.mode == Mode::Out);
        arrays.extend(outputs.filter_map(|index| ArrayPlan::of(parameters, index)));
        let number = |index: usize| {
            let parameter = &parameters[index];
            let Kind::Scalar(scalar) = parameter.kind else { return None };
            Some(NumberPlan {
                parameter: index,
                scalar,
                extent: extent_of(parameter, &signature.names),
                is_character: parameter.is_character(),
            })
        };
        let mut numbers: Vec<NumberPlan> = all(Parameter::is_given).filter_map(number).collect();
        // Objects may run code to become numbers, and that may change what pointers point to.
        numbers.sort_by_key(|number| number.scalar == Scalar::Pointer);
        let (places, cells) = places(parameters, positional)?;
        Ok(CallPlan {
            places,
            numbers,
            arrays,
            inputs,
            late: all(|it| match it.kind {
                Kind::Tensor(_) | Kind::Elements(_) => it.mode == Mode::New,
                Kind::Scalar(_) => !it.is_given(),
                Kind::Text | Kind::Stream => true,
            })
            .collect(),
            results: all(|it| matches!(it.mode, Mode::Out | Mode::New)).collect(),
            written: all(Parameter::may_write).collect(),
            cells,
            gives: signature.gives(),
        })
    }
}

/// Where the parts of each parameter are, and the number of cells.
fn places(parameters: &[Parameter], positional: &[usize]) -> PyResult<(Vec<Place>, usize)> {
    let (mut cells, mut places) = (0, Vec::new());
    for (index, parameter) in parameters.iter().enumerate() {
        let default = match &parameter.value {
            Value::Default(Literal::Text(text)) => Some(CString::new(text.as_str())?),
            _ => None,
        };
        places.push(Place {
            cell: cells,
            array: index_of(parameters, index),
            position: positional.iter().position(|it| *it == index).map(|place| place + 1),
            default,
        });
        let is_array = parameter.kind.spec().is_some() && parameter.mode != Mode::New;
        cells += usize::from(parameter.mode != Mode::In && !is_array);
    }
    Ok((places, cells))
}

/// Whether any allocation will do.
pub fn is_plain(spec: &Spec<'_>) -> bool {
    /// What every allocator gives.
    const ALIGNMENT: u64 = 16;
    let ndim = spec.shape.as_ref().map_or(0, |shape| shape.len());
    let is_c = spec.order != Some(Order::Fortran) || ndim < 2;
    is_c && spec.alignment <= ALIGNMENT
}
