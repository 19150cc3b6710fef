//! The deleter of a tensor's memory: what is called when it is no longer needed.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// A release callback with its context.
///
/// It is a plain value: a tensor that owns it calls it once, after the last owner; until
/// then it is the caller's.
#[derive(Clone, Copy)]
pub struct Deleter {
    context: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
    sole: bool,
}

impl Deleter {
    /// Memory that is part of the tensor itself, or of a tensor that it views.
    pub(crate) const SOLE: Deleter =
        Deleter { context: ptr::null_mut(), release: None, sole: true };

    /// A C callback; `None` for memory that need not be released.
    ///
    /// # Safety
    /// `release(context)` may be called once, from any thread, and does not
    /// unwind.
    pub unsafe fn callback(
        context: *mut c_void,
        release: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Deleter {
        Deleter { context, release, sole: false }
    }

    /// A Rust value that owns the memory: it is dropped. `sole` says that nobody
    /// else can reach the memory.
    pub(crate) fn owner<T: Send + Sync>(owner: Box<T>, sole: bool) -> Deleter {
        Deleter { context: Box::into_raw(owner).cast(), release: Some(drop_owner::<T>), sole }
    }

    /// Whether nobody outside this library can reach the memory.
    pub(crate) fn is_sole(&self) -> bool {
        self.sole
    }

    /// # Safety
    /// Called once for each deleter.
    pub(crate) unsafe fn release(self) {
        if let Some(release) = self.release {
            // SAFETY: this is the one call.
            unsafe { release(self.context) }
        }
    }
}

/// A panic of the value's destructor ends here: it must not unwind into C. The
/// panic hook has reported it.
unsafe extern "C" fn drop_owner<T>(owner: *mut c_void) {
    // SAFETY: `Deleter::owner` made it of a box, and it is released once.
    let owner = unsafe { Box::from_raw(owner.cast::<T>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(owner)));
}
