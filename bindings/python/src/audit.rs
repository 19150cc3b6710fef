//! `audit`: a log of the exchanges, to find copies by.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dlbridge::Tensor;
use dlbridge::abi::Flags;
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::framework::{self, Framework, Verdict};

use crate::plan::bytes_of;
use crate::support::lasting::lasting;
use crate::support::objects::{self, Ask, Int, Text, intern};
use crate::transfer::Made;

use crate::{errors, numpy, object, raw_array};

/// How many logs there are: nothing is done for an exchange while this is 0.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
static LOGS: Mutex<Vec<Arc<Log>>> = Mutex::new(Vec::new());

type Log = Mutex<Vec<Exchange>>;

/// Whether anybody wants to know.
#[inline]
pub fn is_on() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// No lock is held while Python code runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One exchange of an audit.
#[pyclass(frozen, name = "Exchange", module = "dlbridge")]
#[derive(Clone)]
pub struct Exchange {
    source: String,
    target: String,
    copied: bool,
    bytes: i64,
    reason: String,
    protocol: &'static str,
    file: String,
    line: u32,
}

#[pymethods]
impl Exchange {
    /// The framework that the array came from, or its type.
    #[getter]
    fn source(&self) -> Text<&str> {
        Text(&self.source)
    }

    /// The framework that it went to.
    #[getter]
    fn target(&self) -> Text<&str> {
        Text(&self.target)
    }

    /// Whether elements were copied; else the memory is shared.
    #[getter]
    fn copied(&self) -> bool {
        self.copied
    }

    /// The bytes of the elements, as often as they were copied.
    #[getter]
    fn bytes(&self) -> Int {
        Int(self.bytes)
    }

    /// Why they were copied; empty if they are shared.
    #[getter]
    fn reason(&self) -> Text<&str> {
        Text(&self.reason)
    }

    /// The way by which it went.
    #[getter]
    fn protocol(&self) -> Text<&str> {
        Text(self.protocol)
    }

    /// The file of the code that asked for it.
    #[getter]
    fn file(&self) -> Text<&str> {
        Text(&self.file)
    }

    /// The line in that file.
    #[getter]
    fn line(&self) -> Int {
        Int(self.line.into())
    }

    fn __repr__(&self) -> Text<String> {
        let [what, route, _, place, reason] = self.columns();
        let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
        let bytes = errors::counted(self.bytes, "byte");
        Text(format!("Exchange({route}: {what} {bytes} at {place}{reason})"))
    }
}

impl Exchange {
    fn columns(&self) -> [String; 5] {
        [
            if self.copied { "copied" } else { "shared" }.to_owned(),
            format!("{} -> {}", self.source, self.target),
            self.bytes.to_string(),
            format!("{}:{}", self.file, self.line),
            self.reason.clone(),
        ]
    }
}

/// A log of the exchanges that the library makes while it is entered, on all
/// threads: a sequence of `Exchange`.
#[pyclass(frozen, sequence, name = "Audit", module = "dlbridge")]
pub struct Audit(Arc<Log>);

/// Records every exchange in a `with` block: `with dlbridge.audit() as log:`.
///
/// On all threads, also those of other code. Blocks may be nested: each records.
#[pyfunction]
pub fn audit() -> Audit {
    Audit(Arc::default())
}

#[pymethods]
impl Audit {
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let own = &slf.get().0;
        let mut logs = lock(&LOGS);
        if logs.iter().any(|log| Arc::ptr_eq(log, own)) {
            return Err(errors::new::<PyRuntimeError>(
                "this audit is entered already; call audit() again",
            ));
        }
        logs.push(own.clone());
        ACTIVE.store(logs.len(), Ordering::Relaxed);
        drop(logs);
        Ok(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        let mut logs = lock(&LOGS);
        logs.retain(|log| !Arc::ptr_eq(log, &self.0));
        // The list stays for ever, and may have been made where there was no memory.
        logs.shrink_to_fit();
        ACTIVE.store(logs.len(), Ordering::Relaxed);
    }

    /// The bytes of all copies.
    #[getter]
    fn bytes_copied(&self) -> Int {
        Int(self.sum(true))
    }

    /// The bytes of all arrays that were shared.
    #[getter]
    fn bytes_shared(&self) -> Int {
        Int(self.sum(false))
    }

    fn __len__(&self) -> usize {
        lock(&self.0).len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Exchange> {
        let entries = lock(&self.0);
        let place = if index < 0 { index + entries.len() as isize } else { index };
        let found = usize::try_from(place).ok().and_then(|place| entries.get(place).cloned());
        found.ok_or_else(|| {
            errors::new::<PyIndexError>(format_args!(
                "index is {index}; the audit has {}",
                entries.len()
            ))
        })
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        object::iterator(slf)
    }

    fn __repr__(&self) -> Text<String> {
        let entries = lock(&self.0).clone();
        let rows: Vec<_> = entries.iter().map(Exchange::columns).collect();
        let mut text = format!(
            "Audit: {}, {} copied, {} shared",
            errors::counted(rows.len() as i64, "exchange"),
            errors::counted(self.sum(true), "byte"),
            errors::counted(self.sum(false), "byte")
        );
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths = [0, 1, 2, 3].map(width);
        for [what, route, bytes, place, reason] in &rows {
            let [what_width, route_width, bytes_width, place_width] = widths;
            let line = format!(
                "{what:what_width$}  {route:route_width$}  {bytes:>bytes_width$}  \
                 {place:place_width$}  {reason}"
            );
            let _ = write!(text, "\n  {}", line.trim_end());
        }
        Text(text)
    }
}

impl Audit {
    fn sum(&self, copied: bool) -> i64 {
        lock(&self.0).iter().filter(|entry| entry.copied == copied).map(|entry| entry.bytes).sum()
    }
}

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
    if is_on() { lasting(|| add(py, event()?)) } else { Ok(()) }
}

#[cold]
fn add(py: Python<'_>, event: Event<'_>) -> PyResult<()> {
    // An audit is no reason for the exchange to fail.
    let place = errors::tolerate(py, caller(py))?.unwrap_or_default();
    let consumer = || place.through.unwrap_or("a consumer");
    let exchange = Exchange {
        source: event.source,
        target: event.target.unwrap_or_else(consumer).to_owned(),
        copied: event.copies > 0,
        bytes: event.bytes * event.copies.max(1),
        reason: event.reason.to_owned(),
        protocol: event.protocol,
        file: place.file,
        line: place.line,
    };
    let logs: Vec<Arc<Log>> = lock(&LOGS).clone();
    for log in logs {
        lock(&log).push(exchange.clone());
    }
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
    let mut frame = objects::module(py, c"sys")?.method(c"_getframe", [])?;
    let first = frame.clone();
    let mut through = None;
    let found = loop {
        let globals = frame.attribute(c"f_globals")?.cast_into::<PyDict>()?;
        let module = globals.get_item(intern!(py, "__name__")?)?;
        let module = module.as_ref().and_then(errors::text).unwrap_or_default();
        let Some(framework) = framework::of_module(&module) else {
            break frame;
        };
        through = through.or(Some(framework.name).filter(|name| *name != "dlbridge"));
        let outer = frame.attribute(c"f_back")?;
        if outer.is_none() {
            break first;
        }
        frame = outer;
    };
    Ok(Place {
        file: found.attribute(c"f_code")?.attribute(c"co_filename")?.extract()?,
        // None where no line is being run.
        line: errors::tolerate(py, found.attribute(c"f_lineno")?.extract())?.unwrap_or(0),
        through,
    })
}

/// An array that is what was wanted already.
#[inline]
pub fn unchanged(obj: &Bound<'_, PyAny>, framework: &'static Framework) -> PyResult<()> {
    record(obj.py(), || {
        Ok(Event {
            source: framework::source_name(obj),
            target: Some(framework.name),
            copies: 0,
            reason: "",
            bytes: bytes_of(obj)?,
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
    verdict: &Verdict,
    came_copied: Option<&'static str>,
) -> PyResult<()> {
    record(obj.py(), || {
        Ok(Event {
            source: framework::source_name(obj),
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
pub fn taken(obj: &Bound<'_, PyAny>, made: &Made, asked: Option<bool>) -> PyResult<()> {
    record(obj.py(), || {
        let tensor = &made.tensor;
        let copied = tensor.flags().contains(Flags::IS_COPIED);
        Ok(Event {
            source: framework::source_name(obj),
            target: Some("dlbridge"),
            copies: i64::from(copied),
            reason: match (copied, asked) {
                (false, _) => "",
                _ if made.moved => "it was wanted on another device",
                (true, Some(true)) => "copy=True",
                (true, _) => why_copied(obj, made.reason),
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
