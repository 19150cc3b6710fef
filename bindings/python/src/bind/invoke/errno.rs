//! `errno` of bound functions, as `ctypes` has it: each thread has a copy, which becomes the
//! `errno` of C for the length of a call.

use std::ffi::c_int;

use pyo3::prelude::*;

use crate::support::ask::Ask;
use crate::support::{errors, modules, objects};

/// The functions that read and write the copy of the thread that calls them.
pub struct Errno {
    get: Py<PyAny>,
    set: Py<PyAny>,
}

impl Errno {
    pub fn new(py: Python<'_>) -> PyResult<Errno> {
        let ctypes = modules::import(py, c"ctypes")?;
        let function = |name| ctypes.attribute(name).map(Bound::unbind);
        Ok(Errno { get: function(c"get_errno")?, set: function(c"set_errno")? })
    }

    /// Makes a call. Nothing runs between it and the `errno` that is read: to give the GIL up
    /// and to take it back changes that.
    pub fn swapped<R: Send>(
        &self,
        py: Python<'_>,
        releases_gil: bool,
        call: impl FnOnce() -> R + Send,
    ) -> R {
        let before = errors::or_else(py, self.get.bind(py).call0().and_then(|it| it.extract()), 0);
        let call = || {
            // SAFETY: the place is one of this thread.
            unsafe { *place() = before };
            let result = call();
            // SAFETY: as above.
            (result, unsafe { *place() })
        };
        let (result, after): (R, c_int) = match releases_gil {
            true => py.detach(call),
            false => call(),
        };
        // It fails for want of memory alone, and C has run.
        let _ = objects::int(py, after.into()).and_then(|after| self.set.bind(py).called([&after]));
        result
    }
}

/// Where `errno` is on this thread.
fn place() -> *mut c_int {
    // SAFETY: may be called at any time.
    unsafe {
        #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
        return libc::__error();
        #[cfg(not(any(target_os = "macos", target_os = "ios", target_os = "freebsd")))]
        return libc::__errno_location();
    }
}
