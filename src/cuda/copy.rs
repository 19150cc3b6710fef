//! Copies from and to memory of CUDA, between any two layouts, in the order of a
//! stream.

use std::ffi::c_void;

use cudarc::driver::sys;
use sys::{CUDA_MEMCPY2D, CUdeviceptr, CUmemorytype};

use super::context::Context;
use super::device::{is_cuda, needs_its_runtime};
use super::memory::{Kind, Memory, empty};
use super::operand::{Home, Operand};
use super::stream::Stream;
use crate::abi::DLDeviceType;
use crate::copy::needs_copy;
use crate::device::Device;
use crate::error::{Error, Result, Status, fail};
use crate::layout::{Layout, c_strides};
use crate::memory;
use crate::strided::{CopyPlan, Place, copy_elements};
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;

/// A copy in C order in new memory on `device`, alone owned (flag `IS_COPIED`):
/// [`empty`] and [`copy_into`].
///
/// # Errors
/// Those of the two.
///
/// # Safety
/// As for the two: the source stays until the stream is past the copy.
pub unsafe fn copy_to(source: TensorRef<'_>, device: Device, stream: Stream) -> Result<Tensor> {
    // SAFETY: the caller's promise; all elements are written.
    unsafe {
        let copy = empty(source.dtype(), source.shape(), device, stream)?;
        copy_into(source, copy.view(), stream)?;
        Ok(copy.mark_copied())
    }
}

/// Copies the elements of `source` to `target`, one of which at least is in memory
/// of CUDA, for any strides on both sides, in the order of `stream`.
///
/// The work is done on the GPU of the stream; for default streams it is that of the
/// target, else that of the source, else `cuda:0`. The host goes on at once, except
/// where CUDA itself cannot do that:
/// - memory of the host that is neither pinned nor managed: copies to it return when
///   they are done (those that are captured do not), copies from it perhaps when it has
///   been read;
/// - strided memory of that kind, if it has gaps and its rows are short: it is
///   packed on the host before the copy, or unpacked after it, with temporary memory
///   of the host for the elements. This is refused while the stream is captured.
///
/// What the GPU of the stream does not reach by itself (such host memory, other GPUs)
/// and does not lie in rows goes through temporary memory of that GPU, of the size of
/// the elements, allocated and freed in the order of the stream.
///
/// # Errors
/// Nothing was written if the arguments are refused: `Shape`, `Dtype`, `ReadOnly`
/// and `Overlap` as for [`crate::copy::copy_into`]; `Device` if neither is in memory
/// of CUDA, if one is on another kind of device, or if no GPU of the two is that of
/// the stream; `Argument` for a stream of a context that is not primary. `Memory`,
/// `NoCuda`, `Cuda`.
///
/// # Safety
/// As [`crate::copy::copy_into`], until the stream is past the copy. The stream
/// exists.
pub unsafe fn copy_into(
    source: TensorRef<'_>,
    target: TensorRef<'_>,
    stream: Stream,
) -> Result<()> {
    check_devices(&source, &target)?;
    if !needs_copy(&source, &target)? {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    let context = unsafe { stream.context(working_device(&source, &target)) }?;
    let _current = context.enter()?;
    let copy = Copy {
        context,
        stream,
        shape: source.shape(),
        item: source.dtype().item_bytes().unwrap_or(0),
    };
    let (source, target) = (Operand::of(&source)?, Operand::of(&target)?);
    // SAFETY: the caller's promise, and the arguments have been checked.
    unsafe {
        copy.run(&source, &target)?;
        copy.finish(&target)
    }
}

fn check_devices(source: &TensorRef<'_>, target: &TensorRef<'_>) -> Result<()> {
    for tensor in [source, target] {
        if tensor.device() != Device::CPU && !is_cuda(tensor.device()) {
            return Err(needs_its_runtime(tensor.device(), "copying"));
        }
    }
    if !is_cuda(source.device()) && !is_cuda(target.device()) {
        fail!(
            Device,
            "source is {source}, and target is {target}; one must be in memory of CUDA to be copied on \
             a stream"
        );
    }
    Ok(())
}

/// The GPU whose default streams are meant.
fn working_device(source: &TensorRef<'_>, target: &TensorRef<'_>) -> i32 {
    let on_gpu = |tensor: &&&TensorRef<'_>| tensor.device().raw().device_type == DLDeviceType::CUDA;
    [target, source].iter().find(on_gpu).map_or(0, |tensor| tensor.device().index())
}

/// A copy on a stream, whose context is current.
struct Copy<'a> {
    context: &'static Context,
    stream: Stream,
    shape: &'a [i64],
    item: usize,
}

impl Copy<'_> {
    /// # Safety
    /// As `copy_into`, with arguments that have been checked.
    unsafe fn run(&self, source: &Operand, target: &Operand) -> Result<()> {
        let place = Place { source: source.first as *const u8, target: target.first as *mut u8 };
        let plan = CopyPlan::new(self.shape, place, &source.strides, &target.strides, self.item)?;
        // SAFETY: passed on.
        unsafe {
            if plan.axes.is_empty() {
                return self.copy_bytes((source.home, target.home), plan.addresses(), plan.item);
            }
            match (self.reaches(source), self.reaches(target)) {
                (true, true) => self.context.with_kernels(|kernels| {
                    kernels.launch(self.context.driver, &plan, self.stream)
                }),
                _ if plan.rows().is_some() && on_host(source, target) => {
                    self.copy_rows((source.home, target.home), &plan)
                }
                (false, true) => self.bring(source, target),
                (true, false) => self.send(source, target),
                (false, false) => Err(self.out_of_reach()),
            }
        }
    }

    /// Waits for copies to memory of the host that is not pinned, as CUDA mostly does
    /// by itself, but does not promise.
    ///
    /// # Safety
    /// As `run`.
    unsafe fn finish(&self, target: &Operand) -> Result<()> {
        let driver = self.context.driver;
        match target.home {
            // SAFETY: passed on.
            Home::Host if !self.stream.is_capturing(driver) => unsafe {
                driver.cuStreamSynchronize(self.stream.raw())
            },
            _ => Ok(()),
        }
    }

    /// Whether a kernel may use the memory.
    fn reaches(&self, operand: &Operand) -> bool {
        operand.home == Home::All || operand.home == Home::Gpu(self.context.index)
    }

    #[cold]
    fn out_of_reach(&self) -> Error {
        Error::format(
            Status::Device,
            format_args!(
                "stream is on cuda:{}, and neither source nor target is; one must be",
                self.context.index
            ),
        )
    }

    /// # Safety
    /// As `run`.
    unsafe fn copy_bytes(
        &self,
        homes: (Home, Home),
        (source, target): (CUdeviceptr, CUdeviceptr),
        bytes: usize,
    ) -> Result<()> {
        let (driver, stream) = (self.context.driver, self.stream.raw());
        match homes {
            (Home::Gpu(from), Home::Gpu(to)) if from != to => {
                let (from, to) = (Context::of(from)?.handle, Context::of(to)?.handle);
                // SAFETY: passed on. Memory of pools can be copied only like this.
                unsafe { driver.cuMemcpyPeerAsync(target, to, source, from, bytes, stream) }
            }
            // SAFETY: passed on. The driver knows from the addresses whose they are.
            _ => unsafe { driver.cuMemcpyAsync(target, source, bytes, stream) },
        }
    }

    /// # Safety
    /// As `run`, for a plan that has rows.
    unsafe fn copy_rows(&self, (from, to): (Home, Home), plan: &CopyPlan) -> Result<()> {
        let Some((bytes, rows, source_pitch, target_pitch)) = plan.rows() else {
            return Ok(());
        };
        let (source, target) = plan.addresses();
        let kind = |home| match home {
            Home::Host => CUmemorytype::CU_MEMORYTYPE_HOST,
            _ => CUmemorytype::CU_MEMORYTYPE_UNIFIED,
        };
        let copy = CUDA_MEMCPY2D {
            srcMemoryType: kind(from),
            srcHost: source as *const c_void,
            srcDevice: source,
            srcPitch: source_pitch,
            dstMemoryType: kind(to),
            dstHost: target as *mut c_void,
            dstDevice: target,
            dstPitch: target_pitch,
            WidthInBytes: bytes,
            Height: rows,
            srcXInBytes: 0,
            srcY: 0,
            srcArray: std::ptr::null_mut(),
            dstXInBytes: 0,
            dstY: 0,
            dstArray: std::ptr::null_mut(),
        };
        // SAFETY: passed on.
        unsafe { self.context.driver.cuMemcpy2DAsync_v2(&copy, self.stream.raw()) }
    }

    /// Copies from a source that the GPU does not reach: its bytes as they are, then
    /// their order on the GPU.
    ///
    /// # Safety
    /// As `run`.
    unsafe fn bring(&self, source: &Operand, target: &Operand) -> Result<()> {
        // SAFETY: passed on.
        unsafe {
            match source.home {
                _ if source.dense => {
                    let memory = self.temporary()?;
                    let moved = source.moved(memory.address, Home::Gpu(self.context.index))?;
                    let homes = (source.home, moved.home);
                    self.copy_bytes(homes, (source.low(), moved.low()), self.bytes())?;
                    self.run(&moved, target)
                }
                Home::Gpu(index) => self.bring_packed(source, target, Context::of(index)?),
                _ => self.pack_on_host(source, target),
            }
        }
    }

    /// Copies to a target that the GPU does not reach: the order on the GPU, then the
    /// bytes as they are.
    ///
    /// # Safety
    /// As `run`.
    unsafe fn send(&self, source: &Operand, target: &Operand) -> Result<()> {
        // SAFETY: passed on.
        unsafe {
            match target.home {
                _ if target.dense => {
                    let memory = self.temporary()?;
                    let moved = target.moved(memory.address, Home::Gpu(self.context.index))?;
                    self.run(source, &moved)?;
                    let homes = (moved.home, target.home);
                    self.copy_bytes(homes, (moved.low(), target.low()), self.bytes())
                }
                Home::Gpu(index) => self.send_packed(source, target, Context::of(index)?),
                _ => self.unpack_on_host(source, target),
            }
        }
    }

    /// # Safety
    /// As `run`; the source has gaps and lies on `other`.
    unsafe fn bring_packed(
        &self,
        source: &Operand,
        target: &Operand,
        other: &'static Context,
    ) -> Result<()> {
        // SAFETY: passed on; the streams exist, and each waits for the other.
        unsafe {
            let there = self.on(other)?;
            there.stream.wait_in(self.stream, self.context)?;
            let memory = there.temporary()?;
            let packed = self.packed(target, memory.address, Home::Gpu(other.index))?;
            {
                let _current = other.enter()?;
                there.run(source, &packed)?;
            }
            self.stream.wait_in(there.stream, self.context)?;
            self.run(&packed, target)?;
            there.stream.wait_in(self.stream, self.context)
        }
    }

    /// # Safety
    /// As `run`; the target has gaps and lies on `other`.
    unsafe fn send_packed(
        &self,
        source: &Operand,
        target: &Operand,
        other: &'static Context,
    ) -> Result<()> {
        // SAFETY: passed on; the streams exist, and each waits for the other.
        unsafe {
            let there = self.on(other)?;
            let memory = there.temporary()?;
            let packed = self.packed(source, memory.address, Home::Gpu(other.index))?;
            self.stream.wait_in(there.stream, self.context)?;
            self.run(source, &packed)?;
            there.stream.wait_in(self.stream, self.context)?;
            {
                let _current = other.enter()?;
                there.run(&packed, target)?;
            }
            self.stream.wait_in(there.stream, self.context)
        }
    }

    /// The same copy on another GPU's own stream.
    fn on(&self, other: &'static Context) -> Result<Self> {
        Ok(Copy { context: other, stream: other.side_stream()?, ..*self })
    }

    /// # Safety
    /// As `run`; the source has gaps and lies on the host.
    unsafe fn pack_on_host(&self, source: &Operand, target: &Operand) -> Result<()> {
        self.refuse_capture("source")?;
        let mut memory = self.host_memory()?;
        let room = memory::room_for()?;
        let packed = self.packed(target, memory.as_mut_ptr() as u64, Home::Host)?;
        // SAFETY: the memory is as large as the elements; the rest is passed on.
        let copied = unsafe {
            self.copy_on_host(source, &packed)?;
            self.run(&packed, target)
        };
        // The copy may still be reading it, also after an error.
        let memory = Box::into_raw(Box::write(room, memory)).cast();
        let driver = self.context.driver;
        // SAFETY: the stream exists, and the box is freed once.
        copied.and(unsafe {
            driver.cuLaunchHostFunc(self.stream.raw(), Some(free_host_memory), memory)
        })
    }

    /// # Safety
    /// As `run`; the target has gaps and lies on the host.
    unsafe fn unpack_on_host(&self, source: &Operand, target: &Operand) -> Result<()> {
        self.refuse_capture("target")?;
        let mut memory = self.host_memory()?;
        let packed = self.packed(source, memory.as_mut_ptr() as u64, Home::Host)?;
        // SAFETY: the memory is as large as the elements; the rest is passed on.
        unsafe {
            let copied = self.run(source, &packed);
            // Also after an error: the memory goes, and must not be in use.
            self.context.driver.cuStreamSynchronize(self.stream.raw())?;
            copied?;
            self.copy_on_host(&packed, target)
        }
    }

    /// A graph would copy what the host packed today, also at later launches.
    fn refuse_capture(&self, role: &str) -> Result<()> {
        if self.stream.is_capturing(self.context.driver) {
            fail!(
                Layout,
                "{role} is strided memory of the host that would be packed there, which a captured \
                 stream cannot do; it must be contiguous, pinned or managed"
            );
        }
        Ok(())
    }

    /// Memory for the elements in the order of `like`, if that has no gaps: then the
    /// bytes can be copied as they are.
    fn packed(&self, like: &Operand, low: CUdeviceptr, home: Home) -> Result<Operand> {
        if like.dense {
            return like.moved(low, home);
        }
        let strides = c_strides(self.shape);
        let layout = Layout::new(self.item as u32 * 8, self.shape, Some(&strides))?;
        Operand::new(low, layout, home)
    }

    /// # Safety
    /// Both are on the host.
    unsafe fn copy_on_host(&self, source: &Operand, target: &Operand) -> Result<()> {
        // SAFETY: passed on.
        unsafe {
            copy_elements(
                self.shape,
                source.first as *const u8,
                &source.strides,
                target.first as *mut u8,
                &target.strides,
                self.item,
            )?;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.shape.iter().product::<i64>() as usize * self.item
    }

    /// Memory on the GPU of the stream for the elements, until it is dropped.
    fn temporary(&self) -> Result<Memory> {
        // SAFETY: the stream exists until the copy has been given to it, and the memory
        // is freed in its order.
        unsafe { Memory::allocate(Kind::Gpu, self.bytes(), self.context, self.stream) }
    }

    fn host_memory(&self) -> Result<Vec<u8>> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(self.bytes()).map_err(|_| {
            let bytes = self.bytes();
            Error::format(Status::Memory, format_args!("{bytes} bytes could not be allocated"))
        })?;
        Ok(memory)
    }
}

/// Between GPUs, rows would need that one reaches the other.
fn on_host(source: &Operand, target: &Operand) -> bool {
    source.home == Home::Host || target.home == Home::Host
}

unsafe extern "C" fn free_host_memory(memory: *mut c_void) {
    // SAFETY: `pack_on_host` made it as a box.
    drop(unsafe { Box::from_raw(memory.cast::<Vec<u8>>()) });
}
