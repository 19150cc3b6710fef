//! The order of work on streams: one waits for another, the host waits for one.

use std::ptr::null_mut;

use cudarc::driver::sys::CUcontext;

use super::context::{Context, Current, new_event};
use super::device::{is_cuda, needs_its_runtime};
use super::driver::{Driver, driver};
use super::stream::Stream;
use crate::abi::DLDeviceType;
use crate::device::Device;
use crate::error::{Result, fail};

impl Stream {
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
            DLDeviceType::CPU if self.as_raw().is_null() && producer.as_raw().is_null() => {
                return Ok(());
            }
            DLDeviceType::CPU => fail!(
                Argument,
                "consumer is {:p} and producer {:p}; on cpu, which has no streams, both must be NULL",
                self.as_raw(),
                producer.as_raw()
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
        if !is_cuda(device) {
            return Err(needs_its_runtime(device, "waiting for a stream"));
        }
        // SAFETY: the caller's promise.
        let context = unsafe { self.context(device.index()) }?;
        let _current = context.enter()?;
        // SAFETY: as above.
        unsafe { context.driver.cuStreamSynchronize(self.raw()) }
    }
}
