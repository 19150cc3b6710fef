//! Why a call failed: what C says of it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::bind::function::Function;
use crate::bind::scalar::Word;
use crate::bind::signature::{Outcome, Signature};
use crate::bind::text;
use crate::support::objects::Ask;
use crate::support::{errors, modules, objects};

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
    fn last(&self) -> Option<String> {
        // SAFETY: as above.
        unsafe { text::sentence((self.last_error)()) }
    }
}

impl Function {
    /// What a call says by its result.
    pub fn check_status(&self, py: Python<'_>, result: &Word) -> PyResult<()> {
        match self.signature.result {
            // SAFETY: the C function returned an int.
            Outcome::Status | Outcome::OwnStatus => match unsafe { result.get::<i32>() } {
                0 => Ok(()),
                status => Err(self.failure(py, status)),
            },
            _ => Ok(()),
        }
    }

    /// The exception for a status that is not 0.
    #[cold]
    fn failure(&self, py: Python<'_>, status: i32) -> PyErr {
        let own = matches!(self.signature.result, Outcome::OwnStatus);
        let sentence = self.sentence(status, own);
        let make = || {
            let capi = modules::import(py, c"dlbridge.capi.functions")?;
            let name = objects::text(py, &self.name)?;
            let status = objects::int(py, status.into())?;
            let sentence = match &sentence {
                Some(sentence) => objects::text(py, sentence)?.into_any(),
                None => py.None().into_bound(py),
            };
            capi.method(c"_failure", [&name, &status, &PyBool::new(py, own), &sentence])
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }

    /// The exception for NULL instead of a tensor.
    #[cold]
    pub fn null_result(&self) -> PyErr {
        let sentence = self.sentence(0, true).map_or(String::new(), |text| format!(": {text}"));
        errors::new::<PyRuntimeError>(format!(
            "{}() gave NULL instead of a tensor{sentence}",
            self.name
        ))
    }

    /// What the library itself says: by the function that the caller named, else by dlbridge.
    fn sentence(&self, status: i32, uses_dlbridge: bool) -> Option<String> {
        let said = self.error.and_then(|address| {
            // SAFETY: the caller of `bind` said that this is such a function. One without
            // the parameter ignores it, as everywhere where the caller clears the stack.
            unsafe {
                let error = std::mem::transmute::<
                    usize,
                    unsafe extern "C" fn(c_int) -> *const c_char,
                >(address);
                text::sentence(error(status))
            }
        });
        let sentences = self.sentences.as_ref().filter(|_| uses_dlbridge);
        said.or_else(|| sentences?.last())
    }
}
