//! PyTorch's special cases. It is never imported unless a torch.Tensor is asked
//! for.

use dlbridge::{Device, Tensor};
use pyo3::exceptions::{PyBufferError, PyException, PyImportError, PyMemoryError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::loaded::LoadedType;
use crate::tensor::{copied, tuple};
use crate::{capsule, consumer, errors};

pub static TENSOR: LoadedType = LoadedType::new("torch", "Tensor");
static PARAMETER: LoadedType = LoadedType::new("torch.nn", "Parameter");

/// A tensor on the memory of a torch.Tensor.
pub fn import(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Tensor> {
    prepare(x)
        .and_then(|exported| consumer::produced(&exported, device, copy))
        .map_err(|error| explain(x, error))
}

/// Refuses what `__dlpack__` would let through although it is not the numbers in
/// memory, and returns what to export.
fn prepare<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = x.py();
    if x.getattr(intern!(py, "requires_grad"))?.is_truthy()? {
        return Err(refusal("requires grad, which no other library records", "x.detach()"));
    }
    if x.call_method0(intern!(py, "is_neg"))?.is_truthy()? {
        return Err(refusal(
            "is negated lazily: its memory has the wrong signs",
            "x.resolve_neg()",
        ));
    }
    // An export holds the tensor object, not its memory: x.set_() or x.data = ...
    // would take that away. A detached alias keeps it. A subclass may export itself
    // in another way (torch has a read-only one), and is left alone.
    match TENSOR.is_exact_type_of(x) || PARAMETER.is_exact_type_of(x) {
        true => x.call_method0(intern!(py, "detach")),
        false => Ok(x.clone()),
    }
}

/// Why a torch.Tensor has no memory that can be shared.
#[cold]
fn explain(x: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = x.py();
    if !error.is_instance_of::<PyException>(py) || error.is_instance_of::<PyMemoryError>(py) {
        return error;
    }
    let is = |name: &str| x.getattr(name).and_then(|value| value.is_truthy()).unwrap_or(false);
    let layout = x.getattr("layout").map(|layout| layout.to_string()).unwrap_or_default();
    let class = errors::type_name(x);
    let (what, advice) = if class.ends_with(".FakeTensor") {
        ("is a FakeTensor, which has no memory".to_owned(), "a real tensor")
    } else if is("is_meta") {
        ("is on the meta device, which has no memory".to_owned(), "a tensor with data")
    } else if is("is_nested") {
        ("is nested".to_owned(), "x.to_padded_tensor(0) or its parts, x.unbind()")
    } else if is("is_quantized") {
        ("is quantized".to_owned(), "x.dequantize() or x.int_repr()")
    } else if !layout.is_empty() && layout != "torch.strided" {
        (format!("has the layout {layout}, which is no strided array"), "x.to_dense()")
    } else if x.call_method0("is_conj").and_then(|conj| conj.is_truthy()).unwrap_or(false) {
        let what = "is conjugated lazily: its memory has the wrong imaginary signs";
        (what.to_owned(), "x.resolve_conj()")
    } else {
        return error;
    };
    let refusal = refusal(&what, advice);
    if !error.is_instance_of::<PyBufferError>(py) || error.cause(py).is_some() {
        refusal.set_cause(py, error.cause(py).or(Some(error)));
    }
    refusal
}

fn refusal(what: &str, advice: &str) -> PyErr {
    errors::refused(format!("x is a torch.Tensor that {what}; pass {advice}"))
}

/// A torch.Tensor on the memory of a tensor, or on a copy where that is asked for
/// or, with `copy` None, needed.
pub fn export<'py>(
    py: Python<'py>,
    tensor: &Tensor,
    copy: Option<bool>,
    allow_writable_alias: bool,
) -> PyResult<Bound<'py, PyAny>> {
    static FROM_DLPACK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let from_dlpack =
        FROM_DLPACK.import(py, "torch.utils.dlpack", "from_dlpack").map_err(|error| {
            let wrapped = PyImportError::new_err("torch() needs PyTorch, which cannot be imported");
            wrapped.set_cause(py, Some(error));
            wrapped
        })?;
    if !tensor.device().is_host_accessible() {
        return Err(errors::refused(format!(
            "the tensor is on {}: giving it to PyTorch in the order of its streams needs the CUDA \
             support that this version of dlbridge does not have yet; without ordering: \
             torch.from_dlpack(t.__dlpack__(stream=-1, max_version=(1, 3)))",
            tensor.device()
        )));
    }
    let obstacle = obstacle(tensor, allow_writable_alias);
    let owner = match (copy, obstacle) {
        (Some(true), _) | (None, Some(_)) => copied(py, tensor)?,
        (Some(false), Some(obstacle)) => return Err(errors::refused(obstacle)),
        _ => share(tensor)?,
    };
    let capsule = capsule::versioned(py, owner)?;
    from_dlpack.call1((capsule,)).map_err(|error| {
        let message = format!("PyTorch does not take {}: {}", tensor.view(), error.value(py));
        errors::refused_because(py, message, error)
    })
}

/// Why PyTorch cannot share this tensor, and what to do.
fn obstacle(tensor: &Tensor, allow_writable_alias: bool) -> Option<String> {
    let bytes = tensor.layout().bytes();
    if has_negative_steps(tensor) {
        return Some(format!(
            "strides is {}, and PyTorch takes no negative ones; copy=None makes a copy ({bytes} bytes)",
            tuple(tensor.strides())
        ));
    }
    if tensor.is_read_only() && !allow_writable_alias {
        return Some(format!(
            "the tensor is read-only, and PyTorch has no read-only tensors; copy=None makes a copy \
             ({bytes} bytes), allow_writable_alias=True shares the memory and leaves it to you not to \
             write"
        ));
    }
    None
}

fn has_negative_steps(tensor: &Tensor) -> bool {
    tensor.layout().count() > 0
        && tensor
            .shape()
            .iter()
            .zip(tensor.strides())
            .any(|(extent, step)| *extent > 1 && *step < 0)
}

/// One more owner. PyTorch refuses negative strides even where nothing is reached
/// through them: those are replaced.
fn share(tensor: &Tensor) -> PyResult<Tensor> {
    match tensor.strides().iter().any(|step| *step < 0) {
        true => tensor.reshape(tensor.shape()),
        false => tensor.share(),
    }
    .map_err(errors::exchange)
}
