//! Managed tensors of others: taken in without trusting them, given out in the
//! legacy form for those who want that.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::abi::{DLManagedTensor, DLManagedTensorVersioned, Flags, ManagedTensorBase};
use crate::block::Block;
use crate::deleter::Deleter;
use crate::error::{Result, fail};
use crate::memory;
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;

impl Tensor {
    /// Takes over a managed tensor from anywhere, after checking all of it. The
    /// result has a shape and strides of its own: the producer may change his.
    ///
    /// On error the caller still owns `raw`.
    ///
    /// # Errors
    /// `Null`, `Version` for another major version of DLPack, and those of
    /// [`TensorRef::new`].
    ///
    /// # Safety
    /// `raw` is NULL or a managed tensor that the caller owns, as DLPack demands
    /// of producers: readable, with a deleter that may run on any thread, and
    /// with memory behind `data` that lives until then. While a slice of
    /// [`Tensor::as_slice`] is alive, nobody else writes to the memory.
    pub unsafe fn import(raw: *mut DLManagedTensorVersioned) -> Result<Tensor> {
        // SAFETY: the caller's promise.
        if let Some(block) = unsafe { Block::recognise(raw) } {
            // SAFETY: as above, and shape and strides are those of the block. It needs no
            // second descriptor.
            return unsafe { TensorRef::from_managed(raw).map(|_| Tensor::of_block(block)) };
        }
        // SAFETY: the caller's promise.
        let tensor = unsafe { check(raw) }?;
        // SAFETY: the managed tensor is deleted once, after the last owner.
        unsafe {
            let deleter = Deleter::callback(raw.cast(), Some(delete::<DLManagedTensorVersioned>));
            Tensor::wrap(tensor, deleter)
        }
    }

    /// Takes over a legacy managed tensor, as [`Tensor::import`] does. The
    /// legacy form has no flags: the caller says what he knows, `READ_ONLY` or
    /// `IS_COPIED`.
    ///
    /// On error the caller still owns `raw`.
    ///
    /// # Errors
    /// `Null`, and those of [`TensorRef::new`].
    ///
    /// # Safety
    /// As [`Tensor::import`].
    pub unsafe fn import_legacy(raw: *mut DLManagedTensor, flags: Flags) -> Result<Tensor> {
        // SAFETY: the caller's promise.
        let Some(managed) = (unsafe { raw.as_ref() }) else {
            fail!(Null, "tensor is NULL; it must be a managed tensor");
        };
        // SAFETY: as above; the managed tensor is deleted once, after the last owner.
        unsafe {
            let tensor = TensorRef::new(&managed.dl_tensor, flags)?;
            let deleter = Deleter::callback(raw.cast(), Some(delete::<DLManagedTensor>));
            Tensor::wrap(tensor, deleter)
        }
    }

    /// A further owner in the legacy form, which has no version and no flags.
    ///
    /// # Errors
    /// `ReadOnly` for a read-only tensor that has elements: the legacy form cannot say
    /// so, and a consumer could write to it. `Flags` for padded elements of parts of
    /// bytes, which would be read as packed. `Memory`.
    pub fn to_legacy(&self) -> Result<*mut DLManagedTensor> {
        let owner = self.share()?;
        // SAFETY: the handle is a tensor that is owned here.
        unsafe {
            let raw = owner.into_raw();
            export_legacy(raw).inspect_err(|_| release(raw))
        }
    }
}

/// Gives a managed tensor, from anywhere, the legacy form. Consumed on success;
/// on error the caller still owns it.
///
/// # Errors
/// As [`Tensor::to_legacy`] and [`Tensor::import`].
///
/// # Safety
/// As [`Tensor::import`].
pub unsafe fn export_legacy(raw: *mut DLManagedTensorVersioned) -> Result<*mut DLManagedTensor> {
    // SAFETY: the caller's promise.
    let view = unsafe { check(raw) }?;
    let flags = view.flags();
    if flags.contains(Flags::READ_ONLY) && view.layout().count() > 0 {
        fail!(
            ReadOnly,
            "the tensor is read-only; it must be writable to be given out in the legacy form, which \
             cannot say that it is not"
        );
    }
    if flags.contains(Flags::IS_SUBBYTE_TYPE_PADDED) {
        fail!(Flags, "the tensor's elements are padded; they must be packed in the legacy form");
    }
    let room = memory::room_for()?;
    // SAFETY: the caller's promise.
    let tensor = unsafe { Tensor::import(raw) }?;
    let managed = DLManagedTensor {
        dl_tensor: *tensor.descriptor(),
        manager_ctx: std::ptr::null_mut(),
        deleter: Some(delete_legacy),
    };
    let legacy = Box::into_raw(Box::write(room, Legacy { managed, tensor }));
    // SAFETY: it was just made; the address of the first field is its own.
    unsafe {
        (*legacy).managed.manager_ctx = legacy.cast();
        Ok(&raw mut (*legacy).managed)
    }
}

/// Checks a managed tensor from outside, without taking it over: as
/// [`TensorRef::from_managed`], also for one that this library made and somebody gave more
/// axes than its shape and strides have room for.
///
/// # Errors
/// Those of [`TensorRef::from_managed`].
///
/// # Safety
/// As [`TensorRef::from_managed`].
pub unsafe fn check<'a>(raw: *const DLManagedTensorVersioned) -> Result<TensorRef<'a>> {
    // SAFETY: the caller's promise; nothing is written.
    unsafe {
        Block::check_room(raw.cast_mut())?;
        TensorRef::from_managed(raw)
    }
}

/// Gives up a managed tensor of any version and origin: its deleter is called,
/// if it has one. NULL is ignored.
///
/// # Safety
/// `raw` is NULL or a managed tensor that the caller owns.
pub unsafe fn release<M: ManagedTensorBase>(raw: *mut M) {
    if let Some(managed) = NonNull::new(raw) {
        // SAFETY: the caller's promise.
        unsafe { M::drop_raw(managed.as_ptr()) }
    }
}

/// A tensor and its legacy descriptor, whose shape and strides are those of the
/// tensor.
// As blocks: an allocator may tell what can stay for long by that.
#[repr(C, align(16))]
struct Legacy {
    managed: DLManagedTensor,
    tensor: Tensor,
}

unsafe extern "C" fn delete_legacy(managed: *mut DLManagedTensor) {
    if !managed.is_null() {
        // SAFETY: `export_legacy` made it as a box, and it is deleted once.
        drop(unsafe { Box::from_raw(managed.cast::<Legacy>()) });
    }
}

unsafe extern "C" fn delete<M: ManagedTensorBase>(managed: *mut c_void) {
    // SAFETY: the context of the deleter is the managed tensor, owned by it.
    unsafe { release(managed.cast::<M>()) }
}
