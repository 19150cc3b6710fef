//! One C value, as it is passed.

use std::ffi::c_void;

/// Room for one C value, at its address.
#[repr(C, align(16))]
#[derive(Clone, Copy, Default)]
pub struct CValue([u64; 2]);

impl CValue {
    /// A value of at most 16 bytes that may have any bits.
    pub fn new<T: Copy>(value: T) -> CValue {
        const { assert!(size_of::<T>() <= 16 && align_of::<T>() <= 16) };
        let mut word = CValue::default();
        // SAFETY: there is room, and the alignment suffices.
        unsafe { (&raw mut word).cast::<T>().write(value) };
        word
    }

    /// As `new`, where it lies: what is read from it right after must not be wider than
    /// what was written, else the processor waits for the store.
    #[inline]
    pub fn set(&mut self, pointer: *mut c_void) {
        // SAFETY: as above.
        unsafe { (&raw mut *self).cast::<*mut c_void>().write(pointer) };
    }

    /// # Safety
    /// A `T` was written here.
    pub unsafe fn get<T: Copy>(&self) -> T {
        // SAFETY: the caller's promise.
        unsafe { (&raw const *self).cast::<T>().read() }
    }

    /// The first 8 bytes.
    #[inline]
    pub fn bits(&self) -> u64 {
        self.0[0]
    }

    pub fn as_mut_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}
