//! What is made or looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What is in the cell, or is made for it. `make` may run arbitrary Python (imports, finalisers,
/// other threads) that re-enters this function, so it runs outside the lock.
#[inline(always)]
pub fn once<'a, T>(
    py: Python<'_>,
    cell: &'a PyOnceLock<T>,
    make: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'a T> {
    match cell.get(py) {
        Some(made) => Ok(made),
        None => fill(py, cell, make),
    }
}

#[cold]
#[inline(never)]
fn fill<'a, T>(
    py: Python<'_>,
    cell: &'a PyOnceLock<T>,
    make: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'a T> {
    let made = make()?;
    Ok(cell.get_or_init(py, || made))
}
