//! What a call reads: the caller's arrays and numbers.

use dlbridge::abi::Flags;
use dlbridge::check::Argument;
use dlbridge::{Device, Error, Status, TensorRef};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::bind::call::argument::{Came, Slot};
use crate::bind::call::call_state::CallState;
use crate::bind::call::errors::{Label, checked, exception, named};
use crate::bind::call::function::Function;
use crate::bind::call::original::Original;
use crate::bind::call::pointer;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Kind, Value};
use crate::bind::signature::scalar::Scalar;
use crate::engine::acquire::tensor_of;
use crate::engine::record;
use crate::engine::record::Event;
use crate::frameworks::registry;
use crate::support::errors;
use crate::values::tensor::PyTensor;

impl<'a, 'py> CallState<'a, 'py> {
    /// Reads the tensors at these places that the caller gave.
    pub fn read(&mut self, places: &[usize]) -> PyResult<()> {
        for &place in places {
            if let Some(object) = self.objects[place] {
                self.read_tensor(place, object)?;
            }
        }
        Ok(())
    }

    fn read_tensor(&mut self, place: usize, object: &'a Bound<'py, PyAny>) -> PyResult<()> {
        let (py, function) = (self.py, self.function);
        let argument = self.argument(place);
        let writes = self.parameter(place).is_written();
        // What C writes to must be the array itself.
        let copy = if writes { Some(false) } else { function.copy };
        let error = |error| named(py, function, &argument, error);
        self.slots.push((place, Slot::empty()));
        let (_, slot) = self.slots.last_mut().expect("just pushed");
        if let Err(wrong) = slot.read(object, copy, &mut self.numbers) {
            self.read_raw(place, argument, object, wrong)?;
            return self.meet(object, Device::CPU, &argument);
        }
        let mut refused = None;
        let seen = slot.see(&self.numbers, |view| {
            let checked =
                check_access(view, writes).and_then(|()| self.checker.check(argument, view));
            match checked {
                Ok(()) => record_read(function, object, view),
                Err(wrong) => {
                    refused = Some(Refused::new(function, &argument, wrong, object, view));
                    Ok(())
                }
            }
        });
        let device = slot.device();
        seen.map_err(error)??;
        match refused {
            None => {}
            Some(Refused::Curable(wrong)) => {
                let original = tensor_of(object, None, copy).map_err(error)?;
                self.read_copy(place, argument, object, Original::Tensor(original), wrong)?;
            }
            Some(Refused::Wrong(error)) => return Err(error),
        }
        self.meet(object, device, &argument)
    }

    fn argument(&self, place: usize) -> Argument<'a> {
        let spec = self.parameter(place).kind.spec().expect("a tensor");
        Argument { spec, position: self.function.places[place].position }
    }

    /// All memory must be where that of the first array is.
    fn meet(
        &mut self,
        object: &'a Bound<'py, PyAny>,
        device: Device,
        argument: &Argument<'_>,
    ) -> PyResult<()> {
        let Some((_, first)) = self.first else {
            self.first = Some((object, device));
            return Ok(());
        };
        if first == device || (first.is_host_accessible() && device.is_host_accessible()) {
            return Ok(());
        }
        let text = format!("device is {device} and must be {first}, where the others are");
        Err(named(self.py, self.function, argument, errors::refused(text)))
    }

    /// Reads the numbers that the caller gave.
    pub fn read_scalars(&mut self) -> PyResult<()> {
        for &place in &self.function.order.scalars {
            let parameter = self.parameter(place);
            let position = self.function.places[place].position;
            self.read_scalar(place).map_err(|error| {
                named(self.py, self.function, &Label(parameter, position), error)
            })?;
        }
        Ok(())
    }

    fn read_scalar(&mut self, place: usize) -> PyResult<()> {
        let Kind::Scalar(scalar) = self.parameter(place).kind else {
            return Ok(());
        };
        self.words[place] = match (self.objects[place], &self.parameter(place).value) {
            (Some(object), _) => self.read_number(place, scalar, object)?,
            (None, Value::Default(literal)) => scalar.default(literal)?,
            (None, _) => return Ok(()),
        };
        if let Some(extent) = self.function.places[place].extent {
            let value = scalar.as_extent(&self.words[place])?;
            self.checker.set_extent(extent, value).map_err(errors::argument)?;
        }
        Ok(())
    }
}

impl<'a, 'py> CallState<'a, 'py> {
    fn read_number(
        &mut self,
        place: usize,
        scalar: Scalar,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<CValue> {
        if scalar == Scalar::Pointer {
            let (word, pointee) = pointer::read(object)?;
            self.pointees.push(pointee);
            return Ok(word);
        }
        if self.parameter(place).is_character() {
            if let Ok(text) = object.cast::<PyString>() {
                return pointer::character(object, text.to_string_lossy().as_bytes());
            }
            if let Ok(bytes) = object.cast::<PyBytes>() {
                return pointer::character(object, bytes.as_bytes());
            }
        }
        scalar.read(object)
    }
}

/// Why an array is not passed as it is.
enum Refused {
    /// A copy would do, and may be made.
    Curable(Error),
    Wrong(PyErr),
}

impl Refused {
    #[cold]
    fn new(
        function: &Function,
        argument: &Argument<'_>,
        wrong: Error,
        object: &Bound<'_, PyAny>,
        view: &TensorRef<'_>,
    ) -> Refused {
        let curable = is_curable(&wrong);
        if curable && function.copy.is_none() {
            return Refused::Curable(wrong);
        }
        let error = checked(function, argument, wrong, &Came(object, view));
        let hint = if curable { "; with copy=None, bind makes a copy" } else { "" };
        let text = format!("{}{hint}", error.message());
        Refused::Wrong(exception(Error::new(error.status(), text)))
    }
}

/// Tells the audit of an array that is passed as it came, which may be as a copy.
fn record_read(
    function: &Function,
    object: &Bound<'_, PyAny>,
    view: &TensorRef<'_>,
) -> PyResult<()> {
    let is_copied = view.flags().contains(Flags::IS_COPIED) && !object.is_instance_of::<PyTensor>();
    record(function, object, view, i64::from(is_copied), if is_copied { COPIED } else { "" })
}

/// What the audit says of arrays that came as a copy.
const COPIED: &str = "there is no other way to have it";

/// Tells the audit of an array that is passed, and of its copies.
pub fn record(
    function: &Function,
    object: &Bound<'_, PyAny>,
    view: &TensorRef<'_>,
    copies: i64,
    reason: &str,
) -> PyResult<()> {
    record::record(object.py(), || {
        Ok(Event {
            source: registry::source_name(object),
            target: Some(&function.name),
            copies,
            reason,
            bytes: view.layout().bytes(),
            protocol: "bind",
        })
    })
}

pub const READ_ONLY: &str = "it is read-only and must be writable, for C writes to it";
pub const OVERLAP: &str = "two of its indices may reach one element, so that what C writes to one \
                           would change another: pass a copy of it, or what it is a view of";

/// Whether C can use memory as it will: a descriptor has no flags.
pub fn check_access(view: &TensorRef<'_>, writes: bool) -> dlbridge::Result<()> {
    if writes && view.is_read_only() {
        return Err(Error::new(Status::ReadOnly, READ_ONLY));
    }
    if writes && !view.layout().is_injective() {
        // A copy could not be written back either.
        return Err(Error::new(Status::Overlap, OVERLAP));
    }
    if view.flags().contains(Flags::IS_SUBBYTE_TYPE_PADDED) {
        let text = "its elements are padded to whole bytes, which a DLTensor cannot say";
        return Err(Error::new(Status::Dtype, text));
    }
    Ok(())
}

/// Whether a copy would be right.
fn is_curable(wrong: &Error) -> bool {
    matches!(wrong.status(), Status::Layout | Status::Alignment)
}
