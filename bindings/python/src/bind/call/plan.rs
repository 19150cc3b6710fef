//! How the calls of a function are made.

use dlbridge::spec::{Order, Spec};

use crate::bind::call::usual::{ARRAYS, Array, NAMES, index_of};
use crate::bind::signature::parsed::{Factor, Kind, Mode, Outcome, Signature, Value, extent_of};
use crate::bind::signature::scalar::Scalar;
use crate::frameworks::framework::Framework;

/// The most parameters that there is room for.
pub const PARAMETERS: usize = 12;

/// How the calls of a function are made.
pub struct Quick {
    /// In this order: what has extents, then what needs them.
    pub steps: Vec<Step>,
    /// How many arguments are given.
    pub given: usize,
    pub parameters: usize,
    /// The positions of the arrays that C may write to.
    pub written: Vec<usize>,
    pub like: Option<&'static Framework>,
}

/// A parameter.
pub struct Step {
    /// Among those of C.
    pub place: usize,
    pub read: Read,
}

/// Where the word of a parameter comes from.
pub enum Read {
    /// The array at that position.
    Given(usize, Array),
    /// A new array.
    Acquired(Array, Box<Spec<'static>>),
    /// The number at that position, which may be an extent.
    Number(usize, Scalar, Option<usize>),
    Product(Scalar, Vec<Factor>),
}

impl Quick {
    /// None for a function with something that is not usual.
    pub fn of(
        signature: &Signature,
        positional: &[usize],
        like: Option<&'static Framework>,
    ) -> Option<Quick> {
        let position = |place| positional.iter().position(|it| *it == place);
        let mut steps = Vec::new();
        for (place, parameter) in signature.parameters.iter().enumerate() {
            let read = match (&parameter.kind, parameter.mode) {
                (Kind::Tensor(spec) | Kind::Elements(spec), mode) => {
                    let array = Array::of(&signature.parameters, place)?;
                    match mode {
                        Mode::Out if parameter.optional || !is_plain(spec) => return None,
                        Mode::Out => Read::Acquired(array, Box::new(spec.clone())),
                        _ => Read::Given(position(place)?, array),
                    }
                }
                (Kind::Scalar(scalar), Mode::In) => match &parameter.value {
                    Value::Product(factors) => {
                        let own = |factor| own_factor(signature, factor);
                        Read::Product(*scalar, factors.iter().map(own).collect())
                    }
                    _ => {
                        let extent = extent_of(parameter, &signature.names);
                        Read::Number(position(place)?, *scalar, extent)
                    }
                },
                _ => return None,
            };
            steps.push(Step { place, read });
        }
        steps.sort_by_key(|step| step.read.rank());
        let arrays = index_of(&signature.parameters, steps.len());
        let fits = steps.len() <= PARAMETERS && arrays <= ARRAYS && signature.names.len() <= NAMES;
        let is_usual = !matches!(signature.result, Outcome::Text | Outcome::Tensor(_))
            && like.is_none_or(|like| matches!(like.name, "numpy" | "torch"));
        let parameters = steps.len();
        let written = steps.iter().filter_map(|step| match &step.read {
            Read::Given(position, array) => array.is_written.then_some(*position),
            _ => None,
        });
        let written = written.collect();
        (fits && is_usual).then_some(Quick {
            steps,
            given: positional.len(),
            parameters,
            written,
            like,
        })
    }
}

impl Read {
    fn rank(&self) -> u8 {
        match self {
            Read::Given(..) => 0,
            Read::Number(..) => 1,
            Read::Acquired(..) => 2,
            Read::Product(..) => 3,
        }
    }
}

/// With the index of an array instead of its place.
fn own_factor(signature: &Signature, factor: &Factor) -> Factor {
    match factor {
        Factor::Of(place, measure) => Factor::Of(index_of(&signature.parameters, *place), *measure),
        other => other.clone(),
    }
}

/// Whether any allocation will do.
pub fn is_plain(spec: &Spec<'_>) -> bool {
    /// What every allocator gives.
    const ALIGNMENT: u64 = 16;
    let ndim = spec.shape.as_ref().map_or(0, |shape| shape.len());
    let is_c = spec.order != Some(Order::Fortran) || ndim < 2;
    is_c && spec.alignment <= ALIGNMENT
}
