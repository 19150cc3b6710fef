//! What a copy was made of, and its way back.

use dlbridge::spec::{Order, Spec};
use dlbridge::{Tensor, copy};
use pyo3::prelude::*;

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
    pub fn copied(&self, py: Python<'_>, spec: &Spec<'_>) -> PyResult<Tensor> {
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
    pub fn write(&self, copy: &Tensor) -> PyResult<()> {
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
