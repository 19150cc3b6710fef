//! Dual tensors of PyTorch's forward-mode differentiation, whose tangent no other library
//! keeps.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

use crate::once::once;

/// How it is known whether a level is open, without which there are no dual tensors.
pub enum Levels {
    /// `static bool torch::autograd::ForwardADLevel::has_any_level()`, of the later versions.
    Told(unsafe extern "C" fn() -> bool),
    /// What `torch.autograd.forward_ad` counts.
    Counted(Py<PyDict>),
}

impl Levels {
    pub fn counted(py: Python<'_>) -> PyResult<Levels> {
        let module = py.import("torch.autograd.forward_ad")?;
        Ok(Levels::Counted(module.dict().unbind()))
    }

    /// Whether a level is open. Runs no code of others.
    #[inline]
    pub fn is_open(&self, py: Python<'_>) -> bool {
        match self {
            // SAFETY: a function that reads one number.
            Levels::Told(has_any) => unsafe { has_any() },
            Levels::Counted(module) => {
                let level = module.bind(py).get_item(intern!(py, "_current_level"));
                level.ok().flatten().and_then(|level| level.extract::<i64>().ok()) >= Some(0)
            }
        }
    }
}

/// Whether a tensor has a tangent, where PyTorch's functions are not known.
pub fn is_dual(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    static COUNTED: PyOnceLock<Levels> = PyOnceLock::new();
    let py = x.py();
    Ok(once(py, &COUNTED, || Levels::counted(py))?.is_open(py) && has_tangent(x)?)
}

/// Whether a tensor has a tangent. A level is open.
#[cold]
pub fn has_tangent(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = x.py();
    let unpack = py.import("torch._VF")?.getattr("_unpack_dual")?;
    // PyTorch has no level but this one.
    let level = [("level", 0)].into_py_dict(py)?;
    // Else a dispatch mode would see the question as an operation of the program.
    let dual = super::within(py, "_DisableTorchDispatch", || unpack.call((x,), Some(&level)))?;
    Ok(!dual.getattr("tangent")?.is_none())
}
