//! Why a torch.Tensor has no memory that can be shared, and what to pass instead.

use std::ffi::CStr;

use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use crate::frameworks::torch::types::{is_plain, within};
use crate::support::ask::Ask;
use crate::support::objects::intern;
use crate::support::{errors, modules};

/// The error of a torch.Tensor, in words that say what kind of tensor it is.
#[cold]
pub fn explain(x: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = x.py();
    errors::instead(py, error, |error| match reason(x) {
        Err(failed) => errors::rather(py, error, failed),
        Ok(None) => error,
        Ok(Some(reason)) => {
            let refusal = reason.error();
            if !error.is_instance_of::<PyBufferError>(py) || error.cause(py).is_some() {
                refusal.set_cause(py, error.cause(py).or(Some(error)));
            }
            refusal
        }
    })
}

/// What a tensor is, and the way out.
pub struct Reason {
    what: String,
    way: String,
}

impl Reason {
    pub fn new(what: impl Into<String>, way: impl Into<String>) -> Reason {
        Reason { what: what.into(), way: way.into() }
    }

    pub fn error(self) -> PyErr {
        errors::refused(format_args!("x is a torch.Tensor that {}; {}", self.what, self.way))
    }
}

fn reason(x: &Bound<'_, PyAny>) -> PyResult<Option<Reason>> {
    if let Some(found) = transformed(x)? {
        return Ok(Some(found));
    }
    if let Some(found) = of_class(&errors::type_name(x)) {
        return Ok(Some(found));
    }
    let is = |name: &CStr| tells(x, || x.attribute(name)?.is_truthy());
    let text = |name: &CStr| {
        let text = errors::tolerate(x.py(), x.attribute(name).and_then(|it| errors::shown(&it)))?;
        Ok::<_, PyErr>(text.unwrap_or_default())
    };
    let (layout, dtype) = (text(c"layout")?, text(c"dtype")?);
    let (what, way) = if is(c"is_meta")? {
        ("is on the meta device, which has no memory".to_owned(), "pass a tensor with data")
    } else if is(c"is_nested")? {
        ("is nested".to_owned(), "pass x.to_padded_tensor(0) or its parts, x.unbind()")
    } else if is(c"is_quantized")? {
        ("is quantized".to_owned(), "pass x.dequantize() or x.int_repr()")
    } else if !layout.is_empty() && layout != "torch.strided" {
        (format!("has the layout {layout}, which is no strided array"), "pass x.to_dense()")
    } else if dtype.starts_with("torch.bits") {
        (format!("has the dtype {dtype}, which is no number"), "pass x.view(torch.uint8)")
    } else if tells(x, || x.method(c"is_conj", [])?.is_truthy())? {
        let what = "is conjugated lazily: its memory has the wrong imaginary signs";
        (what.to_owned(), "pass x.resolve_conj()")
    } else if is_wrapper(x)? {
        let class = errors::type_name(x);
        (format!("is a {class}, a wrapper without memory of its own"), "pass what it wraps")
    } else {
        return Ok(None);
    };
    Ok(Some(Reason::new(what, way)))
}

/// What classes of PyTorch's own have no memory.
fn of_class(class: &str) -> Option<Reason> {
    let (what, way) = match class.rsplit('.').next()? {
        "FakeTensor" => ("is a FakeTensor, which has no memory", "pass a real tensor"),
        "FunctionalTensor" => (
            "is a FunctionalTensor, which PyTorch makes to trace a program and has no memory",
            "pass a real tensor, or make an operator of the call by torch.library.custom_op",
        ),
        "DTensor" => (
            "is a DTensor, whose memory is spread over processes",
            "pass the part of this one, x.to_local()",
        ),
        "MaskedTensor" => (
            "is a MaskedTensor, whose mask would be lost",
            "pass x.to_tensor(value), or x.get_data() to leave the mask behind",
        ),
        "UninitializedParameter" | "UninitializedBuffer" => {
            ("has no shape yet", "run its module once, or call x.materialize(shape)")
        }
        _ => return None,
    };
    Some(Reason::new(what, way))
}

/// Tensors inside of the transformations of torch.func stand for others.
fn transformed(x: &Bound<'_, PyAny>) -> PyResult<Option<Reason>> {
    let py = x.py();
    let functorch = || modules::import(py, c"torch._C")?.attribute(c"_functorch");
    let Some(functorch) = errors::tolerate(py, functorch())? else {
        return Ok(None);
    };
    let is = |name: &CStr| tells(x, || functorch.method(name, [x])?.is_truthy());
    let inside = if is(c"is_batchedtensor")? {
        "torch.vmap"
    } else if is(c"is_gradtrackingtensor")? {
        "torch.func.grad, vjp or jvp"
    } else if is(c"is_functionaltensor")? || tells(x, || functional(x))? {
        "torch.func.functionalize, torch.compile or torch.export"
    } else {
        return Ok(None);
    };
    let way = "make an operator of the call by torch.library.custom_op, with register_vmap or \
               register_autograd";
    let what = format!("stands for others inside of {inside}, and has no storage of its own");
    Ok(Some(Reason::new(what, way)))
}

fn functional(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    modules::import(x.py(), c"torch")?.method(c"_is_functional_tensor", [x])?.is_truthy()
}

/// Whether a subclass has elements but no address of them.
fn is_wrapper(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = x.py();
    if is_plain(x) {
        return Ok(false);
    }
    let has_none = || {
        let data = x.call_method0(intern!(py, "data_ptr")?)?.extract::<usize>()?;
        Ok(data == 0 && x.call_method0(intern!(py, "numel")?)?.extract::<i64>()? > 0)
    };
    tells(x, || within(py, c"DisableTorchFunctionSubclass", has_none))
}

/// What can be asked; false where that fails.
fn tells(x: &Bound<'_, PyAny>, ask: impl FnOnce() -> PyResult<bool>) -> PyResult<bool> {
    Ok(errors::tolerate(x.py(), ask())?.unwrap_or(false))
}
