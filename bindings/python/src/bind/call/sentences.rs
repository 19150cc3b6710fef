//! What a library says of its last failure, where it uses dlbridge for that.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use pyo3::prelude::*;

use crate::bind::call::text;
use crate::bind::signature::parsed::{Outcome, Signature};
use crate::support::ask::Ask;
use crate::support::modules;

/// The functions of dlbridge.h by which a library says why it failed. Each copy of dlbridge
/// has sentences of its own, and so has a library that was linked with libdlbridge.a.
pub struct Sentences {
    last_error: unsafe extern "C" fn() -> *const c_char,
    fail: unsafe extern "C" fn(c_int, *const c_char) -> c_int,
}

impl Sentences {
    /// Those that the library uses which has the code at an address. None for a function that
    /// says nothing in this way.
    pub fn of(
        py: Python<'_>,
        address: usize,
        signature: &Signature,
    ) -> PyResult<Option<Sentences>> {
        let is_own = matches!(signature.result, Outcome::OwnStatus);
        if !is_own && !signature.gives() {
            return Ok(None);
        }
        match Sentences::in_library(address as *const c_void) {
            // It may use a copy that it does not name.
            None if is_own => Sentences::of_package(py).map(Some),
            found => Ok(found),
        }
    }

    /// Those in the library with that code, or in one that it is linked to.
    fn in_library(code: *const c_void) -> Option<Sentences> {
        let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: any address may be asked for. The name is that of a library that is loaded,
        // which the caller of `bind` keeps so.
        unsafe {
            if libc::dladdr(code, found.as_mut_ptr()) == 0 {
                return None;
            }
            let name = found.assume_init().dli_fname;
            let library = libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if library.is_null() {
                return None;
            }
            let symbol = |name: &CStr| {
                let found = libc::dlsym(library, name.as_ptr());
                (!found.is_null()).then_some(found as usize)
            };
            let both = symbol(c"dlbridge_last_error").zip(symbol(c"dlbridge_fail"));
            libc::dlclose(library);
            both.map(|(last_error, fail)| Sentences::at(last_error, fail))
        }
    }

    /// Those of the library that `dlbridge.capi` uses.
    #[cold]
    fn of_package(py: Python<'_>) -> PyResult<Sentences> {
        let capi = modules::import(py, c"dlbridge.capi.functions")?;
        let (last_error, fail) =
            capi.attribute(c"_sentences")?.call0()?.extract::<(usize, usize)>()?;
        // SAFETY: these functions, of a library that stays loaded.
        Ok(unsafe { Sentences::at(last_error, fail) })
    }

    /// # Safety
    /// The addresses are those of the two functions.
    unsafe fn at(last_error: usize, fail: usize) -> Sentences {
        // SAFETY: the caller's promise.
        unsafe {
            Sentences {
                last_error: std::mem::transmute::<usize, unsafe extern "C" fn() -> *const c_char>(
                    last_error,
                ),
                fail: std::mem::transmute::<
                    usize,
                    unsafe extern "C" fn(c_int, *const c_char) -> c_int,
                >(fail),
            }
        }
    }

    /// Forgets the sentence of this thread: that of an earlier failure would be taken for one
    /// of the call that follows.
    #[inline]
    pub fn forget(&self) {
        // SAFETY: the functions of dlbridge.h; the text is never NULL.
        unsafe {
            if *(self.last_error)() != 0 {
                (self.fail)(0, ptr::null());
            }
        }
    }

    /// The sentence of this thread.
    pub fn last(&self) -> Option<String> {
        // SAFETY: as above.
        unsafe { text::sentence((self.last_error)()) }
    }
}
