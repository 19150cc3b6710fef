//! `audit`: a log of the exchanges, to find copies by.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::support::objects::{Int, Text};
use crate::support::{errors, sequence};

/// How many logs there are: nothing is done for an exchange while this is 0.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

static LOGS: Mutex<Vec<Arc<Log>>> = Mutex::new(Vec::new());

type Log = Mutex<Vec<Arc<Transfer>>>;

/// Whether anybody wants to know.
#[inline]
pub fn is_on() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// Writes an exchange into all logs.
pub fn write(transfer: Transfer) {
    let transfer = Arc::new(transfer);
    for log in &*lock(&LOGS) {
        lock(log).push(transfer.clone());
    }
}

/// No lock is held while Python code runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One exchange of an audit, as `Exchange` shows it.
pub struct Transfer {
    pub source: String,
    pub target: String,
    pub copied: bool,
    pub bytes: i64,
    pub reason: String,
    pub protocol: &'static str,
    pub file: String,
    pub line: u32,
}

/// One exchange of an audit.
#[pyclass(frozen, name = "Exchange", module = "dlbridge")]
pub struct Exchange(Arc<Transfer>);

#[pymethods]
impl Exchange {
    /// The framework that the array came from, or its type.
    #[getter]
    fn source(&self) -> Text<&str> {
        Text(&self.0.source)
    }

    /// The framework that it went to.
    #[getter]
    fn target(&self) -> Text<&str> {
        Text(&self.0.target)
    }

    /// Whether elements were copied; else the memory is shared.
    #[getter]
    fn copied(&self) -> bool {
        self.0.copied
    }

    /// The bytes of the elements, as often as they were copied.
    #[getter]
    fn bytes(&self) -> Int {
        Int(self.0.bytes)
    }

    /// Why they were copied; empty if they are shared.
    #[getter]
    fn reason(&self) -> Text<&str> {
        Text(&self.0.reason)
    }

    /// The way by which it went.
    #[getter]
    fn protocol(&self) -> Text<&str> {
        Text(self.0.protocol)
    }

    /// The file of the code that asked for it.
    #[getter]
    fn file(&self) -> Text<&str> {
        Text(&self.0.file)
    }

    /// The line in that file.
    #[getter]
    fn line(&self) -> Int {
        Int(self.0.line.into())
    }

    fn __repr__(&self) -> Text<String> {
        let [what, route, _, place, reason] = self.0.columns();
        let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
        let bytes = errors::counted(self.0.bytes, "byte");
        Text(format!("Exchange({route}: {what} {bytes} at {place}{reason})"))
    }
}

impl Transfer {
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
        found.map(Exchange).ok_or_else(|| {
            errors::new::<PyIndexError>(format_args!(
                "index is {index}; the audit has {}",
                entries.len()
            ))
        })
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        sequence::iterator(slf)
    }

    fn __repr__(&self) -> Text<String> {
        let entries = lock(&self.0).clone();
        let rows: Vec<_> = entries.iter().map(|entry| entry.columns()).collect();
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
