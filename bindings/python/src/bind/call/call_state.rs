//! One call: its arguments on the way to C, and its results on the way back.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use dlbridge::Device;
use dlbridge::check::Checker;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::call::argument::{Numbers, Slot};
use crate::bind::call::errors::{Label, named};
use crate::bind::call::function::Function;
use crate::bind::call::original::Original;
use crate::bind::call::pointer::Pointee;
use crate::bind::call::{stream, text};
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Factor, Kind, Measure, Parameter, Value};
use crate::frameworks::framework::Framework;
use crate::frameworks::registry;
use crate::support::errors;

/// The objects that the caller gave, in the order of C.
pub type Objects<'a, 'py> = SmallVec<[Option<&'a Bound<'py, PyAny>>; 8]>;

/// A call that is being prepared, made, and finished.
pub struct CallState<'a, 'py> {
    pub py: Python<'py>,
    pub function: &'a Function,
    pub objects: Objects<'a, 'py>,
    /// The tensors that there are, with their places.
    pub slots: SmallVec<[(usize, Slot<'py>); 4]>,
    pub numbers: Numbers,
    /// One for each parameter: what C gets.
    pub words: SmallVec<[CValue; 8]>,
    /// Where C writes numbers and what it makes.
    pub cells: SmallVec<[CValue; 2]>,
    pub checker: Checker<'a>,
    /// The first array that the caller gave, and where it is.
    pub first: Option<(&'a Bound<'py, PyAny>, Device)>,
    /// The outputs that the caller did not give, and their places.
    pub made: SmallVec<[(usize, Bound<'py, PyAny>); 2]>,
    /// What is to be copied back from a slot.
    pub copied: Vec<(usize, Original<'py>)>,
    /// The texts that C gets: it may write to them, and return parts of them.
    pub texts: Vec<CString>,
    /// What keeps the memory that pointers point to.
    pub pointees: Vec<Pointee>,
}

impl<'a, 'py> CallState<'a, 'py> {
    #[inline(always)]
    pub fn new(py: Python<'py>, function: &'a Function) -> Self {
        CallState {
            py,
            function,
            objects: SmallVec::new(),
            slots: SmallVec::new(),
            numbers: Numbers::new(),
            words: SmallVec::new(),
            cells: SmallVec::new(),
            checker: Checker::new(&function.signature.names),
            first: None,
            made: SmallVec::new(),
            copied: Vec::new(),
            texts: Vec::new(),
            pointees: Vec::new(),
        }
    }

    pub fn parameter(&self, place: usize) -> &'a Parameter {
        &self.function.signature.parameters[place]
    }

    pub fn slot(&self, place: usize) -> Option<&Slot<'py>> {
        self.slots.iter().find(|(slot, _)| *slot == place).map(|(_, slot)| slot)
    }

    /// The framework that the results are of.
    pub fn framework(&self) -> Option<&'static Framework> {
        self.function.like.or_else(|| registry::of(self.first?.0))
    }

    /// Writes what C gets of each parameter, but for the numbers that are there. Shape
    /// and strides of all arrays are known, so that they do not move any more.
    pub fn fill_words(&mut self) -> PyResult<()> {
        for &place in &self.function.order.late {
            let parameter = self.parameter(place);
            self.words[place] = self.late_word(place, parameter).map_err(|error| {
                let position = self.function.places[place].position;
                named(self.py, self.function, &Label(parameter, position), error)
            })?;
        }
        self.check_still()?;
        for (place, slot) in &mut self.slots {
            self.words[*place] = match self.function.signature.parameters[*place].kind {
                Kind::Elements(_) => CValue::new(slot.first()),
                _ => CValue::new(slot.fix(&mut self.numbers)),
            };
        }
        Ok(())
    }

    /// Refuses arrays that were changed meanwhile, by the code of other arguments or by what
    /// runs where outputs are made.
    fn check_still(&self) -> PyResult<()> {
        for (place, slot) in &self.slots {
            let Some(object) = self.objects[*place] else { continue };
            let still = slot.is_still(object, &self.numbers).and_then(|still| match still {
                true => Ok(()),
                false => Err(errors::refused("changed while the other arguments were read")),
            });
            still.map_err(|error| {
                let position = self.function.places[*place].position;
                named(self.py, self.function, &Label(self.parameter(*place), position), error)
            })?;
        }
        Ok(())
    }

    /// What C gets of a parameter that is neither an array nor a number of the caller.
    fn late_word(&mut self, place: usize, parameter: &Parameter) -> PyResult<CValue> {
        match (&parameter.kind, &parameter.value) {
            (Kind::Scalar(scalar), Value::Product(factors)) => scalar.word(self.product(factors)?),
            (Kind::Text, _) => self.text(place).map(CValue::new),
            (Kind::Stream, _) => self.stream(place).map(CValue::new),
            // What C writes to.
            _ => Ok(CValue::new(self.cells[self.function.places[place].cell].as_mut_ptr())),
        }
    }

    fn product(&self, factors: &[Factor]) -> PyResult<i64> {
        factors.iter().try_fold(1_i64, |product, factor| {
            let too_large = || errors::new::<PyOverflowError>("the product is beyond 64 bits");
            product.checked_mul(self.factor(factor)?).ok_or_else(too_large)
        })
    }

    fn factor(&self, factor: &Factor) -> PyResult<i64> {
        match *factor {
            Factor::Number(number) => Ok(number),
            Factor::Extent(place) => self.checker.extent(place).ok_or_else(|| {
                let name = &self.function.signature.names[place];
                errors::refused(format_args!("{name} is not known: no array has that extent"))
            }),
            Factor::Of(place, measure) => match self.slot(place) {
                None => Ok(0),
                Some(slot) => slot.see(&self.numbers, |view| match measure {
                    Measure::Size => view.layout().count(),
                    Measure::Bytes => view.layout().bytes(),
                    Measure::Ndim => view.shape().len() as i64,
                }),
            },
        }
    }

    /// The characters of a text, which the frame keeps; NULL if there is none.
    fn text(&mut self, place: usize) -> PyResult<*const c_char> {
        let text = match (self.objects[place], &self.function.places[place].default) {
            (Some(object), _) => text::characters(object)?,
            (None, Some(default)) => text::copied(default.as_bytes())?,
            (None, None) => return Ok(ptr::null()),
        };
        let start = text.as_ptr();
        self.texts.push(text);
        Ok(start)
    }

    pub fn stream(&self, place: usize) -> PyResult<*mut c_void> {
        match self.objects[place] {
            Some(handle) => stream::handle(handle),
            None => self
                .first
                .map_or(Ok(ptr::null_mut()), |(array, device)| stream::current(array, device)),
        }
    }
}
