//! Memory of CUDA: allocated, recognised, copied, and ordered by streams.
//!
//! The driver is found at run time; without one every function here gives
//! [`Status::NoCuda`] with the reason, and the rest of the
//! library works. Primary contexts are used, those of the CUDA runtime and of the
//! frameworks: each is retained at its first use, and current only during a call.
//!
//! Nothing here blocks the host unless it says so: work is put on the stream that
//! is passed.

mod context;
mod copy;
mod driver;
mod kernel;
mod library;
mod memory;
mod pointer;
mod side;
mod stream;
mod walk;

pub use copy::{copy_into, copy_to};
pub use memory::empty;
pub use pointer::{check, device_of};
pub use stream::Stream;

use crate::abi::DLDeviceType;
use crate::device::Device;
use crate::error::{Error, Result, Status};

/// The number of GPUs that can be used.
///
/// # Errors
/// `NoCuda`, with the reason: no driver on this machine, one that is too old or
/// does not start, no GPU.
pub fn device_count() -> Result<i32> {
    context::count(driver::driver()?)
}

/// Whether the memory is CUDA's: on a GPU, pinned or managed.
fn is_cuda(device: Device) -> bool {
    use DLDeviceType as Type;
    matches!(device.raw().device_type, Type::CUDA | Type::CUDAHOST | Type::CUDAMANAGED)
}

#[cold]
fn needs_its_runtime(device: Device, what: &str) -> Error {
    Error::format(
        Status::Device,
        format_args!(
            "device is {device}: {what} there needs the runtime of {}, which dlbridge does not use; \
             it must be one of CUDA",
            device.type_name()
        ),
    )
}
