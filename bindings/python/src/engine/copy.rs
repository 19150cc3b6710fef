//! Copies that involve a GPU, ordered on streams.

use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Error, Tensor};
use pyo3::prelude::*;

use crate::engine::record;
use crate::support::keep_alive::kept_by;
use crate::support::lasting::boxed;
use crate::support::{errors, exceptions};
use crate::values::acquired::Acquired;
use crate::values::stream;
use crate::values::tensor::copied;

/// The refusal of a copy to another device.
#[cold]
pub fn refuse(tensor: &Tensor, wanted: Device) -> PyErr {
    exceptions::copy_refused(format_args!(
        "the tensor is on {} and {wanted} is wanted, and copy is False; copy=None or True makes a copy \
         there ({} bytes)",
        tensor.device(),
        tensor.layout().bytes()
    ))
}

/// A copy in C order on the same device.
pub fn copy_of(
    py: Python<'_>,
    source: &Tensor,
    made: Stream,
    work: Option<Stream>,
) -> PyResult<Acquired> {
    match source.device().is_host_accessible() {
        true => {
            if stream::is_pending(source.device(), made) {
                stream::synchronize(py, made, source.device())?;
            }
            copied(py, source.view()).map(Acquired::from)
        }
        false => copy_to(py, source, made, source.device(), work),
    }
}

/// One more owner where the host can read the elements, after they have been made; else a
/// copy there, which `audit` is told of with the reason.
pub fn on_host(
    py: Python<'_>,
    source: &Tensor,
    made: Stream,
    reason: &'static str,
) -> PyResult<Tensor> {
    if !source.device().is_host_accessible() {
        let copy = copy_to(py, source, made, Device::CPU, None)?.tensor;
        record::copied(py, &copy, reason)?;
        return Ok(copy);
    }
    if stream::is_pending(source.device(), made) {
        stream::synchronize(py, made, source.device())?;
    }
    source.share().map_err(errors::exchange)
}

/// A copy in C order on any device of CUDA or the host. `made` is the stream on which the
/// source is made.
///
/// Without a stream `work` it is done in the order of that one; what is in memory of the
/// host is then read or written when this returns. Between GPUs that is so in any case:
/// they have no stream in common.
pub fn copy_to(
    py: Python<'_>,
    source: &Tensor,
    made: Stream,
    device: Device,
    work: Option<Stream>,
) -> PyResult<Acquired> {
    let from = source.device();
    let gpu = if device.type_name() == "cuda" { device } else { from };
    let gpu = if stream::has_cuda_streams(gpu) { gpu } else { device };
    let between = [from, device].iter().all(|it| it.type_name() == "cuda") && from != device;
    let on = work.unwrap_or(if between { Stream::LEGACY } else { made });
    let is_waited_for =
        between || work.is_none() && (from.is_host_accessible() || device.is_host_accessible());
    let copy = py.detach(|| {
        // SAFETY: whoever named a stream keeps it, as the documentation says; the source
        // stays until the copy is done, or is freed in the order of a stream that waits for
        // it.
        unsafe {
            match between {
                true => made.synchronize(from)?,
                false if stream::is_pending(from, made) && on != made => on.wait(made, gpu)?,
                false => {}
            }
            let copy = cuda::copy_to(source.view(), device, on)?;
            match is_waited_for {
                true => on.synchronize(if gpu == Device::CPU { from } else { gpu })?,
                false if stream::has_cuda_streams(from) && on != made => made.wait(on, gpu)?,
                false => {}
            }
            Ok(copy)
        }
    });
    let tensor = copy.map_err(|error: Error| {
        let wanted = match device == from {
            true => String::new(),
            false => format!(" and {device} is wanted"),
        };
        let text = format!("the tensor is on {from}{wanted}: {}", error.message());
        errors::exchange(Error::new(error.status(), text))
    })?;
    Ok(Acquired { stream: stream::lasting(on), ..Acquired::from(tensor) })
}

/// One more owner, for use on another stream than the one on which the tensor was made.
/// That one waits for the other when it is given up, since the memory may be freed in its
/// order.
pub fn lent(tensor: &Tensor, made: Stream, work: Stream) -> PyResult<Tensor> {
    let share = tensor.share().map_err(errors::exchange)?;
    kept_by(boxed(Loan { tensor: share, made, work })?, |source| {
        // SAFETY: the loan keeps the memory.
        unsafe { Tensor::wrap(tensor.view(), source) }
    })
}

struct Loan {
    tensor: Tensor,
    made: Stream,
    work: Stream,
}

impl Drop for Loan {
    fn drop(&mut self) {
        // SAFETY: whoever named a stream keeps it as long as the tensors, as the
        // documentation says. Where the driver is gone there is nothing to wait for.
        let _ = unsafe { self.made.wait(self.work, self.tensor.device()) };
    }
}
