//! The Python extension module of dlbridge.
use pyo3::prelude::*;

#[pymodule]
mod _dlbridge {
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
