//! The Python extension module of dlbridge: Python objects to and from DLPack,
//! on the Rust core. What the names do is in `python/dlbridge/_dlbridge.pyi`.
//!
//! The floors, from the ground up; a file imports only from floors below its own:
//!
//! - `support`: errors, Python objects that can fail to be made, arguments of functions
//! - `values`: what Python sees, as plain data
//! - `protocols`: each protocol by itself
//! - `frameworks`: each framework by itself
//! - `engine`: any object to a tensor, a tensor to any framework
//! - `api`: the functions of the module, the methods of `Tensor`
//! - `bind`: C functions that take arrays
//!
//! `docs/architecture.md` has the plan, and where to look for what.

mod api;
mod bind;
mod engine;
mod frameworks;
mod protocols;
mod support;
mod values;

use pyo3::prelude::*;

// Reading a NumPy array's fields needs the GIL: nothing else keeps them still.
#[pymodule(gil_used = true)]
mod _dlbridge {
    use pyo3::prelude::*;

    use crate::api::{asarray, convert, empty, from_dlpack, pickle, plan, tensor_calls};
    use crate::bind;
    use crate::frameworks::dlpack_adapter::DLPackAdapter;
    #[pymodule_export]
    use crate::frameworks::torch::_torch_fast_path;
    use crate::support::{errors, exceptions, function, interpreter, optional, vectorcall};
    #[pymodule_export]
    use crate::{
        api::plan::Plan, bind::ArgumentType, frameworks::registry::_catalogue,
        frameworks::registry::frameworks, support::_reserve_in_use, values::audit::Audit,
        values::audit::Exchange, values::audit::audit, values::device::PyDevice,
        values::dtype::PyDType, values::tensor::PyTensor,
    };

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        // PyO3 looks once whether there is an interpreter, and while that ends finds none.
        py.detach(|| Python::attach(|_| ()));
        interpreter::check(py)?;
        prepare(py);
        optional::prepare();
        vectorcall::prepare();
        exceptions::add(module)?;
        tensor_calls::add(py)?;
        function::add::<asarray::Asarray>(module)?;
        function::add::<bind::Bind>(module)?;
        function::add::<from_dlpack::FromDlpack>(module)?;
        function::add::<from_dlpack::FromManaged>(module)?;
        function::add::<convert::Convert>(module)?;
        function::add::<empty::Empty>(module)?;
        function::add::<pickle::Rebuild>(module)?;
        function::add::<plan::PlanFunction>(module)?;
        interpreter::watch_end(py)
    }

    /// Makes the types that PyO3 else makes when they are needed first, and panics if it cannot:
    /// its own for panics, which each exception is compared with, and those that no module has.
    fn prepare(py: Python<'_>) {
        drop(errors::out_of_memory(py));
        py.get_type::<bind::Function>();
        py.get_type::<DLPackAdapter>();
    }
}
