//! `__array_struct__`: the array interface as a C struct in a capsule.
//!
//! Rules: <https://numpy.org/doc/stable/reference/arrays.interface.html>

use std::ptr::{self, NonNull};

use dlbridge::Tensor;
use dlbridge::array_interface::{ArrayInterface, ArrayStruct};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::protocols::exportable::check_exportable;
use crate::protocols::raw_array::{Keeper, Raw};
use crate::support::keep_alive::PendingException;
use crate::support::lasting::lasting;
use crate::support::{address, errors, objects};

/// The capsule of a tensor on the host. It has no name, and keeps the memory alive.
pub fn export<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    check_exportable(py, tensor)?;
    let whole = lasting(|| ArrayStruct::new(tensor).map_err(errors::exchange))?;
    let whole = Box::into_raw(whole);
    // SAFETY: the struct is given up to the capsule, and taken back if there is none.
    unsafe {
        let capsule = ffi::PyCapsule_New(whole.cast(), ptr::null(), Some(destroy));
        Bound::from_owned_ptr_or_err(py, capsule).inspect_err(|_| drop(Box::from_raw(whole)))
    }
}

unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this attached, with a capsule that is going away.
    unsafe {
        let _kept = PendingException::save(Python::assume_attached());
        let whole = ffi::PyCapsule_GetPointer(capsule, ptr::null());
        if let Some(whole) = NonNull::new(whole.cast::<ArrayStruct>()) {
            drop(Box::from_raw(whole.as_ptr()));
        }
    }
}

/// The memory that an object's `__array_struct__` describes.
pub fn describe<'py>(object: &Bound<'py, PyAny>, found: &Bound<'py, PyAny>) -> PyResult<Raw<'py>> {
    let wanted = "a capsule without a name";
    let capsule = found
        .cast::<PyCapsule>()
        .ok()
        .filter(|capsule| capsule.is_valid_checked(None))
        .ok_or_else(|| errors::wrong_type("__array_struct__", found, wanted))?;
    let interface = capsule.pointer_checked(None)?.cast::<ArrayInterface>();
    if !address::can_be(interface.as_ptr()) {
        return Err(errors::refused(format_args!(
            "__array_struct__ holds the address {interface:p}, where no struct can lie"
        )));
    }
    // The struct may belong to the capsule, and the memory to the object.
    let owner = objects::tuple(object.py(), [object.clone(), found.clone()])?.into_any();
    // SAFETY: that is what such a capsule points to.
    let array = unsafe { interface.as_ref().describe() }.map_err(errors::exchange)?;
    Ok(Raw { array, keeper: Keeper::Object(owner) })
}
