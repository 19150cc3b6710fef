//! What is known when all arrays are: products, texts, streams, and what C writes to.

use std::ffi::{c_char, c_void};
use std::ptr;

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::bind::call::call_state::CallState;
use crate::bind::call::{stream, text};
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Factor, Kind, Measure, Parameter, Value};
use crate::support::errors;

impl CallState<'_, '_> {
    /// Writes what C gets of the parameters that are neither arrays nor numbers of the caller.
    #[inline]
    pub fn fill_late(&mut self) -> PyResult<()> {
        for &index in &self.plan.late {
            let parameter = self.parameter(index);
            let value = self.late_value(index, parameter);
            self.values[index] = value.map_err(|error| self.named(index, error))?;
        }
        Ok(())
    }

    /// What C gets of a parameter that is neither an array nor a number of the caller.
    fn late_value(&mut self, index: usize, parameter: &Parameter) -> PyResult<CValue> {
        match (&parameter.kind, &parameter.value) {
            (Kind::Scalar(scalar), Value::Product(factors)) => scalar.word(self.product(factors)?),
            (Kind::Text, _) => self.text(index).map(CValue::new),
            (Kind::Stream, _) => self.stream(index).map(CValue::new),
            // What C writes to.
            _ => Ok(CValue::new(self.cells[self.plan.places[index].cell].as_mut_ptr())),
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
            Factor::Extent(name) => self.arrays.extent(name).ok_or_else(|| {
                let name = &self.function.signature.names[name];
                errors::refused(format_args!("{name} is not known: no array has that extent"))
            }),
            Factor::Of(index, measure) => self.measure(self.plan.places[index].array, measure),
        }
    }

    /// Of an array; 0 if it is not there.
    fn measure(&self, array: usize, measure: Measure) -> PyResult<i64> {
        if !self.arrays.is_there(array) {
            return Ok(0);
        }
        self.see(array, |view| match measure {
            Measure::Size => view.layout().count(),
            Measure::Bytes => view.layout().bytes(),
            Measure::Ndim => view.shape().len() as i64,
        })
    }

    /// The characters of a text, which the call keeps; NULL if there is none.
    fn text(&mut self, index: usize) -> PyResult<*const c_char> {
        let text = match (self.objects[index], &self.plan.places[index].default) {
            (Some(object), _) => {
                // Others are asked for their path.
                self.ran_foreign |=
                    !object.is_instance_of::<PyString>() && !object.is_instance_of::<PyBytes>();
                text::characters(object)?
            }
            (None, Some(default)) => text::copied(default.as_bytes())?,
            (None, None) => return Ok(ptr::null()),
        };
        let start = text.as_ptr();
        self.texts.push(text);
        Ok(start)
    }

    pub fn stream(&mut self, index: usize) -> PyResult<*mut c_void> {
        match self.objects[index] {
            Some(handle) => {
                self.ran_foreign = true;
                stream::handle(handle)
            }
            None => {
                let current = |array| stream::current(array, self.device);
                self.first.map_or(Ok(ptr::null_mut()), current)
            }
        }
    }
}
