//! DLPack's exchange API: a table of C functions on a Python type, by which
//! tensors come and go without a Python call.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Mutex;

use dlbridge::abi::{
    DLDeviceType, DLManagedTensorVersioned, DLPACK_VERSION, DLPackExchangeAPI,
    DLPackExchangeAPIHeader, DLTensor, Flags, NOWHERE,
};
use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Error, Status, Tensor, TensorRef, foreign};
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyType};

use crate::failure::Failure;
use crate::framework::alignment;
use crate::support::objects::intern;
use crate::tensor::PyTensor;
use crate::{address, audit, errors, stream};

const NAME: &CStr = c"dlpack_exchange_api";

/// The table of a framework, valid as long as the process.
#[derive(Clone, Copy)]
pub struct Table(&'static DLPackExchangeAPI);

// SAFETY: a table is never written to; its functions are called by attached threads.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

/// More versions than these are taken for a chain without an end.
const MOST_VERSIONS: usize = 16;

/// A type and its table.
struct Known {
    /// Kept, so that no other type gets its address.
    class: Py<PyType>,
    table: Table,
}

impl Table {
    /// The table of an object's exact type: a subclass may have one of its own, and
    /// PyTorch's read-only wrapper does.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Table>> {
        Table::of_type(&object.get_type())
    }

    /// The table of a type, if it has one, which is looked up once.
    pub fn of_type(class: &Bound<'_, PyType>) -> PyResult<Option<Table>> {
        /// With more types, the one known longest is forgotten.
        const MOST: usize = 64;
        static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());
        let is_class = |known: &&Known| known.class.as_ptr() == class.as_ptr();
        // Nothing in between calls Python, so that the lock is never waited for
        // by a thread that holds the GIL while its holder wants that.
        if let Some(known) = lock(&KNOWN).iter().find(is_class) {
            return Ok(Some(known.table));
        }
        let Some(table) = Table::look(class)? else {
            return Ok(None);
        };
        let mut known = lock(&KNOWN);
        let forgotten = (known.len() == MOST).then(|| known.remove(0));
        known.push(Known { class: class.clone().unbind(), table });
        // Only without the lock: the end of a type may call Python.
        drop(known);
        drop(forgotten);
        Ok(Some(table))
    }

    fn look(class: &Bound<'_, PyType>) -> PyResult<Option<Table>> {
        let py = class.py();
        let found = match class.getattr_opt(intern!(py, "__dlpack_c_exchange_api__")?)? {
            Some(found) => in_capsule(&found),
            // Drafts of DLPack 1.3 had this name, and the address as a number.
            None => class
                .getattr_opt(intern!(py, "__c_dlpack_exchange_api__")?)?
                .and_then(|found| in_capsule(&found).or_else(|| address::of_struct(&found))),
        };
        let mut header: *const DLPackExchangeAPIHeader = found.unwrap_or_default();
        for _ in 0..MOST_VERSIONS {
            if !address::is_readable(header) {
                break;
            }
            // SAFETY: readable; the protocol says that the pointer is to a table, which lives
            // as long as the process, and that each version begins with a header.
            let DLPackExchangeAPIHeader { version, prev_api } = unsafe { *header };
            if version.major == DLPACK_VERSION.major {
                let table = header.cast::<DLPackExchangeAPI>();
                // SAFETY: as above; of this version all of the table is known.
                return Ok(address::is_readable(table).then(|| Table(unsafe { &*table })));
            }
            header = prev_api;
        }
        Ok(None)
    }

    /// Writes what an object's tensor is now, borrowed from the object; false if the
    /// framework does not tell. Streams are not synchronised.
    ///
    /// # Safety
    /// The result, its shape and its strides are not used after other code of Python
    /// or of the framework has run.
    pub unsafe fn look_at(self, object: &Bound<'_, PyAny>, out: &mut DLTensor) -> PyResult<bool> {
        let Some(borrow) = self.0.dltensor_from_py_object_no_sync else {
            return Ok(false);
        };
        // SAFETY: the object is of the type that has the table.
        match unsafe { borrow(object.as_ptr().cast(), out) } {
            0 => Ok(true),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    /// Takes one more owner of an object's tensor. Streams are not synchronised.
    pub fn take(self, object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
        let Some(from_object) = self.0.managed_tensor_from_py_object_no_sync else {
            return Ok(None);
        };
        let mut raw: *mut DLManagedTensorVersioned = ptr::null_mut();
        // SAFETY: the object is of the type that has the table; on success the managed
        // tensor is owned here, on failure a Python exception is set.
        unsafe {
            if from_object(object.as_ptr().cast(), &mut raw) != 0 {
                return Err(PyErr::fetch(object.py()));
            }
            let imported = Tensor::import(raw).inspect_err(|_| foreign::release(raw));
            imported.map(Some).map_err(errors::exchange)
        }
    }

    /// An object of the framework with new memory, of the prototype's dtype, shape and
    /// device; None if the framework does not make any.
    pub fn allocate<'py>(
        self,
        py: Python<'py>,
        prototype: &DLTensor,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (Some(allocate), Some(to_object)) =
            (self.0.managed_tensor_allocator, self.0.managed_tensor_to_py_object_no_sync)
        else {
            return Ok(None);
        };
        let mut failure = Failure::default();
        let (mut prototype, mut raw) = (*prototype, ptr::null_mut());
        let (context, mut object) = ((&raw mut failure).cast(), ptr::null_mut());
        // SAFETY: the prototype has `ndim` extents; the managed tensor is the framework's
        // own, which it takes back.
        unsafe {
            if allocate(&mut prototype, &mut raw, context, Some(Failure::set)) != 0 {
                return Err(failure.into_error(py));
            }
            if to_object(raw, &mut object) != 0 {
                return Err(PyErr::fetch(py));
            }
            Bound::from_owned_ptr_or_err(py, object.cast()).map(Some)
        }
    }

    /// The stream that the framework works on now; NULL if it does not say.
    pub fn current_stream(self, py: Python<'_>, device: Device) -> PyResult<*mut c_void> {
        let mut stream = ptr::null_mut();
        let Some(current) = self.0.current_work_stream else {
            return Ok(stream);
        };
        let raw = device.raw();
        // SAFETY: a device; on success the stream is written.
        match unsafe { current(raw.device_type, raw.device_id, &mut stream) } {
            0 => Ok(stream),
            _ => Err(PyErr::fetch(py)),
        }
    }

    /// Makes an object of the framework that becomes an owner of the tensor. What the
    /// framework does not take is leaked: the caller gives what it does take.
    pub fn give<'py>(self, py: Python<'py>, tensor: Tensor) -> PyResult<Bound<'py, PyAny>> {
        let to_object = self.0.managed_tensor_to_py_object_no_sync.ok_or_else(|| {
            errors::refused("the framework's exchange table has no function to make a tensor")
        })?;
        let mut object: *mut c_void = ptr::null_mut();
        let raw = tensor.into_raw();
        // SAFETY: the managed tensor is given up. On failure some frameworks have
        // deleted it and some have not: it is leaked rather than deleted twice.
        unsafe {
            if to_object(raw, &mut object) != 0 {
                return Err(PyErr::fetch(py));
            }
            Bound::from_owned_ptr_or_err(py, object.cast())
        }
    }
}

/// The address of a table in a capsule. None for everything else.
fn in_capsule(found: &Bound<'_, PyAny>) -> Option<*mut DLPackExchangeAPIHeader> {
    let capsule = found.cast::<PyCapsule>().ok()?;
    Some(capsule.pointer_checked(Some(NAME)).ok()?.as_ptr().cast())
}

fn lock(known: &Mutex<Vec<Known>>) -> std::sync::MutexGuard<'_, Vec<Known>> {
    known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

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
        DLTensor { data: NOWHERE, strides: ptr::null_mut(), byte_offset: 0, ..*prototype };
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
            audit::given(py, &tensor, "DLPack exchange API", "")?;
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
            audit::given(py, tensor, "DLPack exchange API", "")?;
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
