//! `capi.arg`: an argument type for those who stay with ctypes.

use std::ffi::c_void;

use dlbridge::abi::DLTensor;
use dlbridge::check::{Argument, Checker};
use dlbridge::spec::Names;
use dlbridge::{Error, TensorRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString};

use crate::bind::call::argument::{Came, Found, read, read_descriptor};
use crate::bind::call::array_plan::ArrayPlan;
use crate::bind::call::arrays::{ArrayStorage, Arrays, ExtentStorage};
use crate::bind::call::errors::{called, exception};
use crate::bind::call::inputs::check_access;
use crate::bind::signature::advice;
use crate::bind::signature::parsed::{Kind, Mode, Parameter};
use crate::engine::reader::{Library, Snapshot};
use crate::frameworks::torch;
use crate::support::ask::Ask;
use crate::support::lasting::lasting;
use crate::support::lazy_type::LazyType;
use crate::support::modules::imported;
use crate::support::{errors, modules, objects};
use crate::values::tensor::PyTensor;

/// An entry of `argtypes`, whose `from_param` ctypes calls with what the caller gave.
#[pyclass(frozen, name = "ArgumentType", module = "dlbridge.capi")]
pub struct ArgumentType {
    text: String,
    parameter: Parameter,
    names: Names<'static>,
    plan: ArrayPlan,
}

#[pymethods]
impl ArgumentType {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        lasting(|| ArgumentType::parse(text))
    }

    /// What ctypes passes to C for an object.
    #[expect(clippy::wrong_self_convention, reason = "the name is that of ctypes")]
    fn from_param<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (mut arrays, mut extents) = (ArrayStorage::new(), ExtentStorage::new());
        let arrays = Arrays::new((&mut arrays, 1), (&mut extents, self.names.len()));
        let argument = match self.accept(object, &arrays) {
            // SAFETY: its shape and strides are among the arrays.
            Some(accepted) => unsafe { descriptor(object.py(), &accepted) }.map(Bound::into_any)?,
            None => self.closer_look(object, &arrays)?,
        };
        if self.parameter.is_written() {
            // ctypes does not say when C has returned.
            torch::mark_written(object)?;
        }
        Ok(argument)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        objects::display(py, format_args!("dlbridge.capi.arg({:?})", self.text))
    }
}

impl ArgumentType {
    fn parse(text: &str) -> PyResult<Self> {
        let (parameter, names) = Parameter::parse(text)
            .map_err(|error| errors::argument(advice::of_parameter(text, error)))?;
        match (&parameter.kind, parameter.mode) {
            (Kind::Tensor(_) | Kind::Elements(_), Mode::In | Mode::Out | Mode::InOut) => {
                let plan = ArrayPlan::of(std::slice::from_ref(&parameter), 0).expect("a tensor");
                Ok(ArgumentType { text: text.to_owned(), parameter, names, plan })
            }
            _ => Err(errors::new::<PyValueError>(format_args!(
                "{text:?} is no tensor that C gets; ctypes itself has the types of numbers, \
                 strings and pointers"
            ))),
        }
    }

    /// The descriptor of an array that is at once what it must be.
    fn accept(&self, object: &Bound<'_, PyAny>, arrays: &Arrays) -> Option<DLTensor> {
        if !self.plan.is_whole || self.plan.is_bare {
            return None;
        }
        arrays
            .accept(&self.plan, &Snapshot::of(object).filter(|it| it.library != Library::Own)?)?;
        arrays.descriptor(0)
    }

    #[cold]
    fn closer_look<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        arrays: &Arrays,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = object.py();
        let address = descriptor_address(object)?;
        if object.is_none() || address == Some(0) {
            return match self.parameter.optional {
                true => Ok(py.None().into_bound(py)),
                false => Err(errors::new::<PyTypeError>(format_args!(
                    "{} was given and must be {}; with \"optional\" in front it is NULL",
                    errors::short_repr(object)?,
                    self.parameter.text
                ))),
            };
        }
        let (for_c, tensor) = self.read(object, address, arrays)?;
        let keep = tensor.as_ref().map_or(object, |tensor| tensor.as_any());
        match (&self.parameter.kind, address) {
            // The caller's own struct.
            (Kind::Tensor(_), Some(address)) => pointer(py, address, object),
            (Kind::Tensor(_), None) => {
                let stored = arrays.descriptor(0).expect("just read");
                // SAFETY: its shape and strides are among the arrays.
                let copy = unsafe { descriptor(py, &stored) }?;
                match &tensor {
                    // ctypes keeps the bytes, but they do not keep the tensor.
                    Some(tensor) => {
                        let both = [copy.clone().into_any(), tensor.clone().into_any()];
                        let both = objects::tuple(py, both)?;
                        pointer(py, copy.as_bytes().as_ptr() as usize, both.as_any())
                    }
                    None => Ok(copy.into_any()),
                }
            }
            _ => pointer(py, for_c as usize, keep),
        }
    }

    /// What C gets of an array of any kind, and what keeps its memory if the object does not.
    fn read<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        address: Option<usize>,
        arrays: &Arrays,
    ) -> PyResult<(*mut c_void, Option<Bound<'py, PyTensor>>)> {
        let mut is_read = false;
        let then = |found: Found<'_, 'py>| {
            is_read = true;
            self.check(object, found.view)?;
            Ok((found.store(&self.plan, arrays), found.tensor.cloned()))
        };
        let read = match address {
            // SAFETY: the caller says that a DLTensor is there, with shape and strides of its own.
            Some(address) => unsafe { read_descriptor(&*(address as *const DLTensor), then) },
            None => read(object, Some(false), then),
        };
        read.map_err(|error| if is_read { error } else { called("it", error, object.py()) })
    }

    fn check(&self, object: &Bound<'_, PyAny>, view: &TensorRef<'_>) -> PyResult<()> {
        let spec = self.parameter.kind.spec().expect("checked by new");
        let argument = Argument { spec, position: None };
        let checked = check_access(view, self.parameter.is_written())
            .and_then(|()| Checker::new(&self.names).check(argument, view));
        checked.map_err(|wrong| {
            let (wanted, came) = (&self.parameter.text, Came(object, view));
            let text = format!("expected {wanted}, got {came}: {}", wrong.message());
            exception(Error::new(wrong.status(), text))
        })
    }
}

/// The address of a `DLTensor` of ctypes, or of what a pointer to one points to.
fn descriptor_address(object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    static TYPES: [LazyType; 3] = [
        LazyType::new("dlbridge.capi.structs", "DLTensor"),
        LazyType::new("dlbridge.capi.arguments", "_POINTER"),
        LazyType::new("dlbridge.capi.arguments", "_BYREF"),
    ];
    if !TYPES.iter().any(|class| class.is_type_of(object)) {
        return Ok(None);
    }
    let arguments = modules::import(object.py(), c"dlbridge.capi.arguments")?;
    arguments.attribute(c"_address_of")?.called([object])?.extract().map(Some)
}

/// A descriptor with its shape and strides behind it, in the memory of a bytes object:
/// ctypes passes that, and keeps the object during the call.
///
/// # Safety
/// The tensor has as many extents and strides as it says.
unsafe fn descriptor<'py>(py: Python<'py>, tensor: &DLTensor) -> PyResult<Bound<'py, PyBytes>> {
    let ndim = tensor.ndim as usize;
    let size = size_of::<DLTensor>() + 2 * ndim * size_of::<i64>();
    PyBytes::new_with(py, size, |memory| {
        let start = memory.as_mut_ptr().cast::<DLTensor>();
        assert!(start.is_aligned(), "bytes of CPython are aligned like its objects");
        // SAFETY: there is room for both, aligned, and the caller's promise.
        unsafe {
            let shape = start.add(1).cast::<i64>();
            let strides = shape.add(ndim);
            shape.copy_from_nonoverlapping(tensor.shape, ndim);
            strides.copy_from_nonoverlapping(tensor.strides, ndim);
            start.write(DLTensor { shape, strides, ..*tensor });
        }
        Ok(())
    })
}

/// A pointer of ctypes that keeps an object alive.
fn pointer<'py>(
    py: Python<'py>,
    address: usize,
    keep: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = imported(py, &CLASS, c"dlbridge.capi.arguments", c"KeepingPointer")?;
    class.called([&objects::address(py, address)?.into_any(), keep])
}
