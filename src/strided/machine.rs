//! Registers and stores of the machine.

#[cfg(not(target_arch = "x86_64"))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::{Lane, finish_stream, load, prefetch, store, stream, zip};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{Lane, finish_stream, load, prefetch, store, stream, zip};

const _: () = assert!(size_of::<Lane>() == super::sizes::LANE);
