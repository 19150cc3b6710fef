//! Python objects that own the memory of a tensor.

use std::ffi::c_void;
use std::ptr;

use dlbridge::{Deleter, Result, Tensor, TensorRef};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::support::errors;
use crate::support::interpreter::can_attach;

/// Makes a tensor whose memory `owner` keeps alive, until the last owner of the
/// tensor is gone.
pub fn owned_by(
    owner: Bound<'_, PyAny>,
    make: impl FnOnce(Deleter) -> Result<Tensor>,
) -> PyResult<Tensor> {
    // SAFETY: `release` gives up one reference, from any thread, without unwinding.
    let deleter = unsafe { Deleter::callback(owner.as_ptr().cast(), Some(release)) };
    let tensor = make(deleter).map_err(errors::exchange)?;
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
    owned_by(keeper, |deleter| unsafe { Tensor::wrap(*view, deleter) })
}

/// As `owned_by`, for what is no Python object but is to be dropped like one.
pub fn kept_by<T: Send>(
    owner: Box<T>,
    make: impl FnOnce(Deleter) -> Result<Tensor>,
) -> PyResult<Tensor> {
    let owner = Box::into_raw(owner);
    // SAFETY: `release_box` drops the box, from any thread, without unwinding.
    let deleter = unsafe { Deleter::callback(owner.cast(), Some(release_box::<T>)) };
    // SAFETY: on error no tensor has taken the box.
    make(deleter).map_err(errors::exchange).inspect_err(|_| drop(unsafe { Box::from_raw(owner) }))
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
