//! `empty`: new tensors.

use dlbridge::cuda::{self, Stream};
use dlbridge::{DType, Device, Status};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::support::arguments::Arguments;
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::function::Function;
use crate::support::integers::integers;
use crate::support::objects::intern;
use crate::support::parameters::Parameters;
use crate::values::tensor::PyTensor;
use crate::values::{device, dtype, stream};

/// `empty`.
pub struct Empty;

impl Function for Empty {
    type Own = PyModule;

    const NAME: &'static str = "empty";
    const SIGNATURE: &'static str = "(shape, *, dtype='float32', device='cpu', stream=None)";
    const DOCUMENTATION: &'static str = "\
A new tensor in C order whose elements are not set yet: on \"cpu\", on a GPU
(\"cuda:0\", from its memory pool), on \"cpu_pinned\", to which GPUs copy quickly, or
\"cuda_managed\", which moves between host and GPUs.

On a GPU the memory is there, and is freed, in the order of `stream`: None or 1,
the legacy default stream, 2, that of this thread, or the handle of a stream that
exists as long as the tensor and its views. BufferError without CUDA's driver.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<1, 3> = Parameters::of(Empty::SIGNATURE);
        let py = own.py();
        let ([shape], [dtype, device, stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let dtype = dtype::optional(dtype)?.unwrap_or(DType::FLOAT32);
        let device = device::optional(device)?.unwrap_or(Device::CPU);
        let stream = stream::parse(stream)?.unwrap_or(Stream::LEGACY);
        let is_list = shape.is_instance_of::<PyTuple>() || shape.is_instance_of::<PyList>();
        if !is_list && shape.optional(intern!(py, "__index__")?)?.is_none() {
            return Err(errors::wrong_type("shape", shape, "an int, or a tuple or list of ints"));
        }
        let shape = integers("shape", std::slice::from_ref(shape))?;
        // SAFETY: as the documentation says, whoever asks for it sets the elements first, and
        // keeps the stream.
        let tensor = unsafe { cuda::empty(dtype, &shape, device, stream) };
        let made = tensor.map_err(|error| match error.status() {
            Status::NoCuda => {
                errors::refused(format_args!("device is {device}: {}", error.message()))
            }
            Status::Device => errors::exchange(error),
            _ => errors::argument(error),
        })?;
        PyTensor::on(made, stream::lasting(stream)).into_object(py)
    }
}
