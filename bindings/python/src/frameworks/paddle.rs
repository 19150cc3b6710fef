//! PaddlePaddle: no negative strides, nine dimensions at most, complex128 at multiples of
//! 16 bytes (elsewhere it ends the process). It takes uint16 for
//! bfloat16.

use dlbridge::DType;
use pyo3::prelude::*;

use crate::frameworks::alignment;
use crate::frameworks::dlpack_adapter::versioned_capsule;
use crate::frameworks::framework::{ExportFn, Framework, Order, is_one_of, is_plain, lacks};
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::lazy_type::LazyType;
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("paddle", "Tensor");

pub static FRAMEWORK: Framework = Framework {
    name: "paddle",
    title: "PaddlePaddle",
    module: "paddle",
    distributions: &["paddlepaddle", "paddlepaddle-gpu"],
    arrays: &[&ARRAY],
    order: Order::NotNegative,
    refuses_idle_negatives: |_| true,
    alignment: alignment::compiled,
    ndim: (0, 9),
    unfit: |_, tensor| {
        match tensor.dtype() {
        DType::UINT16 => Some(
            "dtype is uint16, which PaddlePaddle takes for bfloat16; convert the elements before, or \
             pass x.view(\"int16\") in NumPy"
                .into(),
        ),
        dtype if is_plain(dtype)
            || is_one_of(dtype, &["bfloat16", "float8_e4m3fn", "float8_e5m2"]) =>
        {
            None
        }
        dtype => lacks("PaddlePaddle", dtype),
    }
    },
    give: ExportFn::Object(give),
    check_source: Some(check_source),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let from_dlpack = FRAMEWORK.attribute(py, "paddle.utils.dlpack", "from_dlpack")?;
    from_dlpack
        .called([&versioned_capsule(&FRAMEWORK, tensor)?.into_any()])
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}

/// Refuses tensors that require gradients: PaddlePaddle's table of C functions does
/// not ask.
fn check_source(object: &Bound<'_, PyAny>) -> PyResult<()> {
    if !object.attribute(c"stop_gradient")?.is_truthy()? {
        return Err(errors::refused(
            "x is a paddle.Tensor that requires gradients, which no other library records; pass \
             x.detach()",
        ));
    }
    Ok(())
}
