//! What a call returns: what C wrote, made, and returned.

use dlbridge::abi::DLManagedTensorVersioned;
use dlbridge::check::{Argument, Checker};
use dlbridge::spec::Spec;
use dlbridge::{Tensor, managed};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::call::argument::Came;
use crate::bind::call::call_state::CallState;
use crate::bind::call::errors::{checked, exception, named};
use crate::bind::call::text;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Kind, Mode, Outcome};
use crate::engine::deliver;
use crate::engine::deliver::Input;
use crate::frameworks::compatibility::Request;
use crate::frameworks::torch;
use crate::support::{errors, objects};
use crate::values::tensor::PyTensor;

impl<'a, 'py> CallState<'a, 'py> {
    /// Tells PyTorch which of its tensors C wrote to, as far as can be known: also where the
    /// call failed.
    pub fn mark_written(&self) -> PyResult<()> {
        for &index in &self.plan.written {
            if let Some(object) = self.objects[index]
                && !self.copied.iter().any(|(copied, _)| copied.parameter == index)
            {
                torch::mark_written(object)?;
            }
        }
        Ok(())
    }

    /// What the call returns: nothing, one thing, or a tuple.
    pub fn results(
        &mut self,
        result: &CValue,
        mut checker: Option<Checker<'a>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // All that C gave away is owned before anything can fail.
        let mut made = match self.plan.gives {
            true => self.owned(result),
            false => SmallVec::new(),
        };
        let mut results = SmallVec::<[Bound<'py, PyAny>; 4]>::new();
        match &self.function.signature.result {
            Outcome::Void | Outcome::Status | Outcome::OwnStatus => {}
            // SAFETY: the C function returned such a value.
            Outcome::Scalar(scalar, _) => unsafe {
                let value = scalar.in_register(result);
                results.push(scalar.to_python(self.py, &value)?.into_bound(self.py));
            },
            Outcome::Text => {
                // SAFETY: as above.
                let text = unsafe { text::to_python(self.py, result.get()) };
                results.push(text?);
            }
            Outcome::Tensor(spec) => {
                results.push(self.deliver_made(spec, made.remove(0), &mut checker)?)
            }
        }
        for &index in &self.plan.results {
            let parameter = self.parameter(index);
            match (&parameter.kind, parameter.mode) {
                (Kind::Tensor(spec), Mode::New) => {
                    results.push(self.deliver_made(spec, made.remove(0), &mut checker)?);
                }
                (Kind::Tensor(_) | Kind::Elements(_), Mode::Out) => {
                    results.push(self.deliver_output(index)?);
                }
                (Kind::Scalar(scalar), Mode::Out) => {
                    let cell = &self.cells[self.plan.places[index].cell];
                    // SAFETY: the C function wrote it, or left the zeros.
                    let value = unsafe { scalar.to_python(self.py, cell) }?;
                    results.push(value.into_bound(self.py));
                }
                _ => {}
            }
        }
        packed(self.py, results)
    }

    /// What C gave away, the result first.
    fn owned(&self, result: &CValue) -> SmallVec<[PyResult<Tensor>; 2]> {
        let returned = match &self.function.signature.result {
            // SAFETY: the C function returned such a pointer.
            Outcome::Tensor(_) => Some(unsafe { result.get::<*mut DLManagedTensorVersioned>() }),
            _ => None,
        };
        let order = &self.plan.results;
        let new = order.iter().filter(|index| self.parameter(**index).mode == Mode::New);
        let cells = new.map(|index| {
            let cell = &self.cells[self.plan.places[*index].cell];
            // SAFETY: a pointer that C wrote, or the zeros.
            unsafe { cell.get::<*mut DLManagedTensorVersioned>() }
        });
        returned.into_iter().chain(cells).map(|raw| self.own(raw)).collect()
    }

    fn own(&self, raw: *mut DLManagedTensorVersioned) -> PyResult<Tensor> {
        if raw.is_null() {
            return Err(self.function.null_result());
        }
        // SAFETY: the signature says that C gives it away; what is refused is released.
        unsafe { Tensor::import(raw).inspect_err(|_| managed::release(raw)) }
            .map_err(errors::exchange)
    }

    fn deliver_made(
        &mut self,
        spec: &'a Spec<'a>,
        tensor: PyResult<Tensor>,
        checker: &mut Option<Checker<'a>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let tensor = tensor?;
        let argument = Argument { spec, position: None };
        let tensor = Bound::new(self.py, PyTensor::new(tensor))?;
        let view = tensor.get().core().view();
        let checker = checker.as_mut().expect("C gives tensors away");
        checker.check(argument, &view).map_err(|wrong| {
            let came = Came(tensor.as_any(), &view);
            exception(checked(self.function, &argument, wrong, &came))
        })?;
        self.deliver(tensor).map_err(|error| named(self.py, self.function, &argument, error))
    }

    /// The array that the caller gave, or one of the framework of the inputs.
    fn deliver_output(&self, index: usize) -> PyResult<Bound<'py, PyAny>> {
        if let Some(object) = self.objects[index] {
            return Ok(object.clone());
        }
        match self.made.iter().find(|(made, _)| *made == index) {
            None => Ok(self.py.None().into_bound(self.py)),
            Some((_, array)) => match array.cast_exact::<PyTensor>() {
                Ok(tensor) => self.deliver(tensor.clone()),
                Err(_) => Ok(array.clone()),
            },
        }
    }

    fn deliver(&self, tensor: Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
        match self.framework().filter(|framework| framework.name != "dlbridge") {
            None => Ok(tensor.into_any()),
            Some(framework) => {
                let object = tensor.clone().into_any();
                let request = Request { writable_alias: false };
                deliver::deliver(
                    framework,
                    &object,
                    Input::Object(tensor),
                    self.function.copy,
                    request,
                )
            }
        }
    }
}

/// Nothing, one thing, or a tuple.
pub fn packed<'py>(
    py: Python<'py>,
    mut results: SmallVec<[Bound<'py, PyAny>; 4]>,
) -> PyResult<Bound<'py, PyAny>> {
    match results.len() {
        0 => Ok(py.None().into_bound(py)),
        1 => Ok(results.remove(0)),
        _ => Ok(objects::tuple(py, results)?.into_any()),
    }
}
