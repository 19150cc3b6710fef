//! `capi.arg`: an argument type for those who stay with ctypes.

use dlbridge::abi::DLTensor;
use dlbridge::check::{Argument, Checker};
use dlbridge::spec::Names;
use dlbridge::{Error, TensorRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString};

use crate::bind::call::argument::{Came, Numbers, Slot};
use crate::bind::call::errors::{called, exception};
use crate::bind::call::inputs::check_access;
use crate::bind::call::usual::{Array, NAMES, Room};
use crate::bind::signature::advice;
use crate::bind::signature::parsed::{Kind, Mode, Parameter};
use crate::frameworks::torch;
use crate::support::lasting::lasting;
use crate::support::lazy_type::LazyType;
use crate::support::modules::imported;
use crate::support::objects::Ask;
use crate::support::{errors, modules, objects};

/// An entry of `argtypes`, whose `from_param` ctypes calls with what the caller gave.
#[pyclass(frozen, name = "ArgumentType", module = "dlbridge.capi")]
pub struct ArgumentType {
    text: String,
    parameter: Parameter,
    names: Names<'static>,
    /// What most arguments are, if C gets a descriptor.
    usual: Option<Array>,
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
        let room = Room::new();
        let usual = self.usual.as_ref().filter(|usual| room.take(usual, object).is_some());
        let argument = match usual {
            // SAFETY: the room has its shape and strides.
            Some(_) => unsafe { descriptor(object.py(), &room.tensor(0)) }.map(Bound::into_any)?,
            None => self.closer_look(object)?,
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
                let usual = Array::of(std::slice::from_ref(&parameter), 0)
                    .filter(|usual| !usual.is_bare && names.len() <= NAMES);
                Ok(ArgumentType { text: text.to_owned(), parameter, names, usual })
            }
            _ => Err(errors::new::<PyValueError>(format_args!(
                "{text:?} is no tensor that C gets; ctypes itself has the types of numbers, \
                 strings and pointers"
            ))),
        }
    }

    fn closer_look<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
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
        let mut numbers = Numbers::new();
        let mut slot = self.read(object, address, &mut numbers)?;
        let tensor = slot.tensor().cloned();
        let keep = tensor.as_ref().map_or(object, |tensor| tensor.as_any());
        match (&self.parameter.kind, address) {
            // The caller's own struct.
            (Kind::Tensor(_), Some(address)) => pointer(py, address, object),
            (Kind::Tensor(_), None) => {
                slot.fix(&mut numbers);
                // SAFETY: its shape and strides are among the numbers now.
                let copy = unsafe { descriptor(py, slot.descriptor()) }?;
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
            _ => pointer(py, slot.first() as usize, keep),
        }
    }

    fn read<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        address: Option<usize>,
        numbers: &mut Numbers,
    ) -> PyResult<Slot<'py>> {
        let mut slot = Slot::empty();
        let read = match address {
            Some(address) => {
                // SAFETY: the caller says that a DLTensor is there.
                let descriptor = unsafe { &*(address as *const DLTensor) };
                slot.read_descriptor(descriptor, numbers)
            }
            None => slot.read(object, Some(false), numbers),
        };
        read.map_err(|error| called("it", error, object.py()))?;
        slot.see(numbers, |view| self.check(object, view))??;
        Ok(slot)
    }

    fn check(&self, object: &Bound<'_, PyAny>, view: &TensorRef<'_>) -> PyResult<()> {
        let spec = self.parameter.kind.spec().expect("checked by new");
        let argument = Argument { spec, position: None };
        let checked = check_access(view, self.parameter.is_written())
            .and_then(|()| Checker::new(&self.names).check(argument, view));
        checked.map_err(|wrong| {
            let (wanted, came) = (&self.parameter.text, Came(object, view));
            let text = format!("{}; wanted {wanted}, came {came}", wrong.message());
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
