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
    pub fn work(&mut self) -> PyResult<Stream> {
        let is_stream = |index: &&usize| matches!(self.parameter(**index).kind, Kind::Stream);
        let handle = match self.plan.late.iter().find(is_stream) {
            Some(index) => self.stream(*index)?,
            None => ptr::null_mut(),
        };
        Ok(Stream::from_raw(handle))
    }

    /// Makes C's stream wait for those on which the arrays were made.
    #[inline]
    pub fn order(&mut self) -> PyResult<()> {
        self.order_each(wait)
    }

    /// Makes those streams wait for C's: what owns the arrays uses and frees them there.
    #[inline]
    pub fn order_back(&mut self) -> PyResult<()> {
        self.order_each(|work, own, device| wait(own, work, device))
    }

    #[inline]
    fn order_each(&mut self, wait: fn(Stream, Stream, Device) -> PyResult<()>) -> PyResult<()> {
        match has_cuda_streams(self.device) {
            true => self.order_on(self.device, wait),
            false => Ok(()),
        }
    }

    #[cold]
    fn order_on(
        &mut self,
        device: Device,
        wait: fn(Stream, Stream, Device) -> PyResult<()>,
    ) -> PyResult<()> {
        let work = self.work()?;
        for plan in self.plan.arrays.iter().filter(|plan| self.arrays.is_there(plan.index)) {
            let own = match self.tensor(plan.index) {
                Some(tensor) => tensor.get().stream(),
                // Without a tensor, it is one of PyTorch.
                None => torch::current_stream(self.py, device)?,
            };
            wait(work, own, device)?;
        }
        Ok(())
    }
}
