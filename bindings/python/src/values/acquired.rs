//! A tensor as it comes from an object, on its way to a `dlbridge.Tensor`.

use dlbridge::Tensor;
use dlbridge::cuda::Stream;

use crate::values::tensor::PyTensor;

/// A tensor, and the stream on which its memory is ready.
pub struct Acquired {
    pub tensor: Tensor,
    pub stream: Stream,
    /// Whether it was copied here, to another device.
    pub moved: bool,
    /// Why it was copied, if its framework did not do that by itself.
    pub reason: &'static str,
}

impl From<Tensor> for Acquired {
    fn from(tensor: Tensor) -> Acquired {
        Acquired { tensor, stream: Stream::LEGACY, moved: false, reason: "" }
    }
}

impl From<Acquired> for PyTensor {
    fn from(acquired: Acquired) -> PyTensor {
        PyTensor::on(acquired.tensor, acquired.stream)
    }
}
