//! JAX: immutable arrays, so that read-only memory stays read-only. It takes legacy
//! capsules only, and would copy without a word what is not aligned, and convert
//! elements of 64 bits to 32 unless it was told not to.

use dlbridge::{DType, TensorRef};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::frameworks::dlpack_adapter::DLPackAdapter;
use crate::frameworks::framework::{
    ExportFn, Form, Framework, OnGpu, Order, ReadOnly, Reason, is_one_of, is_plain, lacks,
};
use crate::protocols::buffer;
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::support::{errors, modules, objects};
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("jax", "Array");

pub static FRAMEWORK: Framework = Framework {
    name: "jax",
    title: "JAX",
    module: "jax",
    distributions: &["jax"],
    arrays: &[&ARRAY],
    order: Order::Permuted,
    alignment: |_| 64,
    read_only: ReadOnly::Immutable,
    unfit,
    on_gpu: Some(OnGpu { module: "jax.dlpack", function: "from_dlpack", form: Form::Legacy }),
    protocol: "legacy DLPack capsule",
    give: ExportFn::Object(give),
    read_on_host: Some(|x| buffer::describe(x).map(Some)),
    ..Framework::ANY
};

const WIDE: [DType; 4] = [DType::INT64, DType::UINT64, DType::FLOAT64, DType::COMPLEX128];

fn unfit(py: Python<'_>, tensor: &TensorRef<'_>) -> Option<Reason> {
    let dtype = tensor.dtype();
    const SMALL: [&str; 9] = [
        "bfloat16",
        "float8_e3m4",
        "float8_e4m3",
        "float8_e4m3b11fnuz",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
    ];
    if !is_plain(dtype) && !is_one_of(dtype, &SMALL) {
        return lacks("JAX", dtype);
    }
    if WIDE.contains(&dtype) && !may_keep_wide(py) {
        return Some(
            format!(
                "dtype is {dtype}, and JAX makes 32 bits of 64 as it is set now: call \
             jax.config.update(\"jax_enable_x64\", True) first, or convert the elements before"
            )
            .into(),
        );
    }
    None
}

/// As `keeps_wide`; where it cannot be told, JAX tells by itself.
fn may_keep_wide(py: Python<'_>) -> bool {
    errors::or_else(py, keeps_wide(py), true)
}

/// Whether JAX keeps types of 64 bits. If it is not imported yet, its environment
/// variable says so.
fn keeps_wide(py: Python<'_>) -> PyResult<bool> {
    let modules = modules::import(py, c"sys")?.attribute(c"modules")?.cast_into::<PyDict>()?;
    if let Some(jax) = modules.get_item(intern!(py, "jax")?)?
        && let Ok(config) = jax.attribute(c"config")
    {
        return config.attribute(c"jax_enable_x64")?.is_truthy();
    }
    let environment = modules::import(py, c"os")?.attribute(c"environ")?;
    let value = environment.method(c"get", [objects::text(py, "JAX_ENABLE_X64")?.as_any()])?;
    let value = errors::text(&value).unwrap_or_default().to_lowercase();
    Ok(["y", "yes", "t", "true", "on", "1"].contains(&&*value))
}

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let core = tensor.get().core();
    let from_dlpack = FRAMEWORK.attribute(py, "jax.dlpack", "from_dlpack")?;
    let array = from_dlpack
        .called([&DLPackAdapter::legacy(&FRAMEWORK, tensor)?.into_any()])
        .map_err(|error| FRAMEWORK.refusal(&core.view(), py, error))?;
    // Should it need more than is known here, no copy of its own goes unnoticed.
    let address = array.method(c"unsafe_buffer_pointer", [])?.extract::<usize>()?;
    if address != core.data_ptr() as usize && core.layout().count() > 0 {
        return Err(errors::refused(format_args!(
            "JAX made a copy of {} although nothing was known against sharing it; copy it before, \
             with t.copy()",
            core.view()
        )));
    }
    Ok(array)
}
