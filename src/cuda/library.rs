//! The library of the driver, opened at run time.
//!
//! On Unix by the C library itself: where the dynamic linker has a reason, libloading copies
//! it to memory, and ends the process if there is none.

use std::ffi::{CStr, c_void};

use crate::error::{Error, Result, Status};

/// A library that was opened. It is never closed: what was found in it stays good.
pub(super) struct Library(Handle);

#[cfg(unix)]
type Handle = *mut c_void;
#[cfg(not(unix))]
type Handle = std::mem::ManuallyDrop<libloading::Library>;

#[cfg(unix)]
impl Library {
    /// # Errors
    /// `NoCuda` with the reason of the dynamic linker; `Memory` if that is the reason.
    ///
    /// # Safety
    /// The initialisers of the library may run.
    pub unsafe fn open(name: &CStr) -> Result<Library> {
        // SAFETY: the caller's promise; the text of `dlerror` lives until the next call.
        unsafe {
            let handle = libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL);
            if !handle.is_null() {
                return Ok(Library(handle));
            }
            let reason = libc::dlerror();
            if reason.is_null() {
                return Err(no_cuda("the dynamic linker gives no reason"));
            }
            let reason = CStr::from_ptr(reason).to_bytes();
            // glibc ends its sentence with that of errno; the other is its sentence for no
            // memory for a sentence.
            let no_memory = CStr::from_ptr(libc::strerror(libc::ENOMEM)).to_bytes();
            if reason.ends_with(no_memory) || reason.ends_with(b"out of memory") {
                return Err(crate::memory::NoMemory.into());
            }
            Err(no_cuda(std::str::from_utf8(reason).unwrap_or("it cannot be loaded")))
        }
    }

    /// The address of a function, NULL if there is none.
    pub fn find(&self, name: &CStr) -> *mut c_void {
        // SAFETY: the handle is open.
        unsafe { libc::dlsym(self.0, name.as_ptr()) }
    }
}

#[cfg(not(unix))]
impl Library {
    /// # Errors
    /// `NoCuda` with the reason.
    ///
    /// # Safety
    /// The initialisers of the library may run.
    pub unsafe fn open(name: &CStr) -> Result<Library> {
        // SAFETY: the caller's promise.
        let opened = unsafe { libloading::Library::new(name.to_str().unwrap_or_default()) };
        opened.map(|library| Library(Handle::new(library))).map_err(|error| {
            match std::error::Error::source(&error) {
                Some(source) => no_cuda(format_args!("{error}: {source}")),
                None => no_cuda(error),
            }
        })
    }

    /// The address of a function, NULL if there is none.
    pub fn find(&self, name: &CStr) -> *mut c_void {
        // SAFETY: only the address is read.
        let found = unsafe { self.0.get::<*mut c_void>(name.to_bytes_with_nul()) };
        found.map_or(std::ptr::null_mut(), |symbol| *symbol)
    }
}

#[cold]
pub(super) fn no_cuda(reason: impl std::fmt::Display) -> Error {
    Error::format(Status::NoCuda, format_args!("no CUDA driver: {reason}"))
}
