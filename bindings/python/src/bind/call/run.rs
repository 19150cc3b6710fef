//! The steps of a call.

use std::ffi::CString;

use pyo3::prelude::*;

use crate::bind::call::arguments::arrange;
use crate::bind::call::call_state::CallState;
use crate::bind::call::function::Function;
use crate::bind::invoke::value::CValue;
use crate::frameworks::torch;
use crate::support::arguments::Arguments;
use crate::support::modules;
use crate::support::objects::Ask;

impl Function {
    #[inline(always)]
    pub fn enter<'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(quick) = self.quick.as_ref().filter(|_| given.names.is_none())
            && let Some(result) = quick.call(py, self, given.positional)
        {
            return result;
        }
        self.call_carefully(py, given)
    }

    #[inline(never)]
    fn call_carefully<'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut frame = CallState::new(py, self);
        arrange(py, self, given, &mut frame.objects)?;
        frame.run()
    }
}

impl<'a, 'py> CallState<'a, 'py> {
    /// Makes the call, unless an argument is not what the signature says.
    pub fn run(&mut self) -> PyResult<Bound<'py, PyAny>> {
        // Here, since what is made elsewhere would be copied to its place.
        self.words.resize(self.function.signature.parameters.len(), CValue::default());
        self.cells.resize(self.function.cells, CValue::default());
        // First, since objects may run code to become numbers, and that may change arrays.
        self.read_scalars()?;
        self.read(&self.function.order.inputs)?;
        self.read(&self.function.order.outputs)?;
        self.make_outputs()?;
        self.fill_words()?;
        self.order()?;
        self.warn_of_tracing()?;
        // SAFETY: all words are filled. That the C function has this signature is what the
        // caller of `bind` said.
        let result = unsafe { self.function.call(self.py, &mut self.words) };
        self.order_back()?;
        self.mark_written()?;
        self.function.check_status(self.py, &result)?;
        self.copy_back()?;
        self.results(&result)
    }

    /// `torch.jit.trace` would take what C gives for constants, as what NumPy gives.
    fn warn_of_tracing(&self) -> PyResult<()> {
        let given = self.objects.iter().flatten().any(|object| torch::TENSOR.is_type_of(object));
        if !given || !torch::is_tracing(self.py)? {
            return Ok(());
        }
        let class = modules::import(self.py, c"torch.jit")?.attribute(c"TracerWarning")?;
        let text = format!(
            "{}() is C code, which torch.jit.trace does not record: what it returns, and what it writes \
             to, are constants in the trace",
            self.function.name
        );
        PyErr::warn(self.py, &class, &CString::new(text)?, 1)
    }
}
