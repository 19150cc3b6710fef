//! One C value, as it is passed.

use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Room for one C value, at its address.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct CValue([MaybeUninit<u64>; 2]);

/// Zeros.
impl Default for CValue {
    fn default() -> CValue {
        CValue([MaybeUninit::new(0); 2])
    }
}

impl CValue {
    /// Room for a value that is written before it is read.
    #[inline]
    pub fn unset() -> CValue {
        CValue([MaybeUninit::uninit(); 2])
    }

    /// A value of at most 16 bytes that may have any bits.
    pub fn new<T: Copy>(value: T) -> CValue {
        const { assert!(size_of::<T>() <= 16 && align_of::<T>() <= 16) };
        let mut room = CValue::default();
        // SAFETY: there is room, and the alignment suffices.
        unsafe { (&raw mut room).cast::<T>().write(value) };
        room
    }

    /// As `new`, where it lies: what is read from it right after must not be wider than
    /// what was written, else the processor waits for the store.
    #[inline]
    pub fn set(&mut self, pointer: *mut c_void) {
        // SAFETY: there is room for a pointer, aligned.
        unsafe { (&raw mut *self).cast::<*mut c_void>().write(pointer) };
    }

    /// # Safety
    /// The first `size_of::<T>()` bytes were written, and are a `T`.
    pub unsafe fn get<T: Copy>(&self) -> T {
        // SAFETY: the bytes are a `T`, aligned.
        unsafe { (&raw const *self).cast::<T>().read() }
    }

    /// The first 8 bytes.
    ///
    /// # Safety
    /// They were written.
    #[inline]
    pub unsafe fn bits(&self) -> u64 {
        // SAFETY: they were written.
        unsafe { self.0[0].assume_init() }
    }

    pub fn as_mut_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}
