//! Objects that describe their memory, but not by DLPack: array interfaces, buffers, and what
//! only gives arrays of itself.

use dlbridge::abi::{Flags, NOWHERE};
use dlbridge::cuda::Stream;
use dlbridge::{Error, RawArray, Tensor};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyType};

use crate::engine::array_method;
use crate::frameworks::framework::Framework;
use crate::frameworks::{numpy, registry};
use crate::protocols::exchange_table::Table;
use crate::protocols::raw_array::{self, Raw};
use crate::protocols::{array_interface, array_struct, buffer, cuda_array_interface, dlpack};
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::keep_alive::owned_by;
use crate::support::objects::intern;
use crate::values::acquired::Acquired;

/// What an object describes.
enum Described<'py> {
    Raw(Raw<'py>),
    /// A dictionary of the CUDA array interface.
    Cuda(Bound<'py, PyAny>),
}

fn described<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Option<Described<'py>>> {
    let py = obj.py();
    if obj.is_instance_of::<PyType>() {
        // What classes have is for their instances.
        return Ok(None);
    }
    // These have nothing else, and asking for each takes time.
    let plain = obj.is_exact_instance_of::<PyBytes>()
        || obj.is_exact_instance_of::<PyByteArray>()
        || obj.is_exact_instance_of::<PyMemoryView>();
    if !plain {
        if let Some(found) = obj.optional(intern!(py, "__array_struct__")?)? {
            return array_struct::describe(obj, &found).map(Described::Raw).map(Some);
        }
        if let Some(found) = obj.optional(intern!(py, "__array_interface__")?)? {
            return array_interface::describe(obj, &found).map(Described::Raw).map(Some);
        }
        if let Some(found) = obj.optional(intern!(py, "__cuda_array_interface__")?)? {
            return Ok(Some(Described::Cuda(found)));
        }
    }
    let raw = buffer::has_buffer(obj).then(|| buffer::describe(obj)).transpose()?;
    Ok(raw.map(Described::Raw))
}

/// A tensor of an object that does not speak DLPack, if it has one.
pub fn acquired(
    obj: &Bound<'_, PyAny>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Option<Acquired>> {
    match described(obj)? {
        Some(Described::Raw(raw)) => {
            // SAFETY: the interface says that the memory is there as long as the object is,
            // or the buffer until it is released.
            let tensor = unsafe { raw.into_tensor(obj.py(), copy) }?;
            Ok(Some(Acquired { reason: raw_array::REASON, ..tensor.into() }))
        }
        Some(Described::Cuda(found)) => {
            let work = stream.unwrap_or(Stream::LEGACY);
            cuda_array_interface::import(obj, &found, work).map(Some)
        }
        None => match (registry::copied_from(obj, copy)?, array_method::of(obj)?) {
            (Some(copied), _) => Ok(Some(copied.into())),
            (None, Some(method)) => {
                array_method::import(obj, &method, copy).map(|it| Some(it.into()))
            }
            (None, None) => Ok(None),
        },
    }
}

/// A tensor on the memory of an array whose framework has a quicker protocol than DLPack for
/// it. None for other objects, and for what they do not describe by it.
pub fn on_host(obj: &Bound<'_, PyAny>, framework: &Framework) -> PyResult<Option<Tensor>> {
    let py = obj.py();
    let Some(read) = framework.read_on_host else {
        return Ok(None);
    };
    // SAFETY: as in `acquired`. What would be a copy is left to DLPack.
    let tensor = |raw: Raw<'_>| unsafe { raw.into_tensor(py, Some(false)) };
    let made = read(obj).and_then(|raw| raw.map(tensor).transpose());
    errors::tolerate(py, made).map(Option::flatten)
}

/// What DLPack can have only as a copy, and why; None for other objects.
pub fn only_copied<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<(Raw<'py>, Error)>> {
    let found = if numpy::ARRAY.is_type_of(object) {
        numpy::only_copied(object)?
    } else if Table::of(object)?.is_some() || dlpack::method_of(object)?.is_some() {
        None
    } else {
        match described(object)? {
            Some(Described::Raw(raw)) => Some(raw),
            _ => None,
        }
    };
    Ok(found.and_then(|raw| raw.array.check().err().map(|reason| (raw, reason))))
}

/// The copy by which an object would become a tensor, on no memory, and why it is one; None
/// if it is shared, or refused.
pub fn would_copy(object: &Bound<'_, PyAny>) -> PyResult<Option<(Tensor, String)>> {
    let Some((Raw { array, .. }, reason)) = only_copied(object)? else {
        return Ok(None);
    };
    let mut array = RawArray { is_swapped: false, byte_strides: None, data: NOWHERE, ..array };
    array.flags.remove(Flags::READ_ONLY);
    // SAFETY: nobody reads the elements.
    let tensor = owned_by(object.clone(), |source| unsafe { array.wrap(source) })?;
    Ok(Some((tensor, reason.message().to_owned())))
}
