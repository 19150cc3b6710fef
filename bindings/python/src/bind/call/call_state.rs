//! One call: its arguments on the way to C, and its results on the way back.

use std::ffi::CString;

use dlbridge::check::{Argument, Checker};
use dlbridge::{Device, TensorRef};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::call::array_plan::ArrayPlan;
use crate::bind::call::arrays::Arrays;
use crate::bind::call::errors::{Label, named};
use crate::bind::call::fill::fill;
use crate::bind::call::function::Function;
use crate::bind::call::original::Original;
use crate::bind::call::plan::CallPlan;
use crate::bind::call::pointer::Pointee;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::Parameter;
use crate::frameworks::framework::Framework;
use crate::frameworks::registry;
use crate::support::errors;
use crate::values::tensor::PyTensor;

/// The parameters that there is room for without an allocation.
const PARAMETERS: usize = 16;

/// The objects that the caller gave, in the order of C.
pub type Objects<'a, 'py> = [Option<&'a Bound<'py, PyAny>>];

/// Where those lie.
pub type ObjectStorage<'a, 'py> = SmallVec<[Option<&'a Bound<'py, PyAny>>; PARAMETERS]>;

/// Where the values of a call lie.
pub type ValueStorage = SmallVec<[CValue; PARAMETERS]>;
pub type CellStorage = SmallVec<[CValue; 2]>;

/// A call that is being prepared, made, and finished.
pub struct CallState<'a, 'py> {
    pub py: Python<'py>,
    pub function: &'a Function,
    pub plan: &'a CallPlan,
    pub objects: &'a Objects<'a, 'py>,
    pub arrays: &'a Arrays<'a>,
    /// One for each parameter: what C gets.
    pub values: &'a mut [CValue],
    /// Where C writes numbers and what it makes.
    pub cells: &'a mut [CValue],
    /// The first array that the caller gave.
    pub first: Option<&'a Bound<'py, PyAny>>,
    /// Where that is; the host if there is none.
    pub device: Device,
    pub is_on_host: bool,
    /// Whether one of the arrays is PyTorch's.
    pub has_torch: bool,
    /// Whether an array took a closer look: it may be one of a subclass of PyTorch's.
    pub is_uncommon: bool,
    /// Whether foreign code ran since the arrays were looked at: it may have changed them.
    pub ran_foreign: bool,
    /// The tensors that keep the memory of arrays, by the index of the array.
    pub held: Vec<(usize, Bound<'py, PyTensor>)>,
    /// The outputs that the caller did not give, and their parameters.
    pub made: SmallVec<[(usize, Bound<'py, PyAny>); 2]>,
    /// What is to be copied back from an array.
    pub copied: Vec<(&'a ArrayPlan, Original<'py>)>,
    /// The texts that C gets: it may write to them, and return parts of them.
    pub texts: SmallVec<[CString; 1]>,
    /// What keeps the memory that pointers point to.
    pub pointees: SmallVec<[Pointee; 2]>,
}

impl<'a, 'py> CallState<'a, 'py> {
    #[inline(always)]
    pub fn new(
        py: Python<'py>,
        function: &'a Function,
        objects: &'a Objects<'a, 'py>,
        (values, cells): (&'a mut ValueStorage, &'a mut CellStorage),
        arrays: &'a Arrays<'a>,
    ) -> Self {
        CallState {
            py,
            function,
            plan: &function.plan,
            objects,
            arrays,
            values: fill(values, objects.len(), CValue::unset),
            cells: fill(cells, function.plan.cells, CValue::default),
            first: None,
            device: Device::CPU,
            is_on_host: true,
            has_torch: false,
            is_uncommon: false,
            ran_foreign: false,
            held: Vec::new(),
            made: SmallVec::new(),
            copied: Vec::new(),
            texts: SmallVec::new(),
            pointees: SmallVec::new(),
        }
    }

    pub fn parameter(&self, index: usize) -> &'a Parameter {
        &self.function.signature.parameters[index]
    }

    /// The argument of an array, in error texts.
    pub fn argument(&self, plan: &ArrayPlan) -> Argument<'a> {
        let spec = self.parameter(plan.parameter).kind.spec().expect("a tensor");
        Argument { spec, position: self.plan.places[plan.parameter].position }
    }

    /// An error of a parameter, with the function and its name in front.
    #[cold]
    pub fn named(&self, index: usize, error: PyErr) -> PyErr {
        let label = Label(self.parameter(index), self.plan.places[index].position);
        named(self.py, self.function, &label, error)
    }

    /// The framework that the results are of.
    pub fn framework(&self) -> Option<&'static Framework> {
        self.function.like.or_else(|| registry::of(self.first?))
    }

    /// The tensor that keeps the memory of an array, where the caller's object does not.
    pub fn tensor(&self, index: usize) -> Option<&Bound<'py, PyTensor>> {
        self.held.iter().find(|(held, _)| *held == index).map(|(_, tensor)| tensor)
    }

    /// Lets `then` see an array, before the call.
    pub fn see<R>(&self, index: usize, then: impl FnOnce(&TensorRef<'_>) -> R) -> PyResult<R> {
        match self.tensor(index) {
            Some(tensor) => Ok(then(&tensor.get().core().view())),
            None => self.arrays.see(index, then),
        }
    }

    /// A checker that knows what the arguments say that were read so far: which argument gave an
    /// extent, and the dtypes.
    #[cold]
    pub fn checker(&self) -> PyResult<Checker<'a>> {
        let mut checker = Checker::new(&self.function.signature.names);
        for number in &self.plan.numbers {
            if let Some(name) = number.extent {
                let extent = number.scalar.as_extent(&self.values[number.parameter])?;
                checker.set_extent(name, extent).map_err(errors::argument)?;
            }
        }
        for plan in &self.plan.arrays {
            if self.arrays.is_there(plan.index) && self.objects[plan.parameter].is_some() {
                let argument = self.argument(plan);
                let checked = self.see(plan.index, |view| checker.check(argument, view))?;
                checked.map_err(errors::exchange)?;
            }
        }
        Ok(checker)
    }

    /// Says the extents that a checker found.
    pub fn set_extents(&self, checker: &Checker<'_>) {
        for name in 0..self.function.signature.names.len() {
            self.arrays.set_extent(name, checker.extent(name));
        }
    }
}
