//! `empty`: new tensors.

use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Status};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::integers::integers;
use crate::support::objects;
use crate::tensor::PyTensor;
use crate::{device, dtype, errors, stream};

/// A new tensor in C order whose elements are not set yet: on "cpu", on a GPU
/// ("cuda:0", from its memory pool), on "cpu_pinned", to which GPUs copy quickly, or
/// "cuda_managed", which moves between host and GPUs.
///
/// On a GPU the memory is there, and is freed, in the order of `stream`: None or 1,
/// the legacy default stream, 2, that of this thread, or the handle of a stream that
/// exists as long as the tensor and its views. BufferError without CUDA's driver.
#[pyfunction]
#[pyo3(signature = (shape, *, dtype = None, device = None, stream = None), text_signature = "(shape, *, dtype='float32', device='cpu', stream=None)")]
pub fn empty(
    shape: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    device: Option<&Bound<'_, PyAny>>,
    stream: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyTensor> {
    let dtype = dtype.map_or(Ok(dlbridge::DType::FLOAT32), dtype::parse)?;
    let device = device.map_or(Ok(Device::CPU), |device| device::parse("device", device))?;
    let stream = stream::parse(stream)?.unwrap_or(Stream::LEGACY);
    let shape = match shape.cast::<PyTuple>() {
        Ok(shape) => integers("shape", shape)?,
        Err(_) => integers("shape", &objects::tuple(shape.py(), [shape.clone()])?)?,
    };
    // SAFETY: as the documentation says, whoever asks for it sets the elements first, and
    // keeps the stream.
    let tensor = unsafe { cuda::empty(dtype, &shape, device, stream) };
    let made = tensor.map(|tensor| PyTensor::on(tensor, stream::lasting(stream)));
    made.map_err(|error| match error.status() {
        Status::NoCuda => errors::refused(format_args!("device is {device}: {}", error.message())),
        Status::Device => errors::exchange(error),
        _ => errors::argument(error),
    })
}
