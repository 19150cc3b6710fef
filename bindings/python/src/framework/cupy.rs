//! CuPy: arrays on CUDA devices only.

use std::ptr;

use dlbridge::cuda::Stream;
use pyo3::prelude::*;

use super::{Form, Framework, Give, OnGpu};
use crate::loaded::LoadedType;
use crate::support::objects::{self, Ask};

static ARRAY: LoadedType = LoadedType::new("cupy", "ndarray");

pub static FRAMEWORK: Framework = Framework {
    name: "cupy",
    title: "CuPy",
    arrays: &[&ARRAY],
    not_host: Some(
        "the tensor is on the host, and CuPy has arrays on CUDA devices only: \
         cupy.asarray(t.numpy()) copies it to one",
    ),
    on_gpu: Some(OnGpu { module: "cupy", function: "from_dlpack", form: Form::Versioned }),
    // Never on the host.
    give: Give::Object(|tensor| FRAMEWORK.give_on_gpu(tensor)),
    ..Framework::ANY
};

/// The stream that CuPy works on now.
pub fn current_stream(py: Python<'_>) -> PyResult<Stream> {
    let stream = objects::module(py, c"cupy.cuda")?.method(c"get_current_stream", [])?;
    let handle: usize = stream.attribute(c"ptr")?.extract()?;
    Ok(Stream::from_raw(ptr::with_exposed_provenance_mut(handle)))
}
