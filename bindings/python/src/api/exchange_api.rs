//! DLPack's exchange API on `dlbridge.Tensor`: the table of C functions by which other
//! libraries take and make tensors without a Python call.

use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use dlbridge::abi::{
    DANGLING, DLDeviceType, DLManagedTensorVersioned, DLPACK_VERSION, DLPackExchangeAPI,
    DLPackExchangeAPIHeader, DLTensor, Flags,
};
use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Error, Status, Tensor, TensorRef};
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::engine::record;
use crate::frameworks::alignment;
use crate::protocols::exchange_table::NAME;
use crate::support::errors;
use crate::values::stream;
use crate::values::tensor::PyTensor;

/// The capsule on `dlbridge.Tensor`.
pub fn own(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let pointer = ptr::NonNull::from(&OWN.0).cast();
    // SAFETY: the table and the name are static, and there is nothing to destroy.
    unsafe { PyCapsule::new_with_pointer(py, pointer, NAME) }
}

struct Shared(DLPackExchangeAPI);

// SAFETY: the table is never written to.
unsafe impl Sync for Shared {}

static OWN: Shared = Shared(DLPackExchangeAPI {
    header: DLPackExchangeAPIHeader { version: DLPACK_VERSION, prev_api: ptr::null_mut() },
    managed_tensor_allocator: Some(allocate),
    managed_tensor_from_py_object_no_sync: Some(from_object),
    managed_tensor_to_py_object_no_sync: Some(to_object),
    dltensor_from_py_object_no_sync: Some(borrow),
    current_work_stream: Some(work_stream),
});

type SetError = Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>;

/// Reads only dtype, shape and device of the prototype. May be called without the
/// GIL, so that errors go to the callback.
unsafe extern "C" fn allocate(
    prototype: *mut DLTensor,
    out: *mut *mut DLManagedTensorVersioned,
    context: *mut c_void,
    set_error: SetError,
) -> c_int {
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: NULL or a descriptor, and NULL or to be written to.
        let (prototype, out) = unsafe { (prototype.as_ref(), out.as_mut()) };
        let (Some(prototype), Some(out)) = (prototype, out) else {
            return Err(Error::new(Status::Null, "prototype or out is NULL; neither must be"));
        };
        // SAFETY: as above.
        *out = unsafe { allocated(prototype) }?.into_raw();
        Ok(())
    }));
    let (kind, message) = match &made {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) if error.status() == Status::Memory => (c"MemoryError", error.message()),
        Ok(Err(error)) => (c"BufferError", error.message()),
        Err(_) => (c"RuntimeError", "defect in dlbridge: a panic"),
    };
    let message = std::ffi::CString::new(message).unwrap_or_default();
    if let Some(set_error) = set_error {
        // SAFETY: the callback takes its context and two texts.
        unsafe { set_error(context, kind.as_ptr(), message.as_ptr()) };
    }
    -1
}

/// # Safety
/// `prototype` has `ndim` extents.
unsafe fn allocated(prototype: &DLTensor) -> dlbridge::Result<Tensor> {
    let prototype =
        DLTensor { data: DANGLING, strides: ptr::null_mut(), byte_offset: 0, ..*prototype };
    // SAFETY: the caller's promise.
    let checked = unsafe { TensorRef::new(&prototype, Flags::empty()) }?;
    // SAFETY: the protocol makes no promise about the elements either; the legacy default
    // stream, which `work_stream` names, always exists.
    let made =
        unsafe { cuda::empty(checked.dtype(), checked.shape(), checked.device(), Stream::LEGACY) };
    made.map_err(|error| match error.status() {
        Status::NoCuda => {
            let text = format!("device is {}: {}", checked.device(), error.message());
            Error::new(Status::NoCuda, text)
        }
        _ => error,
    })
}

unsafe extern "C" fn from_object(
    object: *mut c_void,
    out: *mut *mut DLManagedTensorVersioned,
) -> c_int {
    // SAFETY: the caller is attached and gives an object.
    unsafe {
        guard(out, |py| {
            let own = cast(py, &object)?.get();
            order(own)?;
            alignment::check_for_any(&own.core().view()).map_err(errors::refused)?;
            let tensor = own.core().without_idle_negatives().map_err(errors::exchange)?;
            record::given(py, &tensor, "DLPack exchange API", "")?;
            Ok(tensor.into_raw())
        })
    }
}

/// On failure the caller still owns the managed tensor: all of it is checked
/// before anything is taken.
unsafe extern "C" fn to_object(raw: *mut DLManagedTensorVersioned, out: *mut *mut c_void) -> c_int {
    // SAFETY: the caller is attached and gives the managed tensor up.
    unsafe {
        guard(out, |py| {
            let tensor = Tensor::import(raw).map_err(errors::exchange)?;
            Ok(Bound::new(py, PyTensor::new(tensor))?.into_ptr().cast())
        })
    }
}

/// A plain descriptor has no flags: what must not be written to, or is not packed, is
/// refused, since the consumer could not know.
unsafe extern "C" fn borrow(object: *mut c_void, out: *mut DLTensor) -> c_int {
    let body = |py: Python<'_>| {
        // SAFETY: as `from_object`.
        let own = unsafe { cast(py, &object) }?.get();
        order(own)?;
        let tensor = own.core();
        alignment::check_for_any(&tensor.view()).map_err(errors::refused)?;
        let what = if tensor.is_read_only() {
            "read-only"
        } else if tensor.flags().contains(Flags::IS_SUBBYTE_TYPE_PADDED) {
            "of padded elements"
        } else {
            record::given(py, tensor, "DLPack exchange API", "")?;
            // SAFETY: it was just written, for whoever borrows.
            return Ok(unsafe { *own.shown(py)? });
        };
        Err(errors::refused(format_args!(
            "the tensor is {what}, which a DLTensor cannot say: the function \
             managed_tensor_from_py_object_no_sync gives one that can"
        )))
    };
    // SAFETY: the caller is attached.
    unsafe { guard(out, body) }
}

/// The consumer works on the stream that `work_stream` names.
fn order(own: &PyTensor) -> PyResult<()> {
    stream::wait(Stream::LEGACY, own.stream(), own.core().device())
}

/// NULL: the legacy default stream on a GPU, which waits for each tensor that is given;
/// the host has none.
unsafe extern "C" fn work_stream(
    device_type: DLDeviceType,
    device_id: i32,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the caller is attached.
    unsafe {
        guard(out, |_| {
            let raw = dlbridge::abi::DLDevice { device_type, device_id };
            Device::new(raw).map_err(errors::exchange)?;
            Ok(ptr::null_mut())
        })
    }
}

/// Writes the result, or sets an exception.
///
/// # Safety
/// The thread is attached; `out` is NULL or can be written to.
unsafe fn guard<T>(out: *mut T, body: impl FnOnce(Python<'_>) -> PyResult<T>) -> c_int {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    let result = catch_unwind(AssertUnwindSafe(|| match out.is_null() {
        true => Err(errors::new::<PyValueError>("out is NULL; it must not be")),
        // SAFETY: the caller's promise.
        false => body(py).map(|value| unsafe { out.write(value) }),
    }));
    let panicked = || Err(errors::new::<PyRuntimeError>("defect in dlbridge: a panic"));
    match result.unwrap_or_else(|_| panicked()) {
        Ok(()) => 0,
        Err(error) => {
            error.restore(py);
            -1
        }
    }
}

/// # Safety
/// `object` is NULL or a Python object.
unsafe fn cast<'a, 'py>(
    py: Python<'py>,
    object: &'a *mut c_void,
) -> PyResult<&'a Bound<'py, PyTensor>> {
    if object.is_null() {
        return Err(errors::new::<PyBufferError>(
            "the object is NULL; it must be a dlbridge.Tensor",
        ));
    }
    // SAFETY: the caller's promise. A `Bound` is a pointer to an object.
    let object: &Bound<'py, PyAny> =
        unsafe { Bound::ref_from_ptr(py, &*ptr::from_ref(object).cast::<*mut ffi::PyObject>()) };
    object.cast::<PyTensor>().map_err(|_| {
        errors::new::<PyBufferError>(format_args!(
            "the object is of type {}; it must be a dlbridge.Tensor",
            errors::type_name(object)
        ))
    })
}
