//! Memory that is allocated here: on a GPU, pinned or managed.

use std::ffi::c_void;
use std::ptr::null_mut;

use cudarc::driver::sys;
use sys::CUdeviceptr;

use super::context::{Context, Relaxed};
use super::device::needs_its_runtime;
use super::stream::Stream;
use crate::abi::{DLDevice, DLDeviceType, Flags};
use crate::block::Description;
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::layout::Layout;
use crate::memory;
use crate::tensor::Tensor;

/// Allocates a tensor in C order without gaps, whose elements are not initialised.
///
/// - `cuda:0`: from the GPU's current memory pool, in the order of `stream`: work
///   that is put on it later may use the memory, work on another stream once that
///   waits for it ([`Stream::wait`]). The release does not block either: the
///   memory goes back to the pool in the order of the same stream. So a consumer
///   that works on another stream makes this one wait for its work before it gives
///   the last owner up, and the stream exists until then; default streams always
///   do. Memory from [`Stream::PER_THREAD`] is released in the order of the legacy
///   stream, which waits for those of all threads.
/// - `cuda_pinned:0`: host memory that each GPU reaches, and to which copies run in
///   the background. `cuda_managed:0`: memory that moves between host and GPUs. Both
///   are there at once; `stream` is not used, and the index only says in which
///   context to allocate: the tensor has index 0, as DLPack wants it. The release
///   may wait until the GPU is done with the memory.
/// - `cpu`: as [`Tensor::empty`].
///
/// While a stream is captured, memory of a GPU becomes part of the graph: it is
/// there while the graph runs.
///
/// # Errors
/// Those of [`Tensor::zeros`], `Device` for others than these devices or a GPU that
/// does not exist, `Memory`, `NoCuda`, `Cuda`.
///
/// # Safety
/// As [`Tensor::empty`]; `stream` exists as said above; while a Rust slice of the
/// elements is alive, no GPU writes to them.
pub unsafe fn empty(dtype: DType, shape: &[i64], device: Device, stream: Stream) -> Result<Tensor> {
    let kind = match device.raw().device_type {
        // SAFETY: the caller's promise.
        DLDeviceType::CPU => return unsafe { Tensor::empty(dtype, shape) },
        DLDeviceType::CUDA => Kind::Gpu,
        DLDeviceType::CUDAHOST => Kind::Pinned,
        DLDeviceType::CUDAMANAGED => Kind::Managed,
        _ => return Err(needs_its_runtime(device, "allocating memory")),
    };
    if dtype.item_bytes().is_none() {
        fail!(Dtype, "dtype {dtype} cannot be allocated; its elements must be whole bytes");
    }
    let layout = Layout::new(dtype.item_bits(), shape, None)?;
    let context = match kind {
        // SAFETY: the caller's promise.
        Kind::Gpu => unsafe { stream.context(device.index()) }?,
        _ => Context::of(device.index())?,
    };
    check_home(device, context)?;
    let room = memory::room_for()?;
    // SAFETY: as above.
    let memory = unsafe { Memory::allocate(kind, layout.bytes() as usize, context, stream) }?;
    let description = Description {
        data: memory.address as *mut c_void,
        byte_offset: 0,
        device: memory.device()?,
        dtype,
        flags: Flags::empty(),
        shape,
        strides: None,
    };
    let deleter = Deleter::owner(Box::write(room, memory), true);
    // SAFETY: on error no block has taken the deleter.
    Tensor::with_deleter(&description, deleter).inspect_err(|_| unsafe { deleter.release() })
}

/// A pool belongs to one GPU, and so does a stream.
fn check_home(device: Device, context: &Context) -> Result<()> {
    if device.index() != context.index {
        fail!(
            Device,
            "device is {device}, and stream belongs to cuda:{}; both must be on one GPU",
            context.index
        );
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Gpu,
    Pinned,
    Managed,
}

/// Memory that is freed when it is dropped.
pub(super) struct Memory {
    pub address: CUdeviceptr,
    kind: Kind,
    context: &'static Context,
    stream: Stream,
    /// Whether it was allocated as part of a graph.
    captured: bool,
}

impl Memory {
    /// Without bytes the address is 0.
    ///
    /// # Safety
    /// The stream is one of the context, and exists until the memory is dropped.
    pub unsafe fn allocate(
        kind: Kind,
        bytes: usize,
        context: &'static Context,
        stream: Stream,
    ) -> Result<Memory> {
        let mut memory = Memory { address: 0, kind, context, stream, captured: false };
        if bytes == 0 {
            return Ok(memory);
        }
        let driver = context.driver;
        let _current = context.enter()?;
        let mut address: CUdeviceptr = 0;
        // SAFETY: the outputs are writable.
        unsafe {
            match kind {
                Kind::Gpu => {
                    context.free_deferred(None);
                    driver.cuMemAllocAsync(&mut address, bytes, stream.raw())?;
                    if let Err(none) = context.expect_release() {
                        driver.cuMemFreeAsync(address, stream.raw())?;
                        return Err(none.into());
                    }
                    memory.captured = stream.is_capturing(driver);
                }
                Kind::Pinned => {
                    let _relaxed = Relaxed::enter(driver)?;
                    let mut pinned = null_mut();
                    driver.cuMemHostAlloc(&mut pinned, bytes, sys::CU_MEMHOSTALLOC_PORTABLE)?;
                    address = pinned as CUdeviceptr;
                }
                Kind::Managed => {
                    let _relaxed = Relaxed::enter(driver)?;
                    let flags = sys::CUmemAttach_flags::CU_MEM_ATTACH_GLOBAL as u32;
                    driver.cuMemAllocManaged(&mut address, bytes, flags)?;
                }
            }
        }
        memory.address = address;
        // On another thread, when it is released, this would be another stream.
        if stream == Stream::PER_THREAD {
            memory.stream = Stream::LEGACY;
        }
        Ok(memory)
    }

    fn device(&self) -> Result<Device> {
        let (device_type, device_id) = match self.kind {
            Kind::Gpu => (DLDeviceType::CUDA, self.context.index),
            Kind::Pinned => (DLDeviceType::CUDAHOST, 0),
            Kind::Managed => (DLDeviceType::CUDAMANAGED, 0),
        };
        Device::new(DLDevice { device_type, device_id })
    }

    fn free(&self) -> Result<()> {
        let (context, driver) = (self.context, self.context.driver);
        let _current = context.enter()?;
        if self.kind == Kind::Gpu {
            context.free(self.address, self.stream, self.captured);
            return Ok(());
        }
        let _relaxed = Relaxed::enter(driver)?;
        // SAFETY: the memory was allocated in this way, and is freed once.
        unsafe {
            match self.kind {
                Kind::Pinned => driver.cuMemFreeHost(self.address as *mut c_void),
                _ => driver.cuMemFree_v2(self.address),
            }
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.address != 0 {
            // There is nobody to report an error to. When the process ends the driver
            // may be gone already, and the memory with it.
            let _ = self.free();
        }
    }
}
