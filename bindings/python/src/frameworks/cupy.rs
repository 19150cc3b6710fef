//! CuPy: arrays on CUDA devices only.

use std::ptr;

use dlbridge::Device;
use dlbridge::cuda::Stream;
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::give_on_gpu;
use crate::frameworks::framework::{ExportFn, Form, Framework, OnGpu};
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::modules;

static ARRAY: LazyType = LazyType::new("cupy", "ndarray");

pub static FRAMEWORK: Framework = Framework {
    name: "cupy",
    title: "CuPy",
    module: "cupy",
    distributions: &["cupy-cuda13x", "cupy-cuda12x", "cupy"],
    arrays: &[&ARRAY],
    not_host: Some(
        "the tensor is on the host, and CuPy has arrays on CUDA devices only: \
         cupy.asarray(t.numpy()) copies it to one",
    ),
    on_gpu: Some(OnGpu { module: "cupy", function: "from_dlpack", form: Form::Versioned }),
    // Never on the host.
    give: ExportFn::Object(|tensor| give_on_gpu(&FRAMEWORK, tensor)),
    current_stream: Some(current_stream),
    ..Framework::ANY
};

/// The stream that CuPy works on now.
fn current_stream(py: Python<'_>, _device: Device) -> PyResult<Stream> {
    let stream = modules::import(py, c"cupy.cuda")?.method(c"get_current_stream", [])?;
    let handle: usize = stream.attribute(c"ptr")?.extract()?;
    Ok(Stream::from_raw(ptr::with_exposed_provenance_mut(handle)))
}
