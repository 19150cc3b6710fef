//! TensorFlow: immutable tensors in C order. It takes memory that is not aligned,
//! and then ends the process in the first operation that reads it.

use dlbridge::{DType, Tensor};
use pyo3::prelude::*;

use crate::frameworks::dlpack_adapter::legacy_capsule;
use crate::frameworks::framework::{ExportFn, Framework, Order, ReadOnly, is_plain, lacks};
use crate::protocols::buffer;
use crate::protocols::raw_array::Raw;
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::values::tensor::PyTensor;

static ARRAY: LazyType = LazyType::new("tensorflow", "Tensor");

pub static FRAMEWORK: Framework = Framework {
    name: "tensorflow",
    title: "TensorFlow",
    module: "tensorflow",
    distributions: &["tensorflow", "tensorflow-cpu"],
    arrays: &[&ARRAY],
    order: Order::C,
    alignment: |_| 64,
    ndim: (0, 60),
    read_only: ReadOnly::Immutable,
    unfit: |_, tensor| match tensor.dtype() {
        DType::BFLOAT16 => None,
        dtype if is_plain(dtype) => None,
        dtype => lacks("TensorFlow's DLPack", dtype),
    },
    protocol: "legacy DLPack capsule",
    give: ExportFn::Object(give),
    read_on_host: Some(read_on_host),
    check_source: Some(check_source),
    copied_from: Some(explain_source),
    ..Framework::ANY
};

fn give<'py>(tensor: &Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let from_dlpack = FRAMEWORK.attribute(py, "tensorflow.experimental.dlpack", "from_dlpack")?;
    from_dlpack
        .called([&legacy_capsule(&FRAMEWORK, tensor)?.into_any()])
        .map_err(|error| FRAMEWORK.refusal(&tensor.get().core().view(), py, error))
}

/// By its buffer, which would be a copy of what is elsewhere. The name of a device ends like
/// `/job:localhost/replica:0/task:0/device:CPU:0`.
fn read_on_host<'py>(x: &Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>> {
    let device = x.getattr(intern!(x.py(), "backing_device")?)?;
    let is_there = errors::text(&device).is_some_and(|name| name.contains("device:CPU:"));
    is_there.then(|| buffer::describe(x)).transpose()
}

/// Refuses tensors whose `__dlpack__` would end the process.
fn check_source(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let dtype = errors::shown(&object.attribute(c"dtype")?.attribute(c"name")?)?;
    let has_none = ["string", "variant", "resource"].contains(&dtype.as_str());
    if has_none || dtype.starts_with('q') {
        return Err(errors::refused(format_args!(
            "x is a tf.Tensor of dtype {dtype}, whose elements are no numbers in memory"
        )));
    }
    // Its DLPack raises an error of TensorFlow's own for these.
    let parts = ["float8", "float4", "int4", "uint4", "int2", "uint2"];
    if parts.iter().any(|start| dtype.starts_with(start)) {
        return Err(errors::refused(format_args!(
            "x is a tf.Tensor of dtype {dtype}, which TensorFlow's DLPack does not have; pass \
             x.numpy(), a copy"
        )));
    }
    Ok(())
}

/// Refuses what looks like an array of TensorFlow but has no memory that can be had.
fn explain_source(object: &Bound<'_, PyAny>, _copy: Option<bool>) -> PyResult<Option<Tensor>> {
    static VARIABLE: LazyType = LazyType::new("tensorflow", "Variable");
    if VARIABLE.is_type_of(object) {
        return Err(errors::refused(
            "x is a tf.Variable, whose memory TensorFlow does not give out; pass x.read_value()",
        ));
    }
    if FRAMEWORK.has(object) {
        return Err(errors::refused(
            "x is a symbolic tf.Tensor, which has no memory: convert outside of tf.function",
        ));
    }
    Ok(None)
}
