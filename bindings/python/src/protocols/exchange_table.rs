//! DLPack's exchange API: a table of C functions on a Python type, by which
//! tensors come and go without a Python call.

use std::ffi::{CStr, c_void};
use std::ptr;

use dlbridge::abi::{
    DLManagedTensorVersioned, DLPACK_VERSION, DLPackExchangeAPI, DLPackExchangeAPIHeader, DLTensor,
};
use dlbridge::{Device, Tensor, managed};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyType};

use crate::protocols::exchange_failure::Failure;
use crate::support::cache::TypeCache;
use crate::support::objects::intern;
use crate::support::{address, errors, optional};

pub const NAME: &CStr = c"dlpack_exchange_api";

/// The table of a framework, valid as long as the process.
#[derive(Clone, Copy)]
pub struct Table(&'static DLPackExchangeAPI);

// SAFETY: a table is never written to; its functions are called by attached threads.
unsafe impl Send for Table {}

// SAFETY: a table is never written to; its functions are called by attached threads.
unsafe impl Sync for Table {}

/// More versions than these are taken for a chain without an end.
const MOST_VERSIONS: usize = 16;

impl Table {
    /// The table of an object's exact type: a subclass may have one of its own, and
    /// PyTorch's read-only wrapper does.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Table>> {
        Table::of_type(&object.get_type())
    }

    /// The table of a type, if it has one, which is looked up once.
    pub fn of_type(class: &Bound<'_, PyType>) -> PyResult<Option<Table>> {
        static KNOWN: TypeCache<Table> = TypeCache::new();
        if let Some(table) = KNOWN.get(class.as_type_ptr()) {
            return Ok(Some(table));
        }
        let found = Table::look(class)?;
        if let Some(table) = found {
            KNOWN.set(class, table);
        }
        Ok(found)
    }

    fn look(class: &Bound<'_, PyType>) -> PyResult<Option<Table>> {
        let py = class.py();
        let found = match optional::of_class(class, intern!(py, "__dlpack_c_exchange_api__")?)? {
            Some(found) => in_capsule(&found),
            // Drafts of DLPack 1.3 had this name, and the address as a number.
            None => optional::of_class(class, intern!(py, "__c_dlpack_exchange_api__")?)?
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
            let imported = Tensor::import(raw).inspect_err(|_| managed::release(raw));
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
