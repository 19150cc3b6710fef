//! Streams: handles of somebody else, or the two that always exist.

use std::ffi::c_void;
use std::ptr::null_mut;

use cudarc::driver::sys;
use sys::{CUcontext, CUstream, CUstreamCaptureStatus};

use super::context::{Context, Current, new_event};
use super::driver::{Driver, driver};
use super::needs_its_runtime;
use crate::abi::DLDeviceType;
use crate::device::Device;
use crate::error::{Result, fail};

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

    /// Makes this stream wait for all that `producer` has been given so far, by an
    /// event: the host does not block. Works while streams are captured, also
    /// across GPUs.
    ///
    /// `device` is the one whose default streams are meant; other streams know
    /// their own. On the host there are no streams, and nothing is done.
    ///
    /// # Errors
    /// `Device` for devices that are not of CUDA, `Argument` for a stream that is
    /// not NULL on the host, `NoCuda`, `Cuda`.
    ///
    /// # Safety
    /// Both streams exist.
    pub unsafe fn wait(self, producer: Stream, device: Device) -> Result<()> {
        match device.raw().device_type {
            DLDeviceType::CUDA | DLDeviceType::CUDAHOST | DLDeviceType::CUDAMANAGED => {}
            DLDeviceType::CPU if self.0.is_null() && producer.0.is_null() => return Ok(()),
            DLDeviceType::CPU => fail!(
                Argument,
                "consumer is {:p} and producer {:p}; on cpu, which has no streams, both must be NULL",
                self.0,
                producer.0
            ),
            _ => return Err(needs_its_runtime(device, "ordering streams")),
        }
        if self == producer {
            return Ok(());
        }
        let context = Context::of(device.index())?;
        // SAFETY: the caller's promise.
        unsafe { self.wait_in(producer, context) }
    }

    /// # Safety
    /// As `wait`.
    pub(super) unsafe fn wait_in(self, producer: Stream, context: &'static Context) -> Result<()> {
        let driver = context.driver;
        // SAFETY: the caller's promise.
        let home = unsafe { producer.home(context) }?;
        let record_and_wait = |event| {
            {
                let _current = Current::enter(driver, home)?;
                // SAFETY: the event and the stream are of the current context.
                unsafe { driver.cuEventRecord(event, producer.raw()) }?;
            }
            let _current = context.enter()?;
            // SAFETY: the stream exists, the event was recorded.
            unsafe { driver.cuStreamWaitEvent(self.raw(), event, 0) }
        };
        let _current = Current::enter(driver, home)?;
        if home == context.handle {
            return context.with_event(record_and_wait);
        }
        let event = new_event(driver)?;
        let result = record_and_wait(event);
        // SAFETY: it is destroyed once; the driver keeps it until it is reached.
        result.and(unsafe { driver.cuEventDestroy_v2(event) })
    }

    /// The context in which the stream is: that given, for default streams.
    ///
    /// # Safety
    /// The stream exists.
    unsafe fn home(self, context: &Context) -> Result<CUcontext> {
        match self.is_default() {
            true => Ok(context.handle),
            // SAFETY: the caller's promise.
            false => unsafe { self.own_context(context.driver) },
        }
    }

    /// # Safety
    /// The stream exists and is no default stream.
    unsafe fn own_context(self, driver: &'static Driver) -> Result<CUcontext> {
        let mut context = null_mut();
        // SAFETY: the caller's promise; the output is writable.
        unsafe { driver.cuStreamGetCtx(self.raw(), &mut context) }?;
        Ok(context)
    }

    /// The context to work in on this stream: its own, or that of the GPU `index`.
    ///
    /// # Safety
    /// The stream exists.
    pub(super) unsafe fn context(self, index: i32) -> Result<&'static Context> {
        if self.is_default() {
            return Context::of(index);
        }
        let driver = driver()?;
        // SAFETY: the caller's promise.
        Context::of_handle(driver, unsafe { self.own_context(driver) }?)
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

    /// Blocks the host until all that the stream has been given so far is done.
    /// Everything else here leaves the host free.
    ///
    /// `device` is the one whose default streams are meant.
    ///
    /// # Errors
    /// `Device` for devices that are not of CUDA; `Cuda`, also for what failed
    /// earlier on the stream, and while it is captured; `NoCuda`.
    ///
    /// # Safety
    /// The stream exists.
    pub unsafe fn synchronize(self, device: Device) -> Result<()> {
        if !super::is_cuda(device) {
            return Err(needs_its_runtime(device, "waiting for a stream"));
        }
        // SAFETY: the caller's promise.
        let context = unsafe { self.context(device.index()) }?;
        let _current = context.enter()?;
        // SAFETY: as above.
        unsafe { context.driver.cuStreamSynchronize(self.raw()) }
    }
}
