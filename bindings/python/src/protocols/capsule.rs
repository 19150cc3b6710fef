//! The capsules of DLPack: made for consumers, and taken over from producers.

use std::ffi::CStr;
use std::ptr::NonNull;

use dlbridge::abi::{DLManagedTensor, DLManagedTensorVersioned, Flags, ManagedTensorBase};
use dlbridge::{DType, Device, Tensor, TensorRef, managed};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use crate::support::keep_alive::PendingException;
use crate::support::{address, errors};

/// A kind of capsule. The names are static: a capsule does not copy its name.
trait Kind: ManagedTensorBase {
    const NAME: &'static CStr;
    const USED: &'static CStr;

    /// # Safety
    /// As `TensorRef::from_managed`.
    unsafe fn check<'a>(raw: *const Self) -> dlbridge::Result<TensorRef<'a>>;

    /// # Safety
    /// As `Tensor::import`.
    unsafe fn import(raw: *mut Self, legacy: Flags) -> dlbridge::Result<Tensor>;
}

impl Kind for DLManagedTensorVersioned {
    const NAME: &'static CStr = c"dltensor_versioned";
    const USED: &'static CStr = c"used_dltensor_versioned";

    unsafe fn check<'a>(raw: *const Self) -> dlbridge::Result<TensorRef<'a>> {
        // SAFETY: the caller's promise.
        unsafe { TensorRef::from_managed(raw) }
    }

    unsafe fn import(raw: *mut Self, _legacy: Flags) -> dlbridge::Result<Tensor> {
        // SAFETY: the caller's promise.
        unsafe { Tensor::import(raw) }
    }
}

impl Kind for DLManagedTensor {
    const NAME: &'static CStr = c"dltensor";
    const USED: &'static CStr = c"used_dltensor";

    unsafe fn check<'a>(raw: *const Self) -> dlbridge::Result<TensorRef<'a>> {
        // SAFETY: the caller's promise.
        unsafe { TensorRef::new(&(*raw).dl_tensor, Flags::empty()) }
    }

    unsafe fn import(raw: *mut Self, legacy: Flags) -> dlbridge::Result<Tensor> {
        // SAFETY: the caller's promise.
        unsafe { Tensor::import_legacy(raw, legacy) }
    }
}

/// Puts an owner into a capsule that a consumer may take over.
pub fn versioned(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyCapsule>> {
    // SAFETY: the raw form of a tensor that is owned here.
    unsafe { wrap(py, tensor.into_raw()) }
}

/// As `versioned`, in the form that has no version and no flags.
pub fn legacy(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyCapsule>> {
    let raw = tensor.into_raw();
    // SAFETY: the raw form of a tensor that is owned here, until it is consumed.
    unsafe {
        let exported = managed::export_legacy(raw);
        let exported = exported.inspect_err(|_| managed::release(raw)).map_err(errors::exchange)?;
        wrap(py, exported)
    }
}

/// # Safety
/// `raw` is a managed tensor that the caller gives up.
unsafe fn wrap<T: Kind>(py: Python<'_>, raw: *mut T) -> PyResult<Bound<'_, PyCapsule>> {
    // SAFETY: never NULL. The destructor is made for such a capsule.
    unsafe {
        let pointer = NonNull::new_unchecked(raw.cast());
        PyCapsule::new_with_pointer_and_destructor(py, pointer, T::NAME, Some(destroy::<T>))
            .inspect_err(|_| managed::release(raw))
    }
}

/// Releases what no consumer took over: that one renames the capsule.
unsafe extern "C" fn destroy<T: Kind>(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this attached, with a capsule that is going away. Its
    // pointer is a managed tensor, still owned by it as long as it has this name.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, T::NAME.as_ptr()) == 0 {
            return;
        }
        let _kept = PendingException::save(Python::assume_attached());
        let raw = ffi::PyCapsule_GetPointer(capsule, T::NAME.as_ptr());
        managed::release(raw.cast::<T>());
    }
}

/// The device and the element type of what a capsule holds, without taking it over:
/// what is not wanted stays where it is. None if it holds no tensor.
pub fn peek(capsule: &Bound<'_, PyCapsule>) -> PyResult<Option<(Device, DType)>> {
    match try_peek::<DLManagedTensorVersioned>(capsule)? {
        None => try_peek::<DLManagedTensor>(capsule),
        found => Ok(found),
    }
}

fn try_peek<T: Kind>(capsule: &Bound<'_, PyCapsule>) -> PyResult<Option<(Device, DType)>> {
    let Some(raw) = managed::<T>(capsule)? else {
        return Ok(None);
    };
    // SAFETY: the name says that it is such a managed tensor and not yet taken; the
    // GIL is held meanwhile.
    let tensor = unsafe { T::check(raw.as_ptr()) }.map_err(errors::exchange)?;
    Ok(Some((tensor.device(), tensor.dtype())))
}

/// The managed tensor of a capsule of this kind, which is not consumed yet. None for others.
fn managed<T: Kind>(capsule: &Bound<'_, PyCapsule>) -> PyResult<Option<NonNull<T>>> {
    if !capsule.is_valid_checked(Some(T::NAME)) {
        return Ok(None);
    }
    let raw = capsule.pointer_checked(Some(T::NAME))?.cast::<T>();
    match address::can_be(raw.as_ptr()) {
        true => Ok(Some(raw)),
        false => Err(errors::refused(format_args!(
            "the capsule {:?} holds the address {raw:p}, where no managed tensor can lie",
            T::NAME
        ))),
    }
}

/// Takes over what a capsule holds, whichever of the two kinds it is. On error
/// the capsule keeps it, under its own name, and releases it when it goes away.
///
/// `legacy` is what is known of memory that comes in the legacy form.
pub fn consume(capsule: &Bound<'_, PyCapsule>, legacy: Flags) -> PyResult<Tensor> {
    if let Some(tensor) = try_consume::<DLManagedTensorVersioned>(capsule, legacy)? {
        return Ok(tensor);
    }
    if let Some(tensor) = try_consume::<DLManagedTensor>(capsule, legacy)? {
        return Ok(tensor);
    }
    let name = capsule.name()?;
    // SAFETY: the name is read before anything else can run and change it.
    let name = name.map_or(c"NULL", |name| unsafe { name.as_cstr() });
    let used = [DLManagedTensorVersioned::USED, DLManagedTensor::USED].contains(&name);
    Err(errors::refused(match used {
        true => format!(
            "the capsule was consumed before (its name is {name:?}); each can be consumed once: \
             call __dlpack__ again"
        ),
        false => format!(
            "the capsule is named {name:?}; it must be named \"dltensor_versioned\" or \"dltensor\", \
             as DLPack's are"
        ),
    }))
}

fn try_consume<T: Kind>(capsule: &Bound<'_, PyCapsule>, legacy: Flags) -> PyResult<Option<Tensor>> {
    let Some(raw) = managed::<T>(capsule)? else {
        return Ok(None);
    };
    // SAFETY: the name says that it is such a managed tensor and not yet taken; the
    // GIL is held until it is renamed. The rest is DLPack's contract.
    let tensor = unsafe { T::import(raw.as_ptr(), legacy) }.map_err(errors::exchange)?;
    // SAFETY: a valid capsule and a static name.
    if unsafe { ffi::PyCapsule_SetName(capsule.as_ptr(), T::USED.as_ptr()) } != 0 {
        // The capsule still owns it: leaked rather than deleted twice.
        std::mem::forget(tensor);
        return Err(PyErr::fetch(capsule.py()));
    }
    Ok(Some(tensor))
}
