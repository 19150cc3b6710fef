//! Copies that C gets instead of arrays that it cannot use as they are, and their way back.

use dlbridge::abi::Flags;
use dlbridge::check::Argument;
use dlbridge::{Error, Status};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use crate::bind::call::argument::{Came, Found};
use crate::bind::call::array_plan::ArrayPlan;
use crate::bind::call::call_state::CallState;
use crate::bind::call::errors::{checked, exception, named};
use crate::bind::call::inputs::{OVERLAP, READ_ONLY, record};
use crate::bind::call::original::Original;
use crate::bind::invoke::value::CValue;
use crate::engine::described;
use crate::frameworks::torch;
use crate::support::errors;
use crate::values::tensor::PyTensor;

impl<'a, 'py> CallState<'a, 'py> {
    /// Passes a copy in the order that C needs, which goes back afterwards if C writes to
    /// it.
    #[cold]
    pub fn read_copy(
        &mut self,
        plan: &'a ArrayPlan,
        argument: Argument<'a>,
        object: &'a Bound<'py, PyAny>,
        original: Original<'py>,
        wrong: Error,
    ) -> PyResult<()> {
        let (py, function) = (self.py, self.function);
        let error = |error| named(py, function, &argument, error);
        let copy = original.copied(py, argument.spec).map_err(error)?;
        let view = copy.view();
        let mut checker = self.checker().map_err(error)?;
        checker.check(argument, &view).map_err(|wrong| {
            exception(checked(function, &argument, wrong, &Came(object, &view)))
        })?;
        self.set_extents(&checker);
        record(function, object, &view, if plan.is_written { 2 } else { 1 }, wrong.message())?;
        if plan.is_written {
            self.copied.push((plan, original));
        }
        let copy = Bound::new(py, PyTensor::new(copy))?;
        let view = copy.get().core().view();
        let found = Found { view: &view, tensor: Some(&copy) };
        self.values[plan.parameter] = CValue::new(found.store(plan, self.arrays));
        self.held.push((plan.index, copy.clone()));
        Ok(())
    }

    /// As `read_copy`, of what was refused with that error, if DLPack can have it as a copy.
    #[cold]
    pub fn read_raw(
        &mut self,
        plan: &'a ArrayPlan,
        argument: Argument<'a>,
        object: &'a Bound<'py, PyAny>,
        refused: PyErr,
    ) -> PyResult<()> {
        let (py, function) = (self.py, self.function);
        let error = |error| named(py, function, &argument, error);
        if !refused.is_instance_of::<PyBufferError>(py) {
            return Err(error(refused));
        }
        let (raw, reason) = match described::only_copied(object) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(error(refused)),
            Err(other) => return Err(error(errors::rather(py, refused, other))),
        };
        if function.copy.is_some() {
            let told = errors::retold(py, refused, |text| match text.contains("copy=None") {
                true => text.to_owned(),
                false => format!("{text}; with copy=None, bind makes a copy"),
            });
            return Err(error(told));
        }
        if plan.is_written {
            let wrong = match (raw.array.flags.contains(Flags::READ_ONLY), &raw.array) {
                (true, _) => Some(Error::new(Status::ReadOnly, READ_ONLY)),
                (false, array) if array.is_injective() => None,
                (false, _) => Some(Error::new(Status::Overlap, OVERLAP)),
            };
            if let Some(wrong) = wrong {
                return Err(error(errors::exchange(wrong)));
            }
        }
        self.read_copy(plan, argument, object, Original::Raw(raw), reason)
    }

    /// Writes the copies that C wrote to back to the caller's arrays.
    pub fn copy_back(&mut self) -> PyResult<()> {
        for (plan, original) in &self.copied {
            let copy = self.tensor(plan.index).expect("a copy is kept");
            original.write(copy.get().core())?;
            let object = self.objects[plan.parameter];
            torch::mark_written(object.expect("the original is of the caller"))?;
        }
        Ok(())
    }
}
