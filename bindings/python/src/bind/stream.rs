//! The stream that a C function works on, and what waits for what.

use std::ffi::c_void;
use std::ptr;

use dlbridge::Device;
use dlbridge::cuda::Stream;
use pyo3::prelude::*;

use crate::bind::frame::Frame;
use crate::bind::scalar::Scalar;
use crate::bind::signature::Kind;
use crate::frameworks::{registry, torch};
use crate::protocols::exchange_table::Table;
use crate::values::stream::{has_cuda_streams, wait};
use crate::values::tensor::PyTensor;

/// The stream that the framework of an array works on now, or that a tensor was made
/// on; NULL, the default stream, on the host and where the framework does not say.
pub fn current(array: &Bound<'_, PyAny>, device: Device) -> PyResult<*mut c_void> {
    if device.is_host_accessible() {
        return Ok(ptr::null_mut());
    }
    let stream = if let Ok(tensor) = array.cast_exact::<PyTensor>() {
        tensor.get().stream()
    } else if let Some(current) = registry::of(array).and_then(|it| it.current_stream) {
        current(array.py(), device)?
    } else if let Some(table) = Table::of(array)? {
        Stream::from_raw(table.current_stream(array.py(), device)?)
    } else {
        Stream::LEGACY
    };
    Ok(if stream == Stream::LEGACY { ptr::null_mut() } else { stream.as_raw() })
}

/// The stream of that address.
pub fn handle(object: &Bound<'_, PyAny>) -> PyResult<*mut c_void> {
    let word = Scalar::Pointer.read(object)?;
    // SAFETY: an address was read.
    Ok(unsafe { word.get::<*mut c_void>() })
}

impl Frame<'_, '_> {
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
