//! The Python extension module of dlbridge: Python objects to and from DLPack,
//! on the Rust core. What the names do is in `python/dlbridge/_dlbridge.pyi`.

mod address;
mod array_interface;
mod array_method;
mod array_struct;
mod asarray;
mod audit;
mod bind;
mod buffer;
mod capsule;
mod consumer;
mod convert;
mod cuda_array_interface;
mod device;
mod direct;
mod display;
mod dlpack_method;
mod dtype;
mod element;
mod empty;
mod errors;
mod exceptions;
mod exchange;
mod failure;
mod flag;
mod framework;
mod function;
mod index;
mod integers;
mod interpreter;
mod loaded;
mod namespace;
mod numpy;
mod object;
mod once;
mod owner;
mod pickle;
mod plan;
mod producer;
mod raw_array;
mod seen;
mod shown;
mod stream;
mod support;
mod tensor;
mod tensor_calls;
mod tensor_methods;
mod torch;
mod transfer;
mod vectorcall;

use pyo3::prelude::*;

// Reading a NumPy array's fields needs the GIL: nothing else keeps them still.
#[pymodule(gil_used = true)]
mod _dlbridge {
    use super::*;

    #[pymodule_export]
    use crate::{
        audit::Audit, audit::Exchange, audit::audit, bind::ArgumentType, device::PyDevice,
        dtype::PyDType, framework::frameworks, plan::Plan, support::_reserve_in_use,
        tensor::PyTensor,
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
        exceptions::add(module)?;
        tensor_calls::add(py)?;
        function::add::<asarray::Asarray>(module)?;
        function::add::<bind::Bind>(module)?;
        function::add::<consumer::FromDlpack>(module)?;
        function::add::<consumer::FromManaged>(module)?;
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
        py.get_type::<crate::bind::Function>();
        py.get_type::<crate::framework::Carrier>();
    }
}
