//! CuPy: arrays on CUDA devices only.

use pyo3::prelude::*;

use super::{Carrier, Framework, Give};
use crate::loaded::LoadedType;
use crate::tensor::PyTensor;

static ARRAY: LoadedType = LoadedType::new("cupy", "ndarray");

pub static FRAMEWORK: Framework = Framework {
    name: "cupy",
    title: "CuPy",
    arrays: &[&ARRAY],
    not_host: Some(
        "the tensor is on the host, and CuPy has arrays on CUDA devices only: \
         cupy.asarray(t.numpy()) copies it to one",
    ),
    give: Give::Object(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let from_dlpack = FRAMEWORK.attribute(py, "cupy", "from_dlpack")?;
    from_dlpack
        .call1((Carrier::versioned(tensor)?,))
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}
