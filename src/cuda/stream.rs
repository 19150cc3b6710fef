//! Streams: handles of somebody else, or the two that always exist.

use std::ffi::c_void;

use cudarc::driver::sys;
use sys::{CUstream, CUstreamCaptureStatus};

use super::driver::Driver;

/// A CUDA stream: a `CUstream` or `cudaStream_t` of somebody who keeps it alive.
///
/// NULL is the legacy default stream, as everywhere in CUDA outside code that is
/// compiled with per-thread default streams; such code passes
/// [`Stream::PER_THREAD`].
#[derive(Clone, Copy, Debug, Eq)]
pub struct Stream(*mut c_void);

// SAFETY: a handle is good on any thread.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl PartialEq for Stream {
    fn eq(&self, other: &Stream) -> bool {
        self.raw() == other.raw()
    }
}

impl Stream {
    /// The legacy default stream of a device (`cudaStreamLegacy`), which waits for
    /// all streams there but those made as non-blocking, and they for it.
    pub const LEGACY: Stream = Stream(std::ptr::without_provenance_mut(1));

    /// The default stream of a device and of the thread that passes it
    /// (`cudaStreamPerThread`).
    pub const PER_THREAD: Stream = Stream(std::ptr::without_provenance_mut(2));

    /// The stream with this handle: NULL, 1 and 2 are the default streams.
    pub const fn from_raw(handle: *mut c_void) -> Stream {
        Stream(handle)
    }

    /// The handle.
    pub const fn as_raw(self) -> *mut c_void {
        self.0
    }

    /// The handle as the driver takes it, with one name for the legacy stream.
    pub(super) fn raw(self) -> CUstream {
        match self.0.is_null() {
            true => Stream::LEGACY.0.cast(),
            false => self.0.cast(),
        }
    }

    /// Whether the handle means another stream on each device.
    pub(super) fn is_default(self) -> bool {
        self == Stream::LEGACY || self == Stream::PER_THREAD
    }

    /// Whether work on the stream is being captured, or would disturb a capture.
    /// The stream's context must be current.
    pub(super) fn is_capturing(self, driver: &'static Driver) -> bool {
        let mut status = CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE;
        // SAFETY: the output is writable. An error says that the legacy stream would
        // wait for one that is being captured.
        let asked = unsafe { driver.cuStreamIsCapturing(self.raw(), &mut status) };
        asked.is_err() || status != CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE
    }
}
