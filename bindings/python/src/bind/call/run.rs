//! The steps of a call.

use std::ffi::CString;

use pyo3::prelude::*;

use crate::bind::call::arguments::arrange;
use crate::bind::call::arrays::{ArrayStorage, Arrays, ExtentStorage};
use crate::bind::call::call_state::{CallState, CellStorage, ObjectStorage, ValueStorage};
use crate::bind::call::fill::fill;
use crate::bind::call::function::Function;
use crate::bind::signature::parsed::Outcome;
use crate::frameworks::torch;
use crate::support::arguments::Arguments;
use crate::support::ask::Ask;
use crate::support::modules;

impl Function {
    /// Makes a call, unless an argument is not what the signature says.
    #[inline(always)]
    pub fn enter<'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut objects = ObjectStorage::new();
        let objects = fill(&mut objects, self.signature.parameters.len(), || None);
        arrange(self, given, objects)?;
        let (mut arrays, mut extents) = (ArrayStorage::new(), ExtentStorage::new());
        let (mut values, mut cells) = (ValueStorage::new(), CellStorage::new());
        let names = self.signature.names.len();
        let arrays = Arrays::new((&mut arrays, self.plan.arrays.len()), (&mut extents, names));
        CallState::new(py, self, objects, (&mut values, &mut cells), &arrays).run()
    }
}

impl<'py> CallState<'_, 'py> {
    #[inline(always)]
    fn run(&mut self) -> PyResult<Bound<'py, PyAny>> {
        // First, since objects may run code to become numbers, and that may change arrays.
        self.read_numbers()?;
        self.read_arrays()?;
        if self.ran_foreign {
            self.look_again(false)?;
        }
        self.make_outputs()?;
        if self.ran_foreign {
            self.look_again(true)?;
        }
        self.fill_late()?;
        if self.ran_foreign {
            self.look_again(false)?;
        }
        // C may write to the descriptors that it gets.
        let checker = if self.plan.gives { Some(self.checker()?) } else { None };
        self.order()?;
        if self.has_torch || self.is_uncommon {
            self.warn_of_tracing()?;
        }
        // SAFETY: each parameter has got a value of its type; arrays, texts and cells stay until this
        // returns. That the C function has this signature is what the caller of `bind` said.
        let result = unsafe { self.function.call(self.py, self.values) };
        self.order_back()?;
        // An array of NumPy has no version.
        if self.has_torch || self.is_uncommon {
            self.mark_written()?;
        }
        self.function.check_status(self.py, &result)?;
        self.copy_back()?;
        match self.function.signature.result {
            Outcome::Void | Outcome::Status | Outcome::OwnStatus
                if self.plan.results.is_empty() =>
            {
                Ok(self.py.None().into_bound(self.py))
            }
            _ => self.results(&result, checker),
        }
    }

    /// `torch.jit.trace` would take what C gives for constants, as what NumPy gives.
    #[inline(never)]
    fn warn_of_tracing(&self) -> PyResult<()> {
        let given = self.has_torch
            || self.objects.iter().flatten().any(|object| torch::TENSOR.is_type_of(object));
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
