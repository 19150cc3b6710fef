//! What waits for what on the streams of a GPU.

use std::ptr;

use dlbridge::Device;
use dlbridge::cuda::Stream;
use pyo3::prelude::*;

use crate::bind::call::call_state::CallState;
use crate::bind::signature::parsed::Kind;
use crate::frameworks::torch;
use crate::values::stream::{has_cuda_streams, wait};

impl CallState<'_, '_> {
    /// The stream that C works on: that which it is given, else the default stream.
    pub fn work(&self) -> PyResult<Stream> {
        let is_stream = |place: &&usize| matches!(self.parameter(**place).kind, Kind::Stream);
        let handle = match self.function.order.late.iter().find(is_stream) {
            Some(place) => self.stream(*place)?,
            None => ptr::null_mut(),
        };
        Ok(Stream::from_raw(handle))
    }

    /// Makes C's stream wait for those on which the arrays were made.
    #[inline]
    pub fn order(&self) -> PyResult<()> {
        self.order_each(wait)
    }

    /// Makes those streams wait for C's: what owns the arrays uses and frees them there.
    #[inline]
    pub fn order_back(&self) -> PyResult<()> {
        self.order_each(|work, own, device| wait(own, work, device))
    }

    #[inline]
    fn order_each(&self, wait: fn(Stream, Stream, Device) -> PyResult<()>) -> PyResult<()> {
        match self.first {
            Some((_, device)) if has_cuda_streams(device) => self.order_on(device, wait),
            _ => Ok(()),
        }
    }

    #[cold]
    fn order_on(
        &self,
        device: Device,
        wait: fn(Stream, Stream, Device) -> PyResult<()>,
    ) -> PyResult<()> {
        let work = self.work()?;
        for (_, slot) in &self.slots {
            let own = match slot.tensor() {
                Some(tensor) => tensor.get().stream(),
                // Without a tensor, it is one of PyTorch.
                None => torch::current_stream(self.py, device)?,
            };
            wait(work, own, device)?;
        }
        Ok(())
    }
}
