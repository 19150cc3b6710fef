//! The versions of PyTorch whose own functions may be used: those that they were tried with.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::frameworks::torch::TENSOR;
use crate::frameworks::torch::functions::Functions;
use crate::support::ask::Ask as _;
use crate::support::lazy::once;
use crate::support::{errors, modules, objects};

/// By major and minor version. A later one may lay out its objects in another way, which no
/// trial can be sure to notice: it is read by its exchange table and its attributes until the
/// tests ran with it.
const TRIED: [(u32, u32); 7] = [(2, 8), (2, 9), (2, 10), (2, 11), (2, 12), (2, 13), (2, 15)];

/// `0` switches them off.
const SWITCH: &str = "DLBRIDGE_TORCH_FAST";

/// Why they are not used; None if they may be. PyTorch is loaded. It is found out once: a
/// variable that is set or removed later changes nothing.
pub fn refusal(py: Python<'_>) -> PyResult<Option<&'static str>> {
    static FOUND: PyOnceLock<Option<String>> = PyOnceLock::new();
    once(py, &FOUND, || found(py)).map(Option::as_deref)
}

fn found(py: Python<'_>) -> PyResult<Option<String>> {
    if std::env::var_os(SWITCH).is_some_and(|value| value == "0") {
        return Ok(Some(format!("{SWITCH}=0")));
    }
    let version = version(py)?;
    Ok((!is_tried(&version)).then(|| format!("PyTorch {version} was not tried")))
}

fn version(py: Python<'_>) -> PyResult<String> {
    let version = modules::import(py, c"torch")?.attribute(c"__version__")?;
    errors::shown(&version)
}

/// Whether it is like `2.15.0+cpu`, of a version that was tried.
fn is_tried(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => TRIED.contains(&(major, minor)),
        _ => false,
    }
}

/// Whether PyTorch's own functions are used, and if not, why. For the command line.
#[pyfunction]
pub fn _torch_fast_path(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    if TENSOR.get(py).is_none() {
        return objects::text(py, "off: PyTorch is not imported");
    }
    let text = match refusal(py)? {
        Some(reason) => format!("off: {reason}"),
        None if Functions::get(py).is_some() => format!("on ({})", version(py)?),
        None => format!("off: the functions of PyTorch {} are not as known here", version(py)?),
    };
    objects::text(py, &text)
}
