//! Status codes, and the sentence of the last failure.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::sentence;
use crate::error::{Error, Result, Status};

/// DLBRIDGE_OK or one of the DLBRIDGE_ERROR_ codes.
pub type dlbridge_status = i32;

/// Success.
pub const DLBRIDGE_OK: dlbridge_status = 0;

/// The sentence of the last failure on this thread, "" before the first.
///
/// Returns: never NULL; the library owns the text. One of more than 4095 bytes is
///   cut, and ends with "...".
/// Lifetime: until the next failure on this thread, or the thread's end.
/// Threads: each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn dlbridge_last_error() -> *const c_char {
    sentence::last()
}

/// The name of a status code: "DLBRIDGE_OK", "DLBRIDGE_ERROR_DTYPE", and
/// "unknown" for a number that is none.
///
/// Returns: never NULL; a constant.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn dlbridge_status_name(status: dlbridge_status) -> *const c_char {
    let known = Status::ALL.iter().find(|(code, _)| *code as i32 == status);
    match (status, known) {
        (DLBRIDGE_OK, _) => c"DLBRIDGE_OK",
        (_, Some((_, name))) => name,
        _ => c"unknown",
    }
    .as_ptr()
}

/// The first status that is free for libraries that use this one: from here on
/// they may return codes of their own.
pub const DLBRIDGE_ERROR_USER: dlbridge_status = 1000;

/// Reports an error of the caller's own, so that whoever reads the status of his
/// function finds the sentence where those of this library are:
///
///   return dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "sigma must be positive");
///
/// status: the code that fits, or one of the caller's own.
/// sentence: borrowed; copied. NULL is an empty one. It may be that of
///   dlbridge_last_error().
/// Returns: the status; DLBRIDGE_ERROR_MEMORY if there is no memory for the
///   sentence, which happens only where more than 16 threads have one.
/// Threads: any; dlbridge_last_error() of this thread has the sentence.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_fail(
    status: dlbridge_status,
    sentence: *const c_char,
) -> dlbridge_status {
    let sentence = match sentence.is_null() {
        true => c"",
        // SAFETY: the pointer is as the header demands.
        false => unsafe { CStr::from_ptr(sentence) },
    };
    // SAFETY: the bytes are readable.
    match unsafe { sentence::keep(sentence.as_ptr().cast(), sentence.count_bytes()) } {
        Ok(()) => status,
        Err(_) => Status::Memory as i32,
    }
}

/// Runs the body of a C function: an error is remembered for the thread, and a
/// panic becomes an error.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> dlbridge_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => DLBRIDGE_OK,
        Ok(Err(error)) => report(&error),
        Err(panic) => {
            let what = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic");
            report(&Error::format(Status::Internal, format_args!("defect in dlbridge: {what}")))
        }
    }
}

fn report(error: &Error) -> dlbridge_status {
    let sentence = error.message();
    // SAFETY: the bytes are readable.
    match unsafe { sentence::keep(sentence.as_ptr(), sentence.len()) } {
        Ok(()) => error.status() as i32,
        Err(_) => Status::Memory as i32,
    }
}

/// As [`guard`], for functions that cannot fail.
pub(super) fn guard_infallible(body: impl FnOnce()) {
    let _ = guard(|| {
        body();
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: the text lives until the next failure on this thread.
        unsafe { CStr::from_ptr(dlbridge_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn panics_become_errors() {
        assert_eq!(last(), "");
        assert_eq!(guard(|| panic!("number {}", 7)), Status::Internal as i32);
        assert_eq!(last(), "defect in dlbridge: number 7");
        assert_eq!(guard(|| Ok(())), DLBRIDGE_OK);
        std::thread::spawn(|| assert_eq!(last(), "")).join().unwrap();
    }

    #[test]
    fn a_text_with_zero_bytes_is_kept() {
        guard(|| Err(Error::new(Status::Argument, "a\0b")));
        assert_eq!(last(), "ab");
    }
}
