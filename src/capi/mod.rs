//! The C ABI: thin functions over the Rust API, each guarded against panics.
//!
//! Their documentation is that of the C header. Safety, for all of them: the
//! pointers are as the header demands; each function checks them for NULL.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod argument;
mod sentence;

// In the order of the header; the blank lines keep it.
pub mod version;

pub mod status;

pub mod tensor;

pub mod validate;

pub mod check;

pub mod layout;

pub mod view;

pub mod copy;

pub mod dtype;

pub mod device;

pub mod array_interface;

pub mod cuda;
