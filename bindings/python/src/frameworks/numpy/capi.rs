//! NumPy's C API, loaded once.

use std::sync::atomic::{AtomicBool, Ordering};

use numpy::npyffi::PY_ARRAY_API;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::support::ask::Ask;
use crate::support::{errors, modules};

/// Whether NumPy's C API is loaded, so that making arrays runs no code of others.
pub fn is_loaded() -> bool {
    IS_LOADED.load(Ordering::Relaxed)
}

static IS_LOADED: AtomicBool = AtomicBool::new(false);

/// Loads NumPy's C API. What that may raise is raised here: inside it would be a panic.
#[inline]
pub fn load(py: Python<'_>) -> PyResult<()> {
    if is_loaded() { Ok(()) } else { load_first(py) }
}

#[cold]
pub fn load_first(py: Python<'_>) -> PyResult<()> {
    let version = modules::import(py, c"numpy")?.attribute(c"__version__")?;
    modules::import(py, c"numpy.lib")?.attribute(c"NumpyVersion")?.called([&version])?;
    let modules = [c"numpy._core.multiarray", c"numpy.core.multiarray"];
    let module = match errors::tolerate(py, modules::import(py, modules[0]))? {
        Some(module) => module,
        None => modules::import(py, modules[1])?,
    };
    module.attribute(c"_ARRAY_API")?;
    // SAFETY: may be called by attached threads. Finalisers that come back here would wait for
    // themselves.
    let was_on = unsafe { ffi::PyGC_Disable() } != 0;
    match is_being_imported(&module)? {
        // Another thread would wait for this one.
        true => find(py),
        // What the handler of a signal raises would be a panic; other threads run none.
        false => py.detach(|| {
            std::thread::scope(|scope| {
                let found = scope.spawn(|| Python::attach(find));
                found.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            });
        }),
    }
    if was_on {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    IS_LOADED.store(true, Ordering::Relaxed);
    Ok(())
}

fn find(py: Python<'_>) {
    // SAFETY: the thread is attached.
    unsafe { PY_ARRAY_API.PyArray_GetNDArrayCFeatureVersion(py) };
}

/// Whether NumPy is in the middle of its import.
fn is_being_imported(module: &Bound<'_, PyModule>) -> PyResult<bool> {
    let py = module.py();
    for module in [&modules::import(py, c"numpy")?, &modules::import(py, c"numpy.lib")?, module] {
        let spec = module.attribute(c"__spec__")?;
        if spec.getattr_opt("_initializing")?.is_some_and(|it| it.is_truthy().unwrap_or(true)) {
            return Ok(true);
        }
    }
    Ok(false)
}
