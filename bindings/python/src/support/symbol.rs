//! Functions of the interpreter that are no part of the limited API of 3.11. They are looked up
//! by name, so that the extension can be loaded where there are none.

use std::ffi::{CStr, c_void};

/// The address of the first function that there is, NULL without one.
pub fn first_of(names: &[&CStr]) -> *mut c_void {
    #[cfg(unix)]
    for name in names {
        // SAFETY: `name` ends with a zero byte.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        if !found.is_null() {
            return found;
        }
    }
    std::ptr::null_mut()
}
