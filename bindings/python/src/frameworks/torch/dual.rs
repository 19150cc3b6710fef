//! Dual tensors of PyTorch's forward-mode differentiation, whose tangent no other library
//! keeps.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::support::ask::Ask;
use crate::support::lazy::once;
use crate::support::objects::{Int, intern};
use crate::support::{modules, objects};

/// How it is known whether a level is open, without which there are no dual tensors.
pub enum Levels {
    /// `static bool torch::autograd::ForwardADLevel::has_any_level()`, of the later versions.
    Told(unsafe extern "C" fn() -> bool),
    /// What `torch.autograd.forward_ad` counts.
    Counted(Py<PyDict>, Py<PyString>),
}

impl Levels {
    pub fn counted(py: Python<'_>) -> PyResult<Levels> {
        let module = modules::import(py, c"torch.autograd.forward_ad")?;
        let name = objects::new_name(py, "_current_level")?;
        Ok(Levels::Counted(module.dict().unbind(), name.unbind()))
    }

    /// Whether a level is open. Runs no code of others.
    #[inline]
    pub fn is_open(&self, py: Python<'_>) -> bool {
        match self {
            // SAFETY: a function that reads one number.
            Levels::Told(has_any) => unsafe { has_any() },
            Levels::Counted(module, name) => {
                let level = module.bind(py).get_item(name.bind(py));
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
    let unpack = modules::import(py, c"torch._VF")?.attribute(c"_unpack_dual")?;
    // PyTorch has no level but this one.
    let level = objects::dict(py)?;
    level.set_item(intern!(py, "level")?, Int(0))?;
    let x = objects::tuple(py, [x.clone()])?;
    // Else a dispatch mode would see the question as an operation of the program.
    let dual = super::types::within(py, c"_DisableTorchDispatch", || unpack.call(x, Some(&level)))?;
    Ok(!dual.attribute(c"tangent")?.is_none())
}
