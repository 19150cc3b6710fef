//! `dlbridge.Tensor`: the struct. Its methods are in `tensor_methods.rs`.

use std::mem::ManuallyDrop;

use dlbridge::abi::DLTensor;
use dlbridge::cuda::Stream;
use dlbridge::{Tensor, TensorRef};
use pyo3::prelude::*;

use crate::support::errors;
use crate::support::keep_alive::PendingException;
use crate::values::descriptor::Shown;

/// An n-dimensional buffer, shared and not copied: by C libraries, NumPy, PyTorch
/// and whatever speaks DLPack, an array interface or the buffer protocol.
///
/// Tensors come from `from_dlpack`, `asarray` and `empty`. A tensor never
/// changes its shape, dtype or address; views are new tensors on the same
/// memory, which lives until the last of them is gone. The memory is not locked:
/// that nobody writes to what somebody else reads is up to the program.
#[pyclass(frozen, weakref, name = "Tensor", module = "dlbridge")]
pub struct PyTensor {
    tensor: ManuallyDrop<Tensor>,
    /// In the order of which the memory of a GPU is made.
    stream: Stream,
    shown: Shown,
}

impl PyTensor {
    pub fn new(tensor: Tensor) -> PyTensor {
        PyTensor::on(tensor, Stream::LEGACY)
    }

    /// One whose memory is made in the order of that stream.
    pub fn on(tensor: Tensor, stream: Stream) -> PyTensor {
        PyTensor { tensor: ManuallyDrop::new(tensor), stream, shown: Shown::default() }
    }

    /// The stream to wait for before the memory is used on another one.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    pub fn core(&self) -> &Tensor {
        &self.tensor
    }

    pub fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Bound::new(py, self).map(Bound::into_any)
    }

    /// A descriptor for others, valid as long as this is.
    pub fn shown(&self, py: Python<'_>) -> PyResult<*mut DLTensor> {
        self.shown.of(py, &self.tensor)
    }
}

impl Drop for PyTensor {
    fn drop(&mut self) {
        // SAFETY: Python deallocates on attached threads, and all code here that
        // makes tensors is attached.
        let _kept = PendingException::save(unsafe { Python::assume_attached() });
        // SAFETY: not used any more. The last owner calls the producer's deleter.
        unsafe { ManuallyDrop::drop(&mut self.tensor) }
    }
}

/// A copy in C order. Large ones let other Python threads run meanwhile.
pub fn copied(py: Python<'_>, tensor: TensorRef<'_>) -> PyResult<Tensor> {
    const LARGE: i64 = 1 << 20;
    // SAFETY: the tensor's owner says that it can be read; that nobody writes to it
    // meanwhile is up to the program, as the documentation says.
    let copy = || unsafe { Tensor::copy_of(tensor) };
    let copy = if tensor.layout().bytes() > LARGE { py.detach(copy) } else { copy() };
    copy.map_err(errors::exchange)
}
