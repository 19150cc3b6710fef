//! Warp: one to four dimensions, legacy capsules only.

use dlbridge::DType;
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::legacy_capsule;
use crate::frameworks::framework::{ExportFn, Framework, is_plain, lacks};
use crate::protocols::array_interface;
use crate::protocols::raw_array::Raw;
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("warp", "array");

pub static FRAMEWORK: Framework = Framework {
    name: "warp",
    title: "Warp",
    module: "warp",
    distributions: &["warp-lang"],
    arrays: &[&ARRAY],
    // Without elements it allocates an array of its own.
    refuses_idle_negatives: |tensor| tensor.layout().count() == 0,
    ndim: (1, 4),
    unfit: |_, tensor| match tensor.dtype() {
        dtype @ (DType::COMPLEX64 | DType::COMPLEX128) => lacks("Warp", dtype),
        DType::BFLOAT16 => None,
        dtype if is_plain(dtype) => None,
        dtype => lacks("Warp", dtype),
    },
    protocol: "legacy DLPack capsule",
    give: ExportFn::Object(give),
    read_on_host: Some(read_on_host),
    legacy_is_writable: true,
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    // Else it fails until somebody has done that.
    FRAMEWORK.attribute(py, "warp", "init")?.call0()?;
    let from_dlpack = FRAMEWORK.attribute(py, "warp", "from_dlpack")?;
    from_dlpack
        .called([&legacy_capsule(&FRAMEWORK, tensor)?.into_any()])
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}

/// By its array interface, which names uint16 and bfloat16 alike.
fn read_on_host<'py>(x: &Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>> {
    let interface = x.getattr(intern!(x.py(), "__array_interface__")?)?;
    let raw = array_interface::describe(x, &interface)?;
    Ok(Some(raw).filter(|raw| raw.array.dtype != DType::UINT16))
}
