//! The allocation behind a tensor: the DLPack struct, its shape and strides,
//! the count of owners and, if it was allocated here, the data.

use std::alloc::{Layout as Memory, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::abi::{ALIGNMENT, DLManagedTensorVersioned, DLPACK_VERSION, DLTensor, Flags};
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result, Status, fail};
use crate::layout::after;
use crate::tensor_ref::TensorRef;

/// Followed in memory by `ndim` extents, `ndim` strides and perhaps the data.
///
/// Aligned as all memory of malloc is, and more than small things need: allocators that keep a
/// reserve for these, as the Python extension's does, do not spend it on what may stay for ever.
#[repr(C, align(16))]
pub(crate) struct Block {
    /// First, so that its address is that of the block.
    pub managed: DLManagedTensorVersioned,
    /// The block that counts the owners and holds the deleter: the first one
    /// made of a tensor, which stays until the last owner is gone.
    root: NonNull<Block>,
    owners: AtomicUsize,
    deleter: Deleter,
    /// The bytes of the whole allocation.
    size: usize,
    /// The axes that there is room for behind the block. Whoever holds the handle can
    /// write to `managed`; from here on is what nobody else reaches.
    ndim: usize,
}

/// What a new block describes.
pub(crate) struct Description<'a> {
    pub data: *mut c_void,
    pub byte_offset: u64,
    pub device: Device,
    pub dtype: DType,
    pub flags: Flags,
    pub shape: &'a [i64],
    /// None for C order.
    pub strides: Option<&'a [i64]>,
}

impl<'a> Description<'a> {
    /// The description of a checked tensor.
    pub fn of(tensor: &TensorRef<'a>) -> Self {
        // An address is exported with its offset added: many consumers forget it.
        let (data, byte_offset) = match tensor.device.has_addresses() {
            true => (tensor.first(), 0),
            false => (tensor.data, tensor.byte_offset),
        };
        Description {
            data,
            byte_offset,
            device: tensor.device,
            dtype: tensor.dtype,
            flags: tensor.flags,
            shape: tensor.shape(),
            strides: tensor.layout.given_strides(),
        }
    }
}

/// What the bytes of new data are.
#[derive(Clone, Copy)]
pub(crate) enum Contents {
    Zeros,
    Uninitialised,
}

impl Block {
    /// A block that is its own root, with `data_bytes` of memory behind it, which
    /// become the data unless they are 0. On error the deleter is not released.
    pub fn new(
        description: &Description<'_>,
        deleter: Deleter,
        data_bytes: usize,
        contents: Contents,
    ) -> Result<NonNull<Block>> {
        let ndim = description.shape.len();
        let header = size_of::<Block>() + 2 * ndim * size_of::<i64>();
        let padding = if data_bytes > 0 { ALIGNMENT } else { 0 };
        let memory = (header + padding)
            .checked_add(data_bytes)
            .and_then(|size| Memory::from_size_align(size, align_of::<Block>()).ok())
            .ok_or_else(|| out_of_memory(data_bytes))?;
        // SAFETY: the size is not 0.
        let start = unsafe {
            match contents {
                Contents::Zeros => alloc_zeroed(memory),
                Contents::Uninitialised => alloc(memory),
            }
        };
        let block = NonNull::new(start.cast::<Block>()).ok_or_else(|| out_of_memory(data_bytes))?;
        let data = match data_bytes {
            0 => description.data,
            // SAFETY: the padding leaves room to round up.
            _ => unsafe {
                let end = start.add(header);
                end.add(end.align_offset(ALIGNMENT)).cast()
            },
        };
        // SAFETY: the allocation has room for the block and 2 * ndim integers.
        unsafe {
            let dims = Block::dims(block);
            let strides = dims.add(ndim);
            match description.strides {
                Some(given) => write(dims, strides, description.shape, given),
                None => write_c_order(dims, strides, description.shape),
            }
            block.write(Block {
                managed: DLManagedTensorVersioned {
                    version: DLPACK_VERSION,
                    manager_ctx: block.as_ptr().cast(),
                    deleter: Some(delete),
                    flags: description.flags,
                    dl_tensor: DLTensor {
                        data,
                        device: description.device.raw(),
                        ndim: ndim as i32,
                        dtype: description.dtype.raw(),
                        shape: dims,
                        strides,
                        byte_offset: description.byte_offset,
                    },
                },
                root: block,
                owners: AtomicUsize::new(1),
                deleter,
                size: memory.size(),
                ndim,
            });
        }
        Ok(block)
    }

    /// A block that describes the same memory, of the same root, which gets one owner
    /// more.
    ///
    /// # Safety
    /// `block` is alive.
    pub unsafe fn twin(block: NonNull<Block>, flags: Flags) -> Result<NonNull<Block>> {
        // SAFETY: the caller's promise. What other threads may write to, the flags and the
        // owners, is not read; the allocation has room for the block and its numbers.
        unsafe {
            let tensor = &raw const (*block.as_ptr()).managed.dl_tensor;
            let root = (*block.as_ptr()).root;
            let ndim = (*block.as_ptr()).ndim;
            let size = size_of::<Block>() + 2 * ndim * size_of::<i64>();
            let memory = Memory::from_size_align_unchecked(size, align_of::<Block>());
            let twin =
                NonNull::new(alloc(memory).cast::<Block>()).ok_or_else(|| out_of_memory(size))?;
            let dims = Block::dims(twin);
            ptr::copy_nonoverlapping(Block::dims(block), dims, 2 * ndim);
            twin.write(Block {
                managed: DLManagedTensorVersioned {
                    version: DLPACK_VERSION,
                    manager_ctx: twin.as_ptr().cast(),
                    deleter: Some(delete),
                    flags,
                    dl_tensor: DLTensor {
                        ndim: ndim as i32,
                        shape: dims,
                        strides: dims.add(ndim),
                        ..*tensor
                    },
                },
                root,
                owners: AtomicUsize::new(1),
                deleter: Deleter::SOLE,
                size,
                ndim,
            });
            Block::add_owner(root);
            Ok(twin)
        }
    }

    /// The extents of a block, with the strides after them.
    ///
    /// # Safety
    /// `block` was allocated by `Block::new`.
    pub unsafe fn dims(block: NonNull<Block>) -> *mut i64 {
        // SAFETY: they follow the block in the same allocation.
        unsafe { block.as_ptr().add(1).cast() }
    }

    /// The axes that there is room for.
    ///
    /// # Safety
    /// `block` is alive.
    #[inline]
    pub unsafe fn ndim(block: NonNull<Block>) -> usize {
        // SAFETY: the caller's promise; the field never changes.
        unsafe { (*block.as_ptr()).ndim }
    }

    /// The count of owners, which lies in the root.
    ///
    /// # Safety
    /// `block` is alive for `'a`.
    #[inline]
    pub unsafe fn owners<'a>(block: NonNull<Block>) -> &'a AtomicUsize {
        // SAFETY: the root is alive while a block of it is. Only this field is borrowed:
        // other threads write to the flags meanwhile.
        unsafe { &(*(*block.as_ptr()).root.as_ptr()).owners }
    }

    /// Where the memory came from, as the root knows it.
    ///
    /// # Safety
    /// `block` is alive.
    #[inline]
    pub unsafe fn deleter(block: NonNull<Block>) -> Deleter {
        // SAFETY: as in `owners`; the field never changes.
        unsafe { (*(*block.as_ptr()).root.as_ptr()).deleter }
    }

    /// Makes a new block, which is its own root so far, one of the root of another.
    ///
    /// # Safety
    /// Both are alive, and nobody else has the new one yet.
    pub unsafe fn join(new: NonNull<Block>, other: NonNull<Block>) {
        // SAFETY: the caller's promise.
        unsafe {
            let root = (*other.as_ptr()).root;
            (*new.as_ptr()).root = root;
            Block::add_owner(root);
        }
    }

    /// # Safety
    /// The root has an owner, which stays meanwhile.
    unsafe fn add_owner(root: NonNull<Block>) {
        // SAFETY: the root is alive. Relaxed: the count stays above 0 meanwhile.
        unsafe { (*root.as_ptr()).owners.fetch_add(1, Ordering::Relaxed) };
    }

    /// The block behind a managed tensor, if it is one, whatever became of its other
    /// fields: the deleter is ours, and the context is the struct itself or the shape lies
    /// where the block has it. In a copy of the struct, behind which there is no block,
    /// neither is so.
    ///
    /// # Safety
    /// `raw` is NULL or points to a managed tensor.
    #[inline]
    unsafe fn behind(raw: *mut DLManagedTensorVersioned) -> Option<NonNull<Block>> {
        let block = NonNull::new(raw)?.cast::<Block>();
        // SAFETY: version, context and deleter may be read whatever the version is.
        let is_ours = unsafe {
            (*raw).version.major == DLPACK_VERSION.major
                && (*raw).deleter.is_some_and(|deleter| ptr::fn_addr_eq(deleter, DELETE))
                && ((*raw).manager_ctx == raw.cast()
                    || (*raw).dl_tensor.shape.addr() == raw.addr() + size_of::<Block>())
        };
        is_ours.then_some(block)
    }

    /// The block of a managed tensor that this library made, with as many axes as it was
    /// made with, and its own shape and strides. Their values, and the other fields, may
    /// have been changed by whoever holds the handle.
    ///
    /// # Safety
    /// `raw` is NULL or points to a managed tensor.
    pub unsafe fn recognise(raw: *mut DLManagedTensorVersioned) -> Option<NonNull<Block>> {
        // SAFETY: the caller's promise.
        let block = unsafe { Block::behind(raw) }?;
        // SAFETY: the block is ours and alive.
        unsafe {
            let tensor = &(*raw).dl_tensor;
            let (ndim, dims) = (Block::ndim(block), Block::dims(block));
            let is_as_made = tensor.ndim as usize == ndim
                && tensor.shape == dims
                && tensor.strides == dims.add(ndim);
            is_as_made.then_some(block)
        }
    }

    /// Checks, of a managed tensor of this library, that shape and strides do not leave the
    /// block for lack of room: others can make them of any length.
    ///
    /// # Errors
    /// `Ndim` if they do.
    ///
    /// # Safety
    /// `raw` is NULL or points to a managed tensor.
    #[inline]
    pub unsafe fn check_room(raw: *mut DLManagedTensorVersioned) -> Result<()> {
        // SAFETY: the caller's promise.
        let Some(block) = (unsafe { Block::behind(raw) }) else {
            return Ok(());
        };
        // SAFETY: the block is ours and alive.
        let (tensor, ndim, dims) =
            unsafe { (&(*raw).dl_tensor, Block::ndim(block), Block::dims(block)) };
        let end = dims as usize + 2 * ndim * size_of::<i64>();
        let has_room = |list: *mut i64| {
            let reaches = (list as usize).saturating_add(8 * tensor.ndim.max(0) as usize);
            !(dims as usize..=end).contains(&(list as usize)) || reaches <= end
        };
        if !has_room(tensor.shape) || !has_room(tensor.strides) {
            fail!(
                Ndim,
                "ndim is {}, and the tensor was made with {ndim}; its shape and strides have no room \
                 for more",
                tensor.ndim
            );
        }
        Ok(())
    }

    /// # Safety
    /// The caller gives up one ownership, that of this block.
    pub unsafe fn release(block: NonNull<Block>) {
        // SAFETY: the block is alive until this ownership ends; the root until
        // the count is 0. Release and Acquire order the uses of other owners
        // before the release of the deleter.
        unsafe {
            let root = (*block.as_ptr()).root;
            if block != root {
                Block::free(block);
            }
            if (*root.as_ptr()).owners.fetch_sub(1, Ordering::Release) == 1 {
                fence(Ordering::Acquire);
                let deleter = (*root.as_ptr()).deleter;
                deleter.release();
                Block::free(root);
            }
        }
    }

    /// # Safety
    /// Nobody uses the block any more.
    unsafe fn free(block: NonNull<Block>) {
        // SAFETY: `new` allocated it with this size and alignment.
        unsafe {
            let size = (*block.as_ptr()).size;
            let memory = Memory::from_size_align_unchecked(size, align_of::<Block>());
            dealloc(block.as_ptr().cast(), memory);
        }
    }
}

/// In one loop, which for few axes is quicker than two copies.
///
/// # Safety
/// `dims` and `strides` have room for as many.
unsafe fn write(dims: *mut i64, strides: *mut i64, shape: &[i64], given: &[i64]) {
    for (axis, (extent, stride)) in shape.iter().zip(given).enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            dims.add(axis).write(*extent);
            strides.add(axis).write(*stride);
        }
    }
}

/// # Safety
/// As `write`.
unsafe fn write_c_order(dims: *mut i64, strides: *mut i64, shape: &[i64]) {
    let mut stride = 1;
    for (axis, extent) in shape.iter().enumerate().rev() {
        // SAFETY: the caller's promise.
        unsafe {
            dims.add(axis).write(*extent);
            strides.add(axis).write(stride);
        }
        stride = after(stride, *extent);
    }
}

const DELETE: unsafe extern "C" fn(*mut DLManagedTensorVersioned) = delete;

/// The deleter of every tensor made here; by its address they are recognised.
#[inline(never)]
unsafe extern "C" fn delete(managed: *mut DLManagedTensorVersioned) {
    if let Some(managed) = NonNull::new(managed) {
        // SAFETY: only blocks have this deleter, and it is called once for each.
        unsafe { Block::release(managed.cast()) }
    }
}

#[cold]
fn out_of_memory(bytes: usize) -> Error {
    Error::format(Status::Memory, format_args!("{bytes} bytes could not be allocated"))
}
