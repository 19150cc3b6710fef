//! What all else stands on: memory, and Python objects that can fail to be made.

mod allocator;
pub mod lasting;
pub mod objects;
pub mod parameters;

use pyo3::prelude::*;

/// The bytes that are in use of the memory which is kept for error texts. For tests.
#[pyfunction]
pub fn _reserve_in_use() -> objects::Address {
    objects::Address(allocator::in_use())
}
