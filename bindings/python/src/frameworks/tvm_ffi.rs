//! apache-tvm-ffi: everything that DLPack has, but read-only is lost.

use dlbridge::abi::Flags;
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::versioned_capsule;
use crate::frameworks::framework::{ExportFn, Framework};
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("tvm_ffi", "Tensor");

pub static FRAMEWORK: Framework = Framework {
    name: "tvm_ffi",
    title: "apache-tvm-ffi",
    module: "tvm_ffi",
    distributions: &["apache-tvm-ffi"],
    arrays: &[&ARRAY],
    unfit: |_, tensor| {
        let is_padded = tensor.flags().contains(Flags::IS_SUBBYTE_TYPE_PADDED);
        let reason = "its elements are padded to whole bytes, and apache-tvm-ffi takes packed ones";
        is_padded.then(|| reason.into())
    },
    give: ExportFn::Object(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    // Of an object it asks for the legacy kind only.
    let from_dlpack = FRAMEWORK.attribute(py, "tvm_ffi", "from_dlpack")?;
    from_dlpack
        .called([&versioned_capsule(&FRAMEWORK, tensor)?.into_any()])
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}
