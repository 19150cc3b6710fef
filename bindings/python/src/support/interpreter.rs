//! The interpreter that this library belongs to: one in a process, for one of its lives.
//! And whether a thread may ask for its GIL.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{ffi, wrap_pyfunction};

use crate::support::ask::Ask;
use crate::support::{errors, modules};

/// Refuses a second interpreter of the process: a deleter cannot know which one its object
/// belongs to, and would take the GIL of the first. PyO3 leaves this unchecked for modules
/// that it initialises in several phases.
///
/// Refuses a second life of the first one too, after Py_FinalizeEx and Py_Initialize: types
/// and names that are kept here are those of the first.
pub fn check(py: Python<'_>) -> PyResult<()> {
    static FIRST: OnceLock<i64> = OnceLock::new();
    // SAFETY: the thread is attached, so that there is a current interpreter. Its dictionary
    // is borrowed, and NULL where it cannot be made.
    let (current, dict) = unsafe {
        let state = ffi::PyInterpreterState_Get();
        let dict = ffi::PyInterpreterState_GetDict(state);
        let dict = Bound::from_borrowed_ptr_or_opt(py, dict);
        (ffi::PyInterpreterState_GetID(state), dict.ok_or_else(|| errors::out_of_memory(py))?)
    };
    let dict = dict.cast_into::<PyDict>()?;
    // Acquired anew: one that is kept would be of an earlier life.
    // SAFETY: the thread is attached, and the text ends.
    let mark = unsafe {
        let text = ffi::PyUnicode_FromString(c"dlbridge".as_ptr());
        Bound::from_owned_ptr_or_err(py, text)?
    };
    let is_first = FIRST.set(current).is_ok();
    if is_first {
        // It goes with the life of the interpreter.
        return dict.set_item(&mark, &mark);
    }
    if FIRST.get() != Some(&current) {
        return Err(errors::new::<PyImportError>(
            "dlbridge was imported by another interpreter of this process, and can be used by one only",
        ));
    }
    match dict.contains(mark)? {
        true => Ok(()),
        false => Err(errors::new::<PyImportError>(
            "dlbridge was imported before Python was ended and begun anew in this process \
             (Py_FinalizeEx, Py_Initialize), and can be used in one life of Python only: keep Python \
             until the process ends, or begin a new process",
        )),
    }
}

/// What is known of the interpreter without the GIL.
static STATE: AtomicU8 = AtomicU8::new(RUNS);
const RUNS: u8 = 0;
/// It runs its exit functions, and then ends.
const ENDS: u8 = 1;
/// It has ended. Another life may follow, to which the objects of this one mean nothing.
const OVER: u8 = 2;

/// The thread that ran the exit functions last.
static ENDING: AtomicUsize = AtomicUsize::new(0);

/// A number of this thread, which no other has while it lives.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// Learns of the end of the interpreter.
pub fn watch_end(py: Python<'_>) -> PyResult<()> {
    static WATCHED: OnceLock<()> = OnceLock::new();
    if WATCHED.get().is_none() {
        // SAFETY: a function that needs no interpreter, as it is called after that has ended.
        if unsafe { ffi::Py_AtExit(Some(end)) } != 0 {
            return Err(errors::new::<PyImportError>(
                "Python has no room for one more function to call at its end (Py_AtExit)",
            ));
        }
        let _ = WATCHED.set(());
    }
    register(py)
}

extern "C" fn end() {
    STATE.store(OVER, Ordering::Release);
}

fn register(py: Python<'_>) -> PyResult<()> {
    let begin = wrap_pyfunction!(begin_end, py)?;
    modules::import(py, c"atexit")?.method(c"register", [&begin]).map(drop)
}

/// Called as an exit function. Python itself calls those when it ends, and then no Python code
/// runs; code that calls atexit._run_exitfuncs() goes on, and so does the interpreter.
#[pyfunction]
fn begin_end() {
    ENDING.store(this_thread(), Ordering::Release);
    // SAFETY: the thread is attached; the frame is borrowed.
    let runs_on = !unsafe { ffi::PyEval_GetFrame() }.is_null();
    if !runs_on {
        return STATE.store(ENDS, Ordering::Release);
    }
    // atexit forgets its functions when it has called them, and only after this one returned
    // can it be given another. Should it not be: the end is then noticed a little later.
    // SAFETY: a function that may be called at any time.
    unsafe { ffi::Py_AddPendingCall(Some(register_again), ptr::null_mut()) };
}

/// Called attached, between two instructions of Python code.
extern "C" fn register_again(_: *mut c_void) -> c_int {
    // SAFETY: may be called at any time.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        // SAFETY: Python calls this attached.
        let _ = register(unsafe { Python::assume_attached() });
    }
    0
}

/// Whether this thread may ask for the GIL. Once Python ends, others that do are
/// killed or hang, and after that there is no object any more: the reference is
/// leaked on purpose.
///
/// The check is not airtight, since the end may begin right after it: Python has
/// no way to hold it off before 3.15.
pub fn can_attach() -> bool {
    let state = STATE.load(Ordering::Acquire);
    // SAFETY: may be called at any time.
    let is_there = || unsafe { ffi::Py_IsInitialized() != 0 };
    if state == RUNS && is_there() {
        return true;
    }
    // The thread that ends it deallocates what is left, and then forgets its state.
    let has_state = || {
        // SAFETY: may be called at any time.
        unsafe { !ffi::PyGILState_GetThisThreadState().is_null() }
    };
    state != OVER && ENDING.load(Ordering::Acquire) == this_thread() && has_state()
}
