//! MLX: its arrays are always copies.

use dlbridge::DType;
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::DLPackAdapter;
use crate::frameworks::framework::{ExportFn, Framework, Order, ReadOnly, is_plain, lacks};
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::objects;
use crate::support::objects::intern;
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("mlx.core", "array");

pub static FRAMEWORK: Framework = Framework {
    name: "mlx",
    title: "MLX",
    module: "mlx.core",
    distributions: &["mlx"],
    arrays: &[&ARRAY],
    order: Order::NotNegative,
    refuses_idle_negatives: |_| true,
    read_only: ReadOnly::Immutable,
    unfit: |_, tensor| match tensor.dtype() {
        // It would make complex64 of it, without a word.
        dtype @ DType::COMPLEX128 => lacks("MLX", dtype),
        DType::BFLOAT16 => None,
        dtype if is_plain(dtype) => None,
        dtype => lacks("MLX", dtype),
    },
    copies: Some("MLX copies whatever it is given"),
    protocol: "legacy DLPack capsule",
    give: ExportFn::Object(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let array = FRAMEWORK.attribute(py, "mlx.core", "array")?;
    let keywords = objects::dict(py)?;
    if tensor.get().core().dtype() == DType::FLOAT64 {
        // It would make float32 of it.
        keywords
            .set_item(intern!(py, "dtype")?, FRAMEWORK.attribute(py, "mlx.core", "float64")?)?;
    }
    array
        .called_with([DLPackAdapter::legacy(&FRAMEWORK, tensor)?.as_any()], &keywords)
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}
