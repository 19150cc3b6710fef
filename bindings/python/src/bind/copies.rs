//! Copies that C gets instead of arrays that it cannot use as they are, and their way back.

use dlbridge::abi::Flags;
use dlbridge::check::Argument;
use dlbridge::spec::{Order, Spec};
use dlbridge::{Error, Status, Tensor, copy};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use crate::bind::frame::Frame;
use crate::bind::inputs::{OVERLAP, READ_ONLY, record};
use crate::bind::refusal::{checked, exception, named};
use crate::bind::slot::{Came, Slot};
use crate::engine::described;
use crate::frameworks::torch;
use crate::protocols::raw_array::Raw;
use crate::support::errors;
use crate::values::tensor::PyTensor;

/// What a copy was made of.
pub enum Original<'py> {
    Tensor(Bound<'py, PyTensor>),
    /// What DLPack can have only as a copy.
    Raw(Raw<'py>),
}

impl Original<'_> {
    /// A copy in the order that the spec wants.
    fn copied(&self, py: Python<'_>, spec: &Spec<'_>) -> PyResult<Tensor> {
        match self {
            Original::Tensor(tensor) => in_order(tensor.get().core(), spec),
            Original::Raw(raw) => {
                // SAFETY: the object of the caller keeps the memory.
                let copy = unsafe { raw.copied(py) }?;
                match spec.order {
                    Some(Order::Fortran) => in_order(&copy, spec),
                    _ => Ok(copy),
                }
            }
        }
    }

    /// Writes a copy back.
    fn write(&self, copy: &Tensor) -> PyResult<()> {
        // SAFETY: the caller's array, which it says may be written to.
        let written = unsafe {
            match self {
                Original::Tensor(tensor) => {
                    copy::copy_into(copy.view(), tensor.get().core().view())
                }
                Original::Raw(raw) => raw.array.write(copy.view()),
            }
        };
        written.map_err(errors::exchange)
    }
}

impl<'a, 'py> Frame<'a, 'py> {
    /// Passes a copy in the order that C needs, which goes back afterwards if C writes to
    /// it.
    #[cold]
    pub fn read_copy(
        &mut self,
        place: usize,
        argument: Argument<'a>,
        object: &'a Bound<'py, PyAny>,
        original: Original<'py>,
        wrong: Error,
    ) -> PyResult<()> {
        let (py, function) = (self.py, self.function);
        let error = |error| named(py, function, &argument, error);
        let writes = self.parameter(place).is_written();
        let copy = original.copied(py, argument.spec).map_err(error)?;
        let view = copy.view();
        self.checker.check(argument, &view).map_err(|wrong| {
            exception(checked(function, &argument, wrong, &Came(object, &view)))
        })?;
        record(function, object, &view, if writes { 2 } else { 1 }, wrong.message())?;
        if writes {
            self.copied.push((place, original));
        }
        let copy = Bound::new(py, PyTensor::new(copy))?;
        self.slots.last_mut().expect("just read").1.hold(copy, &mut self.numbers);
        Ok(())
    }

    /// As `read_copy`, of what was refused with that error, if DLPack can have it as a copy.
    #[cold]
    pub fn read_raw(
        &mut self,
        place: usize,
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
        if self.parameter(place).is_written() {
            let wrong = match (raw.array.flags.contains(Flags::READ_ONLY), &raw.array) {
                (true, _) => Some(Error::new(Status::ReadOnly, READ_ONLY)),
                (false, array) if array.is_injective() => None,
                (false, _) => Some(Error::new(Status::Overlap, OVERLAP)),
            };
            if let Some(wrong) = wrong {
                return Err(error(errors::exchange(wrong)));
            }
        }
        self.read_copy(place, argument, object, Original::Raw(raw), reason)
    }

    /// Writes the copies that C wrote to back to the caller's arrays.
    pub fn copy_back(&mut self) -> PyResult<()> {
        for (place, original) in &self.copied {
            let copy = self.slot(*place).and_then(Slot::tensor).expect("a copy is kept");
            original.write(copy.get().core())?;
            torch::mark_written(self.objects[*place].expect("the original is of the caller"))?;
        }
        Ok(())
    }
}

fn in_order(tensor: &Tensor, spec: &Spec<'_>) -> PyResult<Tensor> {
    // SAFETY: the tensor's owner says that it can be read.
    let copy = |tensor: &Tensor| unsafe { Tensor::copy_of(tensor.view()) };
    let copy = match spec.order {
        Some(Order::Fortran) => {
            let axes: Vec<usize> = (0..tensor.shape().len()).rev().collect();
            tensor.permute(&axes).and_then(|it| copy(&it)).and_then(|it| it.permute(&axes))
        }
        _ => copy(tensor),
    };
    copy.map_err(errors::exchange)
}
