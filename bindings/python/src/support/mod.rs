//! What all else stands on: errors, memory, Python objects that can fail to be made, values
//! that are made when they are first needed, and how arguments are read.

pub mod address;
mod allocator;
pub mod arguments;
pub mod ask;
pub mod cache;
pub mod errors;
pub mod exceptions;
pub mod fastcall;
pub mod flags;
pub mod frame;
pub mod function;
pub mod integers;
pub mod interpreter;
pub mod keep_alive;
pub mod lasting;
pub mod lazy;
pub mod lazy_type;
pub mod modules;
pub mod no_memory;
pub mod objects;
pub mod optional;
pub mod parameters;
pub mod sequence;
mod symbol;
pub mod vectorcall;

use pyo3::prelude::*;

/// The bytes that are in use of the memory which is kept for error texts. For tests.
#[pyfunction]
pub fn _reserve_in_use() -> objects::Address {
    objects::Address(allocator::in_use())
}
