//! What makes the memory of a torch.Tensor mean something else than its numbers.

use pyo3::prelude::*;

use crate::frameworks::torch::dual;
use crate::frameworks::torch::functions::Functions;
use crate::support::objects::intern;

/// What is to be known of a torch.Tensor before its memory is taken for its numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Autograd records what is done with it.
    pub requires_grad: bool,
    /// Its numbers are the negatives of those in memory.
    pub is_neg: bool,
    /// Its numbers are the conjugates of those in memory.
    pub is_conj: bool,
    /// It is a dual tensor: its derivative goes along with it.
    pub has_tangent: bool,
}

impl State {
    /// Of a tensor of PyTorch's own types, not of a subclass.
    #[inline]
    pub fn of(x: &Bound<'_, PyAny>) -> PyResult<State> {
        match Functions::get(x.py()) {
            Some(functions) => functions.state(x),
            None => State::asked(x),
        }
    }

    /// As the attributes tell.
    pub fn asked(x: &Bound<'_, PyAny>) -> PyResult<State> {
        let py = x.py();
        Ok(State {
            requires_grad: x.getattr(intern!(py, "requires_grad")?)?.is_truthy()?,
            is_neg: x.call_method0(intern!(py, "is_neg")?)?.is_truthy()?,
            is_conj: x.call_method0(intern!(py, "is_conj")?)?.is_truthy()?,
            has_tangent: dual::is_dual(x)?,
        })
    }
}
