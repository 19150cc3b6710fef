//! Tensors that this library made.

use std::alloc::Layout as Memory;
use std::ffi::c_void;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::abi::{DLManagedTensorVersioned, DLTensor, Flags};
use crate::block::{Block, Contents, Description};
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::layout::Layout;
use crate::tensor_ref::{TensorRef, storage_bits};
use crate::view::{Slice, View};

/// An owner of a tensor. Sharing makes further owners; the memory is released
/// once, after the last of them, on whichever thread that is.
///
/// It is a pointer to a [`DLManagedTensorVersioned`] that this library made:
/// [`Tensor::into_raw`] hands that out.
pub struct Tensor(NonNull<Block>);

// SAFETY: the fields of a block do not change while it has owners, but for
// atomic ones; the release callback may run on any thread, as `Deleter` demands;
// the data is only reached through unsafe code or under `&mut`.
unsafe impl Send for Tensor {}
// SAFETY: as above.
unsafe impl Sync for Tensor {}

impl Tensor {
    /// Allocates memory on the host in C order, all bytes zero. The first element
    /// lies at a multiple of [`ALIGNMENT`](crate::abi::ALIGNMENT) bytes.
    ///
    /// # Errors
    /// `Dtype` for elements that are parts of bytes, `Ndim`, `Shape` and `Size`
    /// for the shape, `Memory` if there is not enough.
    pub fn zeros(dtype: DType, shape: &[i64]) -> Result<Tensor> {
        Tensor::allocate(dtype, shape, Contents::Zeros)
    }

    /// As [`Tensor::zeros`], with elements that are not initialised.
    ///
    /// # Errors
    /// Those of [`Tensor::zeros`].
    ///
    /// # Safety
    /// All elements are written before any is read, also by
    /// [`Tensor::as_slice`], [`Tensor::copy_of`] and whoever gets the handle.
    pub unsafe fn empty(dtype: DType, shape: &[i64]) -> Result<Tensor> {
        Tensor::allocate(dtype, shape, Contents::Uninitialised)
    }

    fn allocate(dtype: DType, shape: &[i64], contents: Contents) -> Result<Tensor> {
        if dtype.item_bytes().is_none() {
            fail!(Dtype, "dtype {dtype} cannot be allocated; its elements must be whole bytes");
        }
        let layout = Layout::new(dtype.item_bits(), shape, None)?;
        let description = Description {
            data: ptr::null_mut(),
            byte_offset: 0,
            device: Device::CPU,
            dtype,
            flags: Flags::empty(),
            shape,
            strides: None,
        };
        Block::new(&description, Deleter::SOLE, layout.bytes() as usize, contents).map(Tensor)
    }

    /// Takes over memory that somebody else made: the descriptor and its shape
    /// and strides are copied, the memory is not. `deleter` is released after the
    /// last owner; on error it is not, and stays the caller's.
    ///
    /// # Errors
    /// Whatever is wrong with the descriptor: see [`TensorRef::new`].
    ///
    /// # Safety
    /// The memory that the descriptor reaches stays valid until `deleter` is
    /// released, for reading, and for writing unless `flags` has `READ_ONLY`.
    /// While a Rust reference to it exists (see [`Tensor::as_slice`]), nobody
    /// else writes to it.
    #[inline]
    pub unsafe fn wrap(tensor: TensorRef<'_>, deleter: Deleter) -> Result<Tensor> {
        Tensor::with_deleter(&Description::of(&tensor), deleter)
    }

    /// A further owner of the same tensor. The flag `IS_COPIED` is taken off
    /// both: neither is the only one any longer.
    ///
    /// # Errors
    /// `Memory` if the new descriptor cannot be allocated.
    pub fn share(&self) -> Result<Tensor> {
        self.twin(self.flags())
    }

    /// A further owner that must not write.
    ///
    /// # Errors
    /// As [`Tensor::share`].
    pub fn share_read_only(&self) -> Result<Tensor> {
        self.twin(self.flags() | Flags::READ_ONLY)
    }

    fn twin(&self, flags: Flags) -> Result<Tensor> {
        // SAFETY: an owner keeps its block alive.
        let twin = unsafe { Block::twin(self.0, flags.difference(Flags::IS_COPIED)) }?;
        self.mark_shared();
        Ok(Tensor(twin))
    }

    /// A further owner with another layout of the same memory.
    ///
    /// # Errors
    /// `Layout` if elements are parts of bytes and the view does not begin at a
    /// whole byte, `Memory` if the new descriptor cannot be allocated.
    fn view_as(&self, view: View, flags: Flags) -> Result<Tensor> {
        let tensor = self.view();
        let bits = i128::from(view.offset) * i128::from(tensor.layout.item_bits());
        if bits % 8 != 0 {
            fail!(
                Layout,
                "the view of {tensor} begins {} elements on, within a byte; it must begin at a whole byte",
                view.offset
            );
        }
        let offset = (bits / 8) as i64;
        let (data, byte_offset) = match tensor.device.has_addresses() {
            true => (tensor.first().cast::<u8>().wrapping_offset(offset as isize).cast(), 0),
            false => (tensor.data, tensor.byte_offset.wrapping_add_signed(offset)),
        };
        self.derive(data, byte_offset, flags, (&view.shape, &view.strides))
    }

    /// A further owner without negative strides that mean nothing: see
    /// [`View::without_idle_negatives`].
    ///
    /// # Errors
    /// As [`Tensor::share`].
    pub fn without_idle_negatives(&self) -> Result<Tensor> {
        match self.layout().has_idle_negative() {
            true => self.view_as(View::without_idle_negatives(self.layout())?, self.flags()),
            false => self.share(),
        }
    }

    /// Part of the tensor, without a copy: see [`View::slice`].
    ///
    /// # Errors
    /// Those of [`View::slice`] and [`Tensor::share`].
    pub fn slice(&self, slices: &[Slice]) -> Result<Tensor> {
        self.slice_each(slices.iter().copied())
    }

    /// As `slice`, of slices that are no list yet.
    #[inline]
    pub(crate) fn slice_each(
        &self,
        slices: impl ExactSizeIterator<Item = Slice>,
    ) -> Result<Tensor> {
        self.view_as(View::slice_each(self.layout(), slices)?, self.flags())
    }

    /// The part at one index of an axis, without a copy: see [`View::select`].
    ///
    /// # Errors
    /// Those of [`View::select`] and [`Tensor::share`].
    pub fn select(&self, axis: usize, index: i64) -> Result<Tensor> {
        self.view_as(View::select(self.layout(), axis, index)?, self.flags())
    }

    /// The axes in another order, without a copy: see [`View::permute`].
    ///
    /// # Errors
    /// Those of [`View::permute`] and [`Tensor::share`].
    pub fn permute(&self, axes: &[usize]) -> Result<Tensor> {
        self.view_as(View::permute(self.layout(), axes)?, self.flags())
    }

    /// The elements under another shape, without a copy: see [`View::reshape`].
    ///
    /// # Errors
    /// Those of [`View::reshape`] and [`Tensor::share`].
    pub fn reshape(&self, shape: &[i64]) -> Result<Tensor> {
        self.view_as(View::reshape(self.layout(), shape)?, self.flags())
    }

    /// The tensor repeated to a larger shape, without a copy: see
    /// [`View::expand`]. It is read-only if elements are repeated, as in NumPy:
    /// a write to one would show in others.
    ///
    /// # Errors
    /// Those of [`View::expand`] and [`Tensor::share`].
    pub fn expand(&self, shape: &[i64]) -> Result<Tensor> {
        let view = View::expand(self.layout(), shape)?;
        let repeats = view.shape.iter().product::<i64>() > self.layout().count();
        let access = if repeats { Flags::READ_ONLY } else { Flags::empty() };
        self.view_as(view, self.flags() | access)
    }

    /// The checked descriptor.
    pub fn view(&self) -> TensorRef<'_> {
        let (shape, strides) = self.dims();
        let tensor = self.descriptor();
        let (dtype, device) = (self.dtype(), self.device());
        let layout = Layout::trusted(storage_bits(dtype, self.flags()), shape, strides);
        TensorRef {
            data: tensor.data,
            byte_offset: tensor.byte_offset,
            device,
            dtype,
            flags: self.flags(),
            layout,
        }
    }

    /// The extents.
    pub fn shape(&self) -> &[i64] {
        self.dims().0
    }

    /// The strides in elements.
    pub fn strides(&self) -> &[i64] {
        self.dims().1
    }

    /// Shape and strides, with the questions that they answer.
    pub fn layout(&self) -> Layout<'_> {
        self.view().layout
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        DType::trusted(self.descriptor().dtype)
    }

    /// The device of the memory.
    pub fn device(&self) -> Device {
        Device::trusted(self.descriptor().device)
    }

    /// The flags of the managed tensor.
    pub fn flags(&self) -> Flags {
        // SAFETY: the field is valid for as long as the block, and aligned.
        let flags = unsafe { AtomicU64::from_ptr(self.flags_pointer()) };
        Flags::from_bits_retain(flags.load(Ordering::Relaxed))
    }

    /// Whether the data must not be written to.
    pub fn is_read_only(&self) -> bool {
        self.flags().contains(Flags::READ_ONLY)
    }

    /// The number of owners now; others may come and go on other threads.
    pub fn owners(&self) -> usize {
        self.count_of_owners().load(Ordering::Relaxed)
    }

    /// The address of the first element, NULL if there are none.
    pub fn data_ptr(&self) -> *mut c_void {
        self.view().first()
    }

    /// Hands out the DLPack struct. Whoever gets it calls its `deleter` once, or
    /// gives it to [`Tensor::from_raw`] or [`Tensor::import`].
    ///
    /// Code that writes through it must not do so while a slice of
    /// [`Tensor::as_slice`] of another owner is alive.
    pub fn into_raw(self) -> *mut DLManagedTensorVersioned {
        let raw = self.0.as_ptr().cast();
        std::mem::forget(self);
        raw
    }

    /// Takes back what [`Tensor::into_raw`] handed out. On error the caller
    /// still owns it.
    ///
    /// # Errors
    /// `Null`; `Foreign` if this library did not make it, or its descriptor no
    /// longer is as it was made.
    ///
    /// # Safety
    /// `raw` is NULL or a managed tensor, from anywhere, that the caller owns.
    pub unsafe fn from_raw(raw: *mut DLManagedTensorVersioned) -> Result<Tensor> {
        // SAFETY: the caller's promise.
        match unsafe { Block::recognise(raw) } {
            // SAFETY: as above, and shape and strides are those of the block. Whoever holds
            // the handle can write to the fields: they are checked.
            Some(block) => unsafe { TensorRef::from_managed(raw) }.map(|_| Tensor(block)),
            None if raw.is_null() => fail!(Null, "tensor is NULL; it must be a managed tensor"),
            None => fail!(
                Foreign,
                "the tensor was not made by this library, or its descriptor was changed; import it first"
            ),
        }
    }

    /// An owner of a block whose fields have been checked.
    ///
    /// # Safety
    /// The caller owns the block, and gives that up.
    pub(crate) unsafe fn of_block(block: NonNull<Block>) -> Tensor {
        Tensor(block)
    }

    /// A tensor with a deleter of its own, which stays the caller's on error.
    pub(crate) fn with_deleter(description: &Description<'_>, deleter: Deleter) -> Result<Tensor> {
        Block::new(description, deleter, 0, Contents::Uninitialised).map(Tensor)
    }

    fn derive(
        &self,
        data: *mut c_void,
        byte_offset: u64,
        flags: Flags,
        (shape, strides): (&[i64], &[i64]),
    ) -> Result<Tensor> {
        let description = Description {
            data,
            byte_offset,
            device: self.device(),
            dtype: self.dtype(),
            flags: flags.difference(Flags::IS_COPIED),
            shape,
            strides: Some(strides),
        };
        let block = Block::new(&description, Deleter::SOLE, 0, Contents::Uninitialised)?;
        // SAFETY: an owner keeps its block alive; nobody else has the new block yet.
        unsafe { Block::join(block, self.0) };
        self.mark_shared();
        Ok(Tensor(block))
    }

    /// Takes off the flag that the memory is a copy with one owner.
    fn mark_shared(&self) {
        if self.flags().contains(Flags::IS_COPIED) {
            // SAFETY: as in `flags`.
            let own = unsafe { AtomicU64::from_ptr(self.flags_pointer()) };
            own.fetch_and(!Flags::IS_COPIED.bits(), Ordering::Relaxed);
        }
    }

    /// Sets the flag that the memory is a copy which the receiver alone owns.
    pub(crate) fn mark_copied(self) -> Tensor {
        // SAFETY: as in `flags`.
        let flags = unsafe { AtomicU64::from_ptr(self.flags_pointer()) };
        flags.fetch_or(Flags::IS_COPIED.bits(), Ordering::Relaxed);
        self
    }

    /// The DLPack descriptor, for code that borrows the tensor.
    pub fn descriptor(&self) -> &DLTensor {
        // SAFETY: a tensor keeps its block alive; the descriptor is never written
        // to while it has owners.
        unsafe { &*ptr::addr_of!((*self.0.as_ptr()).managed.dl_tensor) }
    }

    fn flags_pointer(&self) -> *mut u64 {
        // SAFETY: the block is alive; only an address is formed. `Flags` is a
        // transparent u64.
        unsafe { ptr::addr_of_mut!((*self.0.as_ptr()).managed.flags).cast() }
    }

    fn dims(&self) -> (&[i64], &[i64]) {
        // SAFETY: an owner keeps its block alive; both were written by `Block::new` into its
        // own allocation, for as many axes as the block has room for.
        unsafe {
            let ndim = Block::ndim(self.0);
            let dims = std::slice::from_raw_parts(Block::dims(self.0), 2 * ndim);
            dims.split_at(ndim)
        }
    }

    pub(crate) fn count_of_owners(&self) -> &AtomicUsize {
        // SAFETY: an owner keeps its block alive.
        unsafe { Block::owners(self.0) }
    }

    /// Whether nobody outside this library can reach the memory.
    pub(crate) fn is_sole(&self) -> bool {
        // SAFETY: an owner keeps its block alive.
        unsafe { Block::deleter(self.0) }.is_sole()
    }
}

/// As [`Tensor::share`], and as for all clones the process ends where the memory for the
/// new descriptor cannot be allocated: `share` returns an error then.
impl Clone for Tensor {
    fn clone(&self) -> Self {
        self.share().unwrap_or_else(|_| std::alloc::handle_alloc_error(Memory::new::<Block>()))
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: an owner goes away once.
        unsafe { Block::release(self.0) }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} at {:p})", self.view(), self.data_ptr())
    }
}
