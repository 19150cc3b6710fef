//! Arguments of C functions: checked for NULL, then read.

use std::ffi::{CStr, c_char};
use std::fmt::{Display, Write};
use std::mem::ManuallyDrop;

use crate::abi::{DLManagedTensorVersioned, DLTensor, Flags, MAX_NDIM};
use crate::error::{Result, fail};
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;
use crate::text::{Text, length};

/// An output that can be written to, after everything that can fail.
pub(super) struct Output<T>(*mut T);

impl<T> Output<T> {
    /// # Safety
    /// `pointer` is NULL or can be written to.
    pub unsafe fn new(pointer: *mut T, name: &str) -> Result<Self> {
        match pointer.is_null() {
            true => fail!(Null, "{name} is NULL; it must point to where the result goes"),
            false => Ok(Output(pointer)),
        }
    }

    pub fn set(self, value: T) -> Result<()> {
        // SAFETY: not NULL, and writable as promised to `new`.
        unsafe { self.0.write(value) };
        Ok(())
    }
}

/// # Safety
/// `pointer` is NULL or points to a `T` that stays as it is for `'a`.
pub(super) unsafe fn input<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    match unsafe { pointer.as_ref() } {
        Some(value) => Ok(value),
        None => fail!(Null, "{name} is NULL; it must not be"),
    }
}

/// # Safety
/// `pointer` is NULL or points to `count` values that stay as they are for `'a`.
pub(super) unsafe fn list<'a, T>(pointer: *const T, count: i32, name: &str) -> Result<&'a [T]> {
    let Some(length) = usize::try_from(count).ok().filter(|length| *length <= MAX_NDIM) else {
        fail!(Ndim, "the number of entries of {name} is {count}; it must be 0 to {MAX_NDIM}");
    };
    match (length, pointer.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => fail!(Null, "{name} is NULL; it must point to {length} entries"),
        // SAFETY: the caller's promise.
        _ => Ok(unsafe { std::slice::from_raw_parts(pointer, length) }),
    }
}

/// # Safety
/// `pointer` is NULL or points to a text that ends with a zero byte.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        fail!(Null, "{name} is NULL; it must be a text");
    }
    // SAFETY: the caller's promise.
    match unsafe { CStr::from_ptr(pointer) }.to_str() {
        Ok(text) => Ok(text),
        Err(_) => fail!(Argument, "{name} is not UTF-8; it must be"),
    }
}

/// The bytes of a text on the stack.
const USUAL_TEXT: usize = 160;

/// Writes a text and a zero byte, without an allocation.
///
/// # Safety
/// `buffer` is NULL or has room for `size` bytes.
pub(super) unsafe fn fill(buffer: *mut c_char, size: usize, text: &impl Display) -> Result<()> {
    /// The next byte to write to.
    struct Place(*mut c_char);
    impl Write for Place {
        fn write_str(&mut self, part: &str) -> std::fmt::Result {
            // SAFETY: all parts together have room, as was seen before.
            unsafe {
                self.0.copy_from_nonoverlapping(part.as_ptr().cast(), part.len());
                self.0 = self.0.add(part.len());
            }
            Ok(())
        }
    }
    // Nearly all are short: then they are written once.
    let mut short = Text::<USUAL_TEXT>::default();
    if write!(short, "{text}").is_ok() && !buffer.is_null() && size > short.len() {
        // SAFETY: the buffer has room for the text and the zero byte.
        unsafe {
            buffer.copy_from_nonoverlapping(short.as_ptr().cast(), short.len());
            buffer.add(short.len()).write(0);
        }
        return Ok(());
    }
    let needed = length(text) + 1;
    if buffer.is_null() {
        fail!(Null, "buffer is NULL; it must have room for {needed} bytes");
    }
    if size < needed {
        fail!(Argument, "size is {size}; it must be at least {needed} for \"{text}\"");
    }
    let mut place = Place(buffer);
    // It takes everything.
    let _ = write!(place, "{text}");
    // SAFETY: there is room for the zero byte.
    unsafe { place.0.write(0) };
    Ok(())
}

/// # Safety
/// As [`input`] and [`TensorRef::new`].
pub(super) unsafe fn tensor<'a>(pointer: *const DLTensor, name: &str) -> Result<TensorRef<'a>> {
    // SAFETY: the caller's promise.
    unsafe { TensorRef::new(input(pointer, name)?, Flags::empty()) }
}

/// A tensor made here, which the caller goes on owning.
///
/// # Safety
/// As [`Tensor::from_raw`].
pub(super) unsafe fn own(pointer: *const DLManagedTensorVersioned) -> Result<ManuallyDrop<Tensor>> {
    // SAFETY: the caller's promise; nothing is written through the pointer but
    // atomically.
    unsafe { Tensor::from_raw(pointer.cast_mut()) }.map(ManuallyDrop::new)
}

pub(super) fn flags(bits: u64) -> Flags {
    Flags::from_bits_retain(bits)
}
