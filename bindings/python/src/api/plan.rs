//! `plan`: what `convert` would do.

use dlbridge::{Device, Tensor};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use crate::engine::acquire::tensor_of;
use crate::engine::deliver::is_one;
use crate::engine::namespace::Namespace;
use crate::engine::{described, namespace};
use crate::frameworks::compatibility::Request;
use crate::frameworks::framework::Framework;
use crate::frameworks::{compatibility, registry};
use crate::support::arguments::Arguments;
use crate::support::function::Function;
use crate::support::lasting::lasting;
use crate::support::objects::{Int, Text};
use crate::support::parameters::Parameters;
use crate::support::{errors, exceptions, flags};
use crate::values::device;
use crate::values::tensor::PyTensor;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Shares,
    Copies,
    Refuses,
}

/// What `convert` would do: share the memory, copy it (which it does only if
/// `copy` allows that), or refuse.
#[pyclass(frozen, name = "Plan", module = "dlbridge")]
pub struct Plan {
    answer: Answer,
    bytes: i64,
    reason: String,
    protocol: &'static str,
    source: String,
    target: String,
}

#[pymethods]
impl Plan {
    /// The bytes of the elements, as often as they would be copied: those that are
    /// copied, or shared. 0 if it would be refused.
    #[getter]
    fn bytes(&self) -> Int {
        Int(self.bytes)
    }

    /// Why it would not be shared; why it can be, in few words.
    #[getter]
    fn reason(&self) -> Text<&str> {
        Text(&self.reason)
    }

    /// The way by which the framework would be given the memory.
    #[getter]
    fn protocol(&self) -> Text<&str> {
        Text(self.protocol)
    }

    /// The framework of the array, or its type.
    #[getter]
    fn source(&self) -> Text<&str> {
        Text(&self.source)
    }

    /// The framework that it would be given to.
    #[getter]
    fn target(&self) -> Text<&str> {
        Text(&self.target)
    }

    /// Whether the result would be on the same memory.
    #[getter]
    fn shares(&self) -> bool {
        self.answer == Answer::Shares
    }

    /// Whether it takes a copy: copy=False refuses that, copy=None makes it.
    #[getter]
    fn copies(&self) -> bool {
        self.answer == Answer::Copies
    }

    /// Whether not even a copy helps.
    #[getter]
    fn refuses(&self) -> bool {
        self.answer == Answer::Refuses
    }

    fn __repr__(&self) -> Text<String> {
        let Plan { source, target, reason, protocol, .. } = self;
        let bytes = errors::counted(self.bytes, "byte");
        Text(match self.answer {
            Answer::Shares => {
                format!("Plan({source} -> {target}: shares {bytes} by {protocol})")
            }
            Answer::Copies => {
                format!("Plan({source} -> {target}: copies {bytes} by {protocol}, since {reason})")
            }
            Answer::Refuses => format!("Plan({source} -> {target}: refuses, since {reason})"),
        })
    }
}

/// `plan`.
pub struct PlanFunction;

impl Function for PlanFunction {
    type Own = PyModule;

    const NAME: &'static str = "plan";
    const SIGNATURE: &'static str = "(obj, to, *, device=None, allow_writable_alias=False)";
    const DOCUMENTATION: &'static str = "\
What `convert` would do with these arguments. Nothing is moved, copied or
imported for the answer. But tinygrad alone knows whether it has a device that
works: it is imported, unless the environment says DEV=PYTHON, and given a byte.
What gives out copies alone gives one, and another library by its namespace is
given the tensor: nothing else tells what they do.

The array itself is asked, as `convert` does, so that what is no array at all is
a TypeError here too.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<2, 2> = Parameters::of(PlanFunction::SIGNATURE);
        let ([obj, to], [device, allow_writable_alias]) =
            PARAMETERS.read(own.py(), Self::NAME, given)?;
        let allow_writable_alias = flags::allow_writable_alias(allow_writable_alias)?;
        let device = device::optional(device)?;
        let plan = lasting(|| plan(obj, to, device, allow_writable_alias))?;
        Bound::new(own.py(), plan).map(Bound::into_any)
    }
}

fn plan(
    obj: &Bound<'_, PyAny>,
    to: &Bound<'_, PyAny>,
    device: Option<Device>,
    allow_writable_alias: bool,
) -> PyResult<Plan> {
    let py = obj.py();
    let framework = match registry::parse(to) {
        Ok(framework) => framework,
        Err(unknown) => {
            return match Namespace::of(to)? {
                Some(other) => by_namespace(obj, other, device, allow_writable_alias),
                None => Err(unknown),
            };
        }
    };
    let request = Request { writable_alias: allow_writable_alias };
    let decided = is_one(obj, framework, device).and_then(|is_one| match is_one {
        true => unchanged(obj, framework),
        false => {
            let (tensor, made) = source(obj)?;
            let tensor = tensor.get().core();
            let plan = match device.filter(|it| *it != tensor.device()) {
                Some(wanted) => moved(obj, framework, tensor, wanted),
                None => judged(obj, framework, tensor, made.as_deref(), request),
            };
            match framework.ready.filter(|_| plan.answer != Answer::Refuses) {
                Some(ready) => ready(py).map(|()| plan),
                None => Ok(plan),
            }
        }
    });
    decided.or_else(|error| match error.is_instance_of::<PyBufferError>(py) {
        true => Ok(Plan {
            answer: Answer::Refuses,
            bytes: 0,
            reason: errors::message(py, &error)?,
            ..empty(obj, framework)
        }),
        false => Err(error),
    })
}

/// The tensor that the object would become, and why it would be a copy, if it would.
fn source<'py>(obj: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyTensor>, Option<String>)> {
    let py = obj.py();
    let copied = |(tensor, reason)| Ok((Bound::new(py, PyTensor::new(tensor))?, Some(reason)));
    if let Some((tensor, reason)) = registry::would_copy_out(obj)? {
        return copied((tensor, reason.to_owned()));
    }
    match tensor_of(obj, None, Some(false)) {
        Ok(tensor) => Ok((tensor, None)),
        Err(error) if error.is_instance_of::<PyBufferError>(py) => {
            match described::would_copy(obj)? {
                Some(copy) => copied(copy),
                None if exceptions::has(&error.get_type(py)) => {
                    // Only a copy that is made tells what it is.
                    let reason = errors::message(py, &error)?;
                    let reason = reason.split("; copy=").next().unwrap_or_default().to_owned();
                    Ok((tensor_of(obj, None, None)?, Some(reason)))
                }
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn empty(obj: &Bound<'_, PyAny>, framework: &'static Framework) -> Plan {
    Plan {
        answer: Answer::Shares,
        bytes: 0,
        reason: "nothing is in the way".to_owned(),
        protocol: framework.protocol,
        source: registry::source_name(obj),
        target: framework.name.to_owned(),
    }
}

/// What a library with the namespace of the standard would do.
fn by_namespace<'py>(
    obj: &Bound<'py, PyAny>,
    other: Namespace<'py>,
    device: Option<Device>,
    writable_alias: bool,
) -> PyResult<Plan> {
    let (answer, bytes, reason) = match namespace::foreseen(&other, obj, device, writable_alias)? {
        Ok(given) => match given.reason {
            None => (Answer::Shares, given.bytes, "nothing is in the way".to_owned()),
            Some(reason) => (Answer::Copies, given.bytes, reason),
        },
        Err(reason) => (Answer::Refuses, 0, reason),
    };
    let source = registry::source_name(obj);
    Ok(Plan { answer, bytes, reason, protocol: "from_dlpack", source, target: other.name })
}

fn unchanged(obj: &Bound<'_, PyAny>, framework: &'static Framework) -> PyResult<Plan> {
    Ok(Plan {
        bytes: bytes_of(obj)?,
        reason: "it is such an array already".to_owned(),
        protocol: "nothing",
        ..empty(obj, framework)
    })
}

/// A copy on another device, which is made before anything else is known.
fn moved(
    obj: &Bound<'_, PyAny>,
    framework: &'static Framework,
    tensor: &Tensor,
    wanted: Device,
) -> Plan {
    Plan {
        answer: Answer::Copies,
        bytes: tensor.layout().bytes(),
        reason: format!("the tensor is on {} and {wanted} is wanted", tensor.device()),
        ..empty(obj, framework)
    }
}

/// The bytes of the elements of an array that need not be one which can be shared.
pub fn bytes_of(obj: &Bound<'_, PyAny>) -> PyResult<i64> {
    let tensor = errors::tolerate(obj.py(), tensor_of(obj, None, Some(false)))?;
    Ok(tensor.map_or(0, |tensor| tensor.get().core().layout().bytes()))
}

fn judged(
    obj: &Bound<'_, PyAny>,
    framework: &'static Framework,
    tensor: &Tensor,
    made: Option<&str>,
    request: Request,
) -> Plan {
    let verdict = compatibility::check(obj.py(), framework, &tensor.view(), request);
    let copies = verdict.copies() + i64::from(made.is_some());
    // Why it is refused has nothing to do with a copy that comes before.
    let made = made.filter(|_| !verdict.refused);
    let reasons: Vec<&str> = made.into_iter().chain(Some(&*verdict.reason)).collect();
    let reason = reasons.into_iter().filter(|reason| !reason.is_empty()).collect::<Vec<_>>();
    let answer = match (verdict.refused, copies) {
        (true, _) => Answer::Refuses,
        (false, 0) => Answer::Shares,
        (false, _) => Answer::Copies,
    };
    let plain = empty(obj, framework);
    Plan {
        answer,
        bytes: if verdict.refused { 0 } else { tensor.layout().bytes() * copies.max(1) },
        reason: if reason.is_empty() { plain.reason.clone() } else { reason.join("; ") },
        ..plain
    }
}
