//! What a call reads: the caller's arrays and numbers.

use std::ffi::c_void;
use std::ptr;

use dlbridge::abi::Flags;
use dlbridge::check::{Argument, Checker};
use dlbridge::{Device, Error, Status, TensorRef};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::bind::call::argument::{Came, is_still, read};
use crate::bind::call::array_plan::ArrayPlan;
use crate::bind::call::call_state::CallState;
use crate::bind::call::errors::{checked, exception, named};
use crate::bind::call::function::Function;
use crate::bind::call::original::Original;
use crate::bind::call::plan::NumberPlan;
use crate::bind::call::pointer::{self, Pointee};
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::Value;
use crate::bind::signature::scalar::Scalar;
use crate::engine::acquire::tensor_of;
use crate::engine::reader::{Library, Snapshot};
use crate::engine::record;
use crate::engine::record::Event;
use crate::frameworks::registry;
use crate::support::errors;
use crate::values::audit;
use crate::values::tensor::PyTensor;

impl<'a, 'py> CallState<'a, 'py> {
    /// Reads the arrays that the caller gave.
    #[inline(always)]
    pub fn read_arrays(&mut self) -> PyResult<()> {
        for plan in &self.plan.arrays {
            let Some(object) = self.objects[plan.parameter] else {
                self.values[plan.parameter].set(ptr::null_mut());
                continue;
            };
            match self.accept(plan, object) {
                Some(address) => self.values[plan.parameter].set(address),
                None => self.read_array(plan, object)?,
            }
        }
        Ok(())
    }

    /// Takes an array that is at once what the plan wants, and returns what C gets.
    #[inline(always)]
    fn accept(&mut self, plan: &ArrayPlan, object: &'a Bound<'py, PyAny>) -> Option<*mut c_void> {
        if !plan.is_whole || !self.is_on_host || audit::is_on() {
            return None;
        }
        let found = Snapshot::of(object)?;
        let address = self.arrays.accept(plan, &found)?;
        if self.first.is_none() {
            self.first = Some(object);
        }
        self.has_torch |= found.library == Library::PyTorch;
        Some(address)
    }

    /// Takes an array of any kind, or a copy of it, or says why not.
    #[cold]
    #[inline(never)]
    fn read_array(&mut self, plan: &'a ArrayPlan, object: &'a Bound<'py, PyAny>) -> PyResult<()> {
        let (py, function) = (self.py, self.function);
        let argument = self.argument(plan);
        // What C writes to must be the array itself.
        let copy = if plan.is_written { Some(false) } else { function.copy };
        let error = |error| named(py, function, &argument, error);
        (self.ran_foreign, self.is_uncommon) = (true, true);
        let mut checker = self.checker().map_err(error)?;
        let mut is_read = false;
        let found = read(object, copy, |found| {
            is_read = true;
            let view = found.view;
            let checked =
                check_access(view, plan.is_written).and_then(|()| checker.check(argument, view));
            let device = view.device();
            if let Err(wrong) = checked {
                let refused = Refused::new(function, &argument, wrong, object, view);
                return Ok((device, Some(refused)));
            }
            // Before code runs that may change the array.
            self.values[plan.parameter] = CValue::new(found.store(plan, self.arrays));
            self.held.extend(found.tensor.map(|tensor| (plan.index, tensor.clone())));
            record_read(function, object, view)?;
            Ok((device, None))
        });
        let (device, refused) = match found {
            Ok(found) => found,
            Err(wrong) if is_read => return Err(error(wrong)),
            Err(wrong) => {
                self.read_raw(plan, argument, object, wrong)?;
                return self.meet(object, Device::CPU, &argument);
            }
        };
        match refused {
            None => self.set_extents(&checker),
            Some(Refused::Curable(wrong)) => {
                let original = tensor_of(object, None, copy).map_err(error)?;
                self.read_copy(plan, argument, object, Original::Tensor(original), wrong)?;
            }
            Some(Refused::Wrong(error)) => return Err(error),
        }
        self.meet(object, device, &argument)
    }

    /// All memory must be where that of the first array is.
    fn meet(
        &mut self,
        object: &'a Bound<'py, PyAny>,
        device: Device,
        argument: &Argument<'_>,
    ) -> PyResult<()> {
        if self.first.is_none() {
            (self.first, self.device) = (Some(object), device);
            self.is_on_host = device.is_host_accessible();
        }
        let first = self.device;
        if first == device || (first.is_host_accessible() && device.is_host_accessible()) {
            return Ok(());
        }
        let text = format!("device is {device} and must be {first}, where the others are");
        Err(named(self.py, self.function, argument, errors::refused(text)))
    }

    /// Looks again where foreign code ran, that of other arguments or where outputs were made.
    /// What it changed is refused, or taken as it is now, if that may be and has the same dtype.
    #[inline(never)]
    pub fn look_again(&mut self, may_change: bool) -> PyResult<()> {
        self.ran_foreign = false;
        let (plan, arrays) = (self.plan, self.arrays);
        for plan in &plan.arrays {
            let Some(object) = self.objects[plan.parameter] else { continue };
            if !arrays.is_borrowed(plan.index) {
                continue;
            }
            let still = is_still(object, plan, arrays);
            if still.map_err(|error| self.named(plan.parameter, error))? {
                continue;
            }
            let before = arrays.dtype(plan.index);
            let again = if may_change { self.accept(plan, object) } else { None };
            match again.filter(|_| arrays.dtype(plan.index) == before) {
                Some(address) => self.values[plan.parameter].set(address),
                None => unchanged(false).map_err(|error| self.named(plan.parameter, error))?,
            }
        }
        for pointee in &self.pointees {
            if let Pointee::Array(parameter) = *pointee
                && let Some(object) = self.objects[parameter]
            {
                // SAFETY: the value of a pointer is one.
                let before = unsafe { self.values[parameter].get::<*mut c_void>() };
                let still = pointer::of_array(object) == Some(before);
                unchanged(still).map_err(|error| self.named(parameter, error))?;
            }
        }
        Ok(())
    }

    /// Reads the numbers that the caller gave.
    #[inline(always)]
    pub fn read_numbers(&mut self) -> PyResult<()> {
        for plan in &self.plan.numbers {
            let read = self.read_number(plan);
            read.map_err(|error| self.named(plan.parameter, error))?;
        }
        Ok(())
    }

    #[inline]
    fn read_number(&mut self, plan: &NumberPlan) -> PyResult<()> {
        let NumberPlan { parameter, scalar, .. } = *plan;
        self.values[parameter] = match (self.objects[parameter], &self.parameter(parameter).value) {
            (Some(object), _) if scalar == Scalar::Pointer => {
                self.read_pointer(parameter, object)?
            }
            (Some(object), _) if plan.is_character => character(scalar, object)?,
            (Some(object), _) => scalar.read(object)?,
            (None, Value::Default(literal)) => scalar.default(literal)?,
            (None, _) => CValue::default(),
        };
        if let Some(name) = plan.extent {
            let extent = scalar.as_extent(&self.values[parameter])?;
            if extent < 0 {
                // It is the first to say that extent.
                let mut checker = Checker::new(&self.function.signature.names);
                checker.set_extent(name, extent).map_err(errors::argument)?;
            }
            self.arrays.set_extent(name, Some(extent));
        }
        Ok(())
    }

    fn read_pointer(&mut self, parameter: usize, object: &Bound<'py, PyAny>) -> PyResult<CValue> {
        if let Some(address) = pointer::of_array(object) {
            self.pointees.push(Pointee::Array(parameter));
            self.has_torch |= registry::exactly(object).is_none_or(|it| it.name == "torch");
            return Ok(CValue::new(address));
        }
        let (value, pointee) = pointer::read(object)?;
        // Others are asked for their memory.
        self.ran_foreign |= !matches!(pointee, Pointee::Nothing);
        self.is_uncommon |= self.ran_foreign;
        self.pointees.push(pointee);
        Ok(value)
    }
}

fn unchanged(still: bool) -> PyResult<()> {
    match still {
        true => Ok(()),
        false => Err(errors::refused("changed while the other arguments were read")),
    }
}

/// A char of C: one character, one byte, or a number.
fn character(scalar: Scalar, object: &Bound<'_, PyAny>) -> PyResult<CValue> {
    if let Ok(text) = object.cast::<PyString>() {
        return pointer::character(object, text.to_string_lossy().as_bytes());
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return pointer::character(object, bytes.as_bytes());
    }
    scalar.read(object)
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
