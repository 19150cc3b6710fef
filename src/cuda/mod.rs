//! Memory of CUDA: allocated, recognised, copied, and ordered by streams.
//!
//! The driver is found at run time; without one every function here gives
//! [`Status::NoCuda`](crate::error::Status::NoCuda) with the reason, and the rest of the
//! library works. Primary contexts are used, those of the CUDA runtime and of the
//! frameworks: each is retained at its first use, and current only during a call.
//!
//! Nothing here blocks the host unless it says so: work is put on the stream that
//! is passed.

mod context;
mod copy;
mod copy_plan;
mod device;
mod driver;
mod kernel;
mod library;
mod memory;
mod operand;
mod order;
mod pointer;
mod stream;

pub use copy::{copy_into, copy_to};
pub use memory::empty;
pub use pointer::{check, device_of};
pub use stream::Stream;

use crate::error::Result;

/// The number of GPUs that can be used.
///
/// # Errors
/// `NoCuda`, with the reason: no driver on this machine, one that is too old or
/// does not start, no GPU.
pub fn device_count() -> Result<i32> {
    driver::driver()?.device_count()
}
