//! PyTorch: no negative strides, nothing read-only, complex128 at multiples of 16 bytes
//! (elsewhere it ends the process in operations as plain as indexing). It is given tensors by its table
//! of C functions where it has one, else in a capsule.

use dlbridge::{DType, Device, Tensor, TensorRef};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::types::current_stream;
use crate::frameworks::alignment;
use crate::frameworks::dlpack_adapter::{legacy_capsule, tidy};
use crate::frameworks::framework::{
    ExportFn, Form, Framework, OnGpu, Order, is_one_of, is_plain, lacks,
};
use crate::frameworks::torch::{TENSOR, table};
use crate::protocols::capsule;
use crate::support::ask::Ask;
use crate::support::keep_alive::kept;
use crate::support::lazy::once;
use crate::support::modules;
use crate::support::modules::imported;
use crate::support::objects::intern;
use crate::values::tensor::PyTensor;

pub static FRAMEWORK: Framework = Framework {
    name: "torch",
    title: "PyTorch",
    module: "torch",
    distributions: &["torch"],
    arrays: &[&TENSOR],
    order: Order::NotNegative,
    refuses_idle_negatives: |_| true,
    alignment: alignment::compiled,
    unfit: |_, tensor| match tensor.dtype() {
        dtype if has(dtype) => None,
        dtype => lacks("PyTorch", dtype),
    },
    on_gpu: Some(OnGpu { module: "torch", function: "from_dlpack", form: Form::Versioned }),
    protocol: "DLPack exchange API",
    give: ExportFn::Owner(give),
    give_at_once: Some(give_at_once),
    current_stream: Some(current_stream),
    ..Framework::ANY
};

/// Whether it also takes a type where it cannot be asked: by its table.
fn has_alone(dtype: DType) -> bool {
    is_plain(dtype) || is_one_of(dtype, &["bfloat16", "complex32", "float8_e4m3fn", "float8_e5m2"])
}

fn has(dtype: DType) -> bool {
    const MORE: [&str; 8] = [
        "bfloat16",
        "complex32",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "float4_e2m1fnx2",
    ];
    is_plain(dtype) || is_one_of(dtype, &MORE)
}

/// As `give`, by the table; None without it.
fn give_at_once<'py>(
    view: &TensorRef<'_>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = keeper.py();
    let layout = view.layout();
    // Idle negative strides are to be made positive, which takes a new descriptor.
    let is_tidy = layout.given_strides().unwrap_or_default().iter().all(|stride| *stride >= 0);
    match table(py)?.filter(|_| is_tidy && layout.count() > 0 && has_alone(view.dtype())) {
        // SAFETY: the view came with the object that keeps its memory.
        Some(table) => table.give(py, unsafe { kept(view, keeper) }?).map(Some),
        None => Ok(None),
    }
}

fn give(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyAny>> {
    static FROM_DLPACK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if TENSOR.get(py).is_none() {
        modules::import(py, c"torch").map_err(|error| FRAMEWORK.missing(py, error))?;
    }
    let tensor = tidy(tensor)?;
    // Only what PyTorch certainly takes: a refusal could delete it twice.
    if let Some(table) = table(py)?
        && tensor.device() == Device::CPU
        && has_alone(tensor.dtype())
    {
        return table.give(py, tensor);
    }
    // Not of the module inside: importing that first breaks an import of PyTorch that another
    // thread has begun.
    let from_dlpack = imported(py, &FROM_DLPACK, c"torch", c"from_dlpack")
        .map_err(|error| FRAMEWORK.missing(py, error))?;
    let described = tensor.view().to_string();
    let capsule = match knows_versioned(py)? {
        true => capsule::versioned(py, tensor)?,
        false => legacy_capsule(&FRAMEWORK, &Bound::new(py, PyTensor::new(tensor))?)?,
    };
    from_dlpack.called([&capsule]).map_err(|error| FRAMEWORK.refusal(&described, py, error))
}

/// Whether PyTorch takes versioned capsules, as it does since 2.9.
fn knows_versioned(py: Python<'_>) -> PyResult<bool> {
    static KNOWS: PyOnceLock<bool> = PyOnceLock::new();
    once(py, &KNOWS, || {
        modules::import(py, c"torch._C")?.hasattr(intern!(py, "_to_dlpack_versioned")?)
    })
    .copied()
}
