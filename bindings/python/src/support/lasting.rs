//! What stays after the call that made it.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use crate::support::{allocator, errors};

/// A box for what stays.
pub fn boxed<T>(value: T) -> PyResult<Box<T>> {
    lasting(|| Ok(Box::new(value)))
}

/// What `make` makes, none of it on the reserve of the allocator: MemoryError instead. Else what
/// stays would use up the reserve, and the next sentence could not be written.
pub fn lasting<T>(make: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let before = allocator::taken();
    let made = make()?;
    match allocator::taken() == before {
        true => Ok(made),
        false => Err(errors::new::<PyMemoryError>("there is not enough memory")),
    }
}
