//! What is written into the audits: every exchange, with its place in the program.

use dlbridge::Tensor;
use dlbridge::abi::Flags;
use pyo3::prelude::*;

use crate::frameworks::compatibility::Compatibility;
use crate::frameworks::framework::Framework;
use crate::frameworks::{numpy, registry};
use crate::protocols::raw_array;
use crate::support::errors;
use crate::support::frame::Frame;
use crate::support::lasting::lasting;
use crate::values::acquired::Acquired;
use crate::values::audit::{self, Transfer};

/// What happened, but for where.
pub struct Event<'a> {
    pub source: String,
    /// None if the consumer is not known; its frames may tell.
    pub target: Option<&'a str>,
    /// Whether and why elements were copied, and how often.
    pub copies: i64,
    pub reason: &'a str,
    pub bytes: i64,
    pub protocol: &'static str,
}

/// Records an exchange, if anybody wants to know.
#[inline(always)]
pub fn record<'a>(py: Python<'_>, event: impl FnOnce() -> PyResult<Event<'a>>) -> PyResult<()> {
    if audit::is_on() { lasting(|| add(py, event()?)) } else { Ok(()) }
}

#[cold]
fn add(py: Python<'_>, event: Event<'_>) -> PyResult<()> {
    // An audit is no reason for the exchange to fail.
    let place = errors::tolerate(py, caller(py))?.unwrap_or_default();
    let consumer = || place.through.unwrap_or("a consumer");
    audit::write(Transfer {
        source: event.source,
        target: event.target.unwrap_or_else(consumer).to_owned(),
        copied: event.copies > 0,
        bytes: event.bytes * event.copies.max(1),
        reason: event.reason.to_owned(),
        protocol: event.protocol,
        file: place.file,
        line: place.line,
    });
    Ok(())
}

#[derive(Default)]
struct Place {
    file: String,
    line: u32,
    /// The framework whose code is in between.
    through: Option<&'static str>,
}

/// Where the code is that wanted the exchange: neither here nor in a framework.
fn caller(py: Python<'_>) -> PyResult<Place> {
    let Some(first) = Frame::current(py) else { return Ok(Place::default()) };
    let (mut frame, mut through) = (first.clone(), None);
    let found = loop {
        let module = frame.module()?;
        let module = module.as_ref().and_then(errors::text).unwrap_or_default();
        let Some(framework) = registry::of_module(&module) else {
            break frame;
        };
        through = through.or(Some(framework.name).filter(|name| *name != "dlbridge"));
        match frame.outer()? {
            Some(outer) => frame = outer,
            None => break first,
        }
    };
    Ok(Place { file: found.file()?.to_string_lossy().into_owned(), line: found.line(), through })
}

/// An array that is what was wanted already.
#[inline]
pub fn unchanged(
    obj: &Bound<'_, PyAny>,
    framework: &'static Framework,
    bytes: impl FnOnce() -> PyResult<i64>,
) -> PyResult<()> {
    record(obj.py(), || {
        Ok(Event {
            source: registry::source_name(obj),
            target: Some(framework.name),
            copies: 0,
            reason: "",
            bytes: bytes()?,
            protocol: "nothing",
        })
    })
}

/// An array that a framework got, of a tensor that came from `obj`.
#[inline]
pub fn delivered(
    obj: &Bound<'_, PyAny>,
    framework: &'static Framework,
    bytes: i64,
    verdict: &Compatibility,
    came_copied: Option<&'static str>,
) -> PyResult<()> {
    record(obj.py(), || {
        Ok(Event {
            source: registry::source_name(obj),
            target: Some(framework.name),
            copies: verdict.copies() + i64::from(came_copied.is_some()),
            reason: match came_copied {
                Some(reason) if verdict.copies() == 0 => why_copied(obj, reason),
                _ => &verdict.reason,
            },
            bytes,
            protocol: framework.protocol,
        })
    })
}

/// Why a tensor came as a copy; the reason is known if it was made here.
fn why_copied(obj: &Bound<'_, PyAny>, reason: &'static str) -> &'static str {
    match reason {
        "" if numpy::ARRAY.is_type_of(obj) => raw_array::REASON,
        "" => "its own framework made a copy",
        reason => reason,
    }
}

/// A tensor that was made of an object. `asked` is its argument `copy`.
#[inline]
pub fn acquired(obj: &Bound<'_, PyAny>, acquired: &Acquired, asked: Option<bool>) -> PyResult<()> {
    record(obj.py(), || {
        let tensor = &acquired.tensor;
        let copied = tensor.flags().contains(Flags::IS_COPIED);
        Ok(Event {
            source: registry::source_name(obj),
            target: Some("dlbridge"),
            copies: i64::from(copied),
            reason: match (copied, asked) {
                (false, _) => "",
                _ if acquired.moved => "it was wanted on another device",
                (true, Some(true)) => "copy=True",
                (true, _) => why_copied(obj, acquired.reason),
            },
            bytes: tensor.layout().bytes(),
            protocol: "dlbridge.Tensor",
        })
    })
}

/// A tensor that somebody asked for by a protocol; `reason` is why it is a copy, or empty.
#[inline]
pub fn given(
    py: Python<'_>,
    tensor: &Tensor,
    protocol: &'static str,
    reason: &'static str,
) -> PyResult<()> {
    record(py, || {
        Ok(Event {
            source: "dlbridge".to_owned(),
            target: None,
            copies: i64::from(!reason.is_empty()),
            reason,
            bytes: tensor.layout().bytes(),
            protocol,
        })
    })
}

/// A copy that the caller wrote.
#[inline]
pub fn copied(py: Python<'_>, tensor: &Tensor, reason: &'static str) -> PyResult<()> {
    record(py, || {
        Ok(Event {
            source: "dlbridge".to_owned(),
            target: Some("dlbridge"),
            copies: 1,
            reason,
            bytes: tensor.layout().bytes(),
            protocol: "dlbridge.Tensor",
        })
    })
}
