//! PyArrow: its tensors keep read-only memory read-only. They have no bool, which is
//! bits in Arrow, and no complex numbers.

use dlbridge::DType;
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::DLPackAdapter;
use crate::frameworks::framework::{ExportFn, Framework, Order, ReadOnly, is_plain, lacks};
use crate::frameworks::{dlpack_adapter, numpy};
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::values::tensor::PyTensor;

static TENSOR: LazyType = LazyType::new("pyarrow", "Tensor");
static ARRAY: LazyType = LazyType::new("pyarrow", "Array");

pub static FRAMEWORK: Framework = Framework {
    name: "pyarrow",
    title: "PyArrow",
    module: "pyarrow",
    distributions: &["pyarrow"],
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
    give: ExportFn::Object(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let class = FRAMEWORK.attribute(py, "pyarrow", "Tensor")?;
    let view = tensor.get().core().view();
    // By DLPack, what has no elements could not be written to.
    let made = match view.layout().count() {
        0 => {
            let own = dlpack_adapter::share(&FRAMEWORK, tensor.get().core())?;
            let array = numpy::export(&own.view(), tensor.clone().into_any())?;
            class.method(c"from_numpy", [&array])
        }
        _ => class
            .method(c"from_dlpack", [&DLPackAdapter::versioned(&FRAMEWORK, tensor)?.into_any()]),
    };
    made.map_err(|error| FRAMEWORK.refusal(&view, py, error))
}
