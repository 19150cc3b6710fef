//! PyArrow: its tensors keep read-only memory read-only. They have no bool, which is
//! bits in Arrow, and no complex numbers.

use dlbridge::DType;
use pyo3::prelude::*;

use super::{Carrier, Framework, Give, Order, ReadOnly, carrier, is_plain, lacks};
use crate::loaded::LoadedType;
use crate::numpy;
use crate::support::objects::Ask;
use crate::tensor::PyTensor;

static TENSOR: LoadedType = LoadedType::new("pyarrow", "Tensor");
static ARRAY: LoadedType = LoadedType::new("pyarrow", "Array");

pub static FRAMEWORK: Framework = Framework {
    name: "pyarrow",
    title: "PyArrow",
    arrays: &[&TENSOR, &ARRAY],
    order: Order::NotNegative,
    refuses_idle_negatives: |_| true,
    read_only: ReadOnly::Kept,
    unfit: |_, tensor| {
        match tensor.dtype() {
        DType::BOOL => Some(
            "dtype is bool, which Arrow packs to bits; share the bytes with x.view(\"uint8\") in \
             NumPy"
                .into(),
        ),
        dtype @ (DType::COMPLEX64 | DType::COMPLEX128) => Some(format!(
            "dtype is {dtype}, which Arrow does not have; share the real and imaginary parts with \
             x.view(\"float{}\") in NumPy",
            dtype.item_bits() / 2
        ).into()),
        dtype if is_plain(dtype) => None,
        dtype => lacks("PyArrow", dtype),
    }
    },
    give: Give::Object(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let class = FRAMEWORK.attribute(py, "pyarrow", "Tensor")?;
    let view = tensor.get().core().view();
    // By DLPack, what has no elements could not be written to.
    let made = match view.layout().count() {
        0 => {
            let own = carrier::share(&FRAMEWORK, tensor.get().core())?;
            let array = numpy::export(&own.view(), tensor.clone().into_any())?;
            class.method(c"from_numpy", [&array])
        }
        _ => class.method(c"from_dlpack", [&Carrier::versioned(&FRAMEWORK, tensor)?.into_any()]),
    };
    made.map_err(|error| FRAMEWORK.refusal(&view, py, error))
}
