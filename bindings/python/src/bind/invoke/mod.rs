//! How machine code is called.

pub mod errno;
pub mod ffi_call;
pub mod registers;
pub mod value;
