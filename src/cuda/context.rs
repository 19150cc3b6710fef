//! The primary context of each GPU: retained once, made current for a call and
//! taken off again, with what is kept for the life of the process in it.

use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cudarc::driver::sys;
use sys::{CUcontext, CUdevice, CUdeviceptr, CUevent, CUstream, CUstreamCaptureMode};

use super::driver::{Driver, driver};
use super::kernel::Kernels;
use super::stream::Stream;
use crate::error::{Result, fail};
use crate::memory::NoMemory;

/// A GPU's primary context, which the CUDA runtime and the frameworks use too.
pub(super) struct Context {
    pub driver: &'static Driver,
    /// The ordinal of the GPU.
    pub index: i32,
    pub handle: CUcontext,
    kernels: Mutex<Option<Kernels>>,
    side: OnceLock<usize>,
    /// Events that wait for their next use, as numbers.
    events: Mutex<Vec<usize>>,
    releases: Mutex<Releases>,
}

/// What is known of the memory of a GPU that is released some time.
#[derive(Default)]
struct Releases {
    /// Memory whose stream was being captured when it was released.
    deferred: Vec<(CUdeviceptr, Stream)>,
    /// The allocations that are not released yet. The list has room for them, since
    /// nobody hears of an error of a release.
    expected: usize,
}

// SAFETY: the handles are good on any thread; what changes is behind locks.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// The context of the GPU with this ordinal.
    pub fn of(index: i32) -> Result<&'static Context> {
        static CONTEXTS: OnceLock<Vec<OnceLock<Context>>> = OnceLock::new();
        let contexts = match CONTEXTS.get() {
            Some(contexts) => contexts,
            None => {
                let count = driver()?.device_count()?;
                let mut contexts = Vec::new();
                contexts.try_reserve_exact(count as usize).map_err(|_| NoMemory)?;
                contexts.extend((0..count).map(|_| OnceLock::new()));
                CONTEXTS.get_or_init(|| contexts)
            }
        };
        let Some(slot) = usize::try_from(index).ok().and_then(|index| contexts.get(index)) else {
            fail!(
                Device,
                "device is cuda:{index}; there are {} GPUs here, from cuda:0 on",
                contexts.len()
            );
        };
        match slot.get() {
            Some(context) => Ok(context),
            None => {
                let context = Context::retain(index)?;
                Ok(slot.get_or_init(|| context))
            }
        }
    }

    fn retain(index: i32) -> Result<Context> {
        let driver = driver()?;
        let (mut device, mut handle) = (0, null_mut());
        // SAFETY: the outputs are writable.
        unsafe {
            driver.cuDeviceGet(&mut device, index)?;
            driver.cuDevicePrimaryCtxRetain(&mut handle, device)?;
        }
        Ok(Context {
            driver,
            index,
            handle,
            kernels: Mutex::default(),
            side: OnceLock::new(),
            events: Mutex::default(),
            releases: Mutex::default(),
        })
    }

    /// The context of the GPU on which `handle`'s streams run, which must be `handle`.
    pub fn of_handle(driver: &'static Driver, handle: CUcontext) -> Result<&'static Context> {
        let mut device = 0;
        {
            let _current = Current::enter(driver, handle)?;
            // SAFETY: the output is writable, and a context is current.
            unsafe { driver.cuCtxGetDevice(&mut device) }?;
        }
        let context = Context::of(ordinal(driver, device)?)?;
        if context.handle != handle {
            fail!(
                Argument,
                "stream belongs to a context of its own on cuda:{}; it must be one of the primary \
                 context, as those of the CUDA runtime are",
                context.index
            );
        }
        Ok(context)
    }

    /// Makes the context current until the guard goes.
    pub fn enter(&self) -> Result<Current> {
        Current::enter(self.driver, self.handle)
    }

    /// A stream of our own on this GPU, which waits for no other by itself.
    pub fn side_stream(&self) -> Result<Stream> {
        if let Some(stream) = self.side.get() {
            return Ok(Stream::from_raw(*stream as *mut _));
        }
        let _current = self.enter()?;
        let _relaxed = Relaxed::enter(self.driver)?;
        let mut stream: CUstream = null_mut();
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: the output is writable. One made by a race is never used.
        unsafe { self.driver.cuStreamCreate(&mut stream, flags) }?;
        Ok(Stream::from_raw(*self.side.get_or_init(|| stream as usize) as *mut _))
    }

    /// Calls `body` with the copy kernels; the context must be current.
    pub fn with_kernels<T>(&self, body: impl FnOnce(&Kernels) -> Result<T>) -> Result<T> {
        let mut kernels = lock(&self.kernels);
        if kernels.is_none() {
            let _relaxed = Relaxed::enter(self.driver)?;
            *kernels = Some(Kernels::load(self.driver)?);
        }
        match kernels.as_ref() {
            Some(kernels) => body(kernels),
            None => unreachable!("they were just loaded"),
        }
    }

    /// Calls `body` with an event, which is used again afterwards: a wait means
    /// what was recorded at the time of the call. The context must be current.
    pub fn with_event<T>(&self, body: impl FnOnce(CUevent) -> Result<T>) -> Result<T> {
        let kept = lock(&self.events).pop();
        let event = match kept {
            Some(event) => event as CUevent,
            None => new_event(self.driver)?,
        };
        let result = body(event);
        // An event that failed may never work again.
        if result.is_err() || !self.keep_event(event) {
            // SAFETY: it is destroyed once; the driver keeps it until it is reached.
            drop(unsafe { self.driver.cuEventDestroy_v2(event) });
        }
        result
    }

    /// Keeps an event for its next use, if there is memory to remember it.
    fn keep_event(&self, event: CUevent) -> bool {
        let mut events = lock(&self.events);
        let has_room = events.try_reserve(1).is_ok();
        if has_room {
            events.push(event as usize);
        }
        has_room
    }

    /// Makes sure that memory which was just allocated can be released later.
    ///
    /// # Errors
    /// If there is no memory to remember it with.
    pub fn expect_release(&self) -> std::result::Result<(), NoMemory> {
        let mut releases = lock(&self.releases);
        let expected = releases.expected + 1;
        releases.deferred.try_reserve(expected).map_err(|_| NoMemory)?;
        releases.expected = expected;
        Ok(())
    }

    /// Frees memory in the order of a stream, now or, if that would disturb a
    /// capture, at a later call. The context must be current, and the release expected.
    pub fn free(&self, address: CUdeviceptr, stream: Stream, captured: bool) {
        {
            let mut releases = lock(&self.releases);
            releases.expected -= 1;
            releases.deferred.push((address, stream));
        }
        self.free_deferred(captured.then_some(address));
    }

    /// Frees what no capture holds back any more, and `captured`, which was
    /// allocated in one.
    pub fn free_deferred(&self, captured: Option<CUdeviceptr>) {
        lock(&self.releases).deferred.retain(|(address, stream)| {
            if stream.is_capturing(self.driver) && Some(*address) != captured {
                return true;
            }
            // SAFETY: it was allocated by cuMemAllocAsync and is freed once. There is
            // nobody to report an error to; at the end of the process it is certain.
            let _ = unsafe { self.driver.cuMemFreeAsync(*address, stream.raw()) };
            false
        });
    }
}

/// An event that measures no time, which makes it cheaper.
pub(super) fn new_event(driver: &'static Driver) -> Result<CUevent> {
    let mut event = null_mut();
    let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING as u32;
    // SAFETY: the output is writable, and the caller made a context current.
    unsafe { driver.cuEventCreate(&mut event, flags) }?;
    Ok(event)
}

fn ordinal(driver: &'static Driver, device: CUdevice) -> Result<i32> {
    for index in 0..driver.device_count()? {
        let mut found = 0;
        // SAFETY: the output is writable.
        unsafe { driver.cuDeviceGet(&mut found, index) }?;
        if found == device {
            return Ok(index);
        }
    }
    fail!(Device, "the stream is on a GPU that the driver does not show")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, a context is current on this thread; then it is the one from
/// before again.
pub(super) struct Current(&'static Driver);

impl Current {
    pub fn enter(driver: &'static Driver, context: CUcontext) -> Result<Current> {
        // SAFETY: the handle is that of a context that exists.
        unsafe { driver.cuCtxPushCurrent_v2(context) }?;
        Ok(Current(driver))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let mut popped = null_mut();
        // SAFETY: the output is writable; `enter` pushed.
        let _ = unsafe { self.0.cuCtxPopCurrent_v2(&mut popped) };
    }
}

/// While it lives, this thread may allocate and load although a stream somewhere is
/// being captured: that is not part of the capture.
pub(super) struct Relaxed {
    driver: &'static Driver,
    before: CUstreamCaptureMode,
}

impl Relaxed {
    pub fn enter(driver: &'static Driver) -> Result<Relaxed> {
        let mut mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        // SAFETY: the mode is readable and writable.
        unsafe { driver.cuThreadExchangeStreamCaptureMode(&mut mode) }?;
        Ok(Relaxed { driver, before: mode })
    }
}

impl Drop for Relaxed {
    fn drop(&mut self) {
        // SAFETY: as in `enter`.
        let _ = unsafe { self.driver.cuThreadExchangeStreamCaptureMode(&mut self.before) };
    }
}
