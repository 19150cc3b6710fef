//! Python objects that own the memory of a tensor.

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::thread::{self, ThreadId};

use dlbridge::{Result, Source, Tensor, TensorRef};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::{ffi, wrap_pyfunction};

use crate::support::objects;
use crate::{errors, vectorcall};

/// Makes a tensor whose memory `owner` keeps alive, until the last owner of the
/// tensor is gone.
pub fn owned_by(
    owner: Bound<'_, PyAny>,
    make: impl FnOnce(Source) -> Result<Tensor>,
) -> PyResult<Tensor> {
    // SAFETY: `release` gives up one reference, from any thread, without unwinding.
    let source = unsafe { Source::callback(owner.as_ptr().cast(), Some(release)) };
    let tensor = make(source).map_err(errors::exchange)?;
    // The tensor has taken this reference; on error it is given up here.
    let _ = owner.into_ptr();
    Ok(tensor)
}

/// A tensor on what a view describes.
///
/// # Safety
/// The memory stays as long as `keeper` does.
#[inline]
pub unsafe fn kept(view: &TensorRef<'_>, keeper: Bound<'_, PyAny>) -> PyResult<Tensor> {
    // SAFETY: the caller's promise.
    owned_by(keeper, |source| unsafe { Tensor::wrap(*view, source) })
}

/// Refuses a second interpreter of the process: a deleter cannot know which one
/// its object belongs to, and would take the GIL of the first. PyO3 leaves this
/// unchecked for modules that it initialises in several phases.
pub fn check_interpreter(_attached: Python<'_>) -> PyResult<()> {
    static FIRST: OnceLock<i64> = OnceLock::new();
    // SAFETY: the thread is attached, so that there is a current interpreter.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match *FIRST.get_or_init(|| current) == current {
        true => Ok(()),
        false => Err(errors::new::<PyImportError>(
            "dlbridge was imported by another interpreter of this process, and can be used by one only",
        )),
    }
}

/// The thread that ends the interpreter, once it does.
static SHUTDOWN: OnceLock<ThreadId> = OnceLock::new();

/// Learns of the end of the interpreter.
pub fn watch_shutdown(py: Python<'_>) -> PyResult<()> {
    let begin = wrap_pyfunction!(begin_shutdown, py)?;
    vectorcall::method(&objects::module(py, c"atexit")?, c"register", [&begin]).map(drop)
}

#[pyfunction]
fn begin_shutdown() {
    let _ = SHUTDOWN.set(thread::current().id());
}

/// As `owned_by`, for what is no Python object but is to be dropped like one.
pub fn kept_by<T: Send>(
    owner: Box<T>,
    make: impl FnOnce(Source) -> Result<Tensor>,
) -> PyResult<Tensor> {
    let owner = Box::into_raw(owner);
    // SAFETY: `release_box` drops the box, from any thread, without unwinding.
    let source = unsafe { Source::callback(owner.cast(), Some(release_box::<T>)) };
    // SAFETY: on error no tensor has taken the box.
    make(source).map_err(errors::exchange).inspect_err(|_| drop(unsafe { Box::from_raw(owner) }))
}

/// Gives up a reference, on whichever thread the last owner of a tensor goes.
unsafe extern "C" fn release(object: *mut c_void) {
    // SAFETY: the reference was given to the tensor, which releases it once.
    attached(|| unsafe { ffi::Py_DECREF(object.cast()) });
}

unsafe extern "C" fn release_box<T>(owner: *mut c_void) {
    // SAFETY: the box was given to the tensor, which releases it once.
    attached(|| drop(unsafe { Box::from_raw(owner.cast::<T>()) }));
}

/// Does something with the GIL and without a pending exception, unless Python has
/// ended.
fn attached(body: impl FnOnce()) {
    if !can_attach() {
        return;
    }
    // Not `Python::try_attach`: that takes a thread for attached which has PyO3 code
    // further up its stack, though what that code called may have given up the GIL
    // since, as PyTorch does to free memory.
    // SAFETY: the interpreter runs.
    unsafe {
        let state = ffi::PyGILState_Ensure();
        let kept = PendingException::save(Python::assume_attached());
        body();
        drop(kept);
        ffi::PyGILState_Release(state);
    }
}

/// Whether this thread may ask for the GIL. Once Python ends, others that do are
/// killed or hang, and after that there is no object any more: the reference is
/// leaked on purpose.
///
/// The check is not airtight, since the end may begin right after it: Python has
/// no way to hold it off before 3.15.
fn can_attach() -> bool {
    match SHUTDOWN.get() {
        // SAFETY: may be called at any time.
        None => unsafe { ffi::Py_IsInitialized() != 0 },
        // That thread deallocates what is left, and then forgets its state.
        Some(thread) => {
            let has_state = || {
                // SAFETY: may be called at any time.
                unsafe { !ffi::PyGILState_GetThisThreadState().is_null() }
            };
            *thread == thread::current().id() && has_state()
        }
    }
}

/// Keeps the exception that is being raised while foreign code runs: that code
/// would overwrite it, or take it for its own failure.
pub struct PendingException(Option<[*mut ffi::PyObject; 3]>);

impl PendingException {
    /// Until the result is dropped there is no exception.
    pub fn save(_attached: Python<'_>) -> PendingException {
        // SAFETY: the thread is attached.
        if unsafe { ffi::PyErr_Occurred() }.is_null() {
            return PendingException(None);
        }
        let [mut class, mut value, mut traceback] = [ptr::null_mut(); 3];
        // SAFETY: the thread is attached; the three pointers are written.
        unsafe { ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback) };
        PendingException(Some([class, value, traceback]))
    }
}

impl Drop for PendingException {
    fn drop(&mut self) {
        // SAFETY: `save` fetched these; the thread is still attached, since the guard
        // is held no longer than the proof that `save` was given.
        unsafe {
            match self.0 {
                Some([class, value, traceback]) => ffi::PyErr_Restore(class, value, traceback),
                None if ffi::PyErr_Occurred().is_null() => {}
                None => ffi::PyErr_Clear(),
            }
        }
    }
}
