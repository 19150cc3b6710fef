//! `__dlpack__` and `__dlpack_device__` of foreign objects.
//!
//! Rules: <https://data-apis.org/array-api/latest/API_specification/generated/array_api.array.__dlpack__.html>

use dlbridge::abi::Flags;
use dlbridge::cuda::Stream;
use dlbridge::{Device, Tensor};
use pyo3::exceptions::{
    PyAssertionError, PyBufferError, PyRecursionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyTuple, PyType};

use crate::protocols::capsule;
use crate::protocols::keywords::{Keyword, Keywords};
use crate::support::ask::Ask;
use crate::support::lazy::once;
use crate::support::objects::{self, intern};
use crate::support::{errors, exceptions};
use crate::values::acquired::Acquired;
use crate::values::{device, stream};

/// Calls `x.__dlpack__`. `legacy` is what is known of memory that comes in the legacy form, which
/// does not say whether it may be written to.
pub fn produced(
    x: &Bound<'_, PyAny>,
    method: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
    legacy: Flags,
) -> PyResult<Acquired> {
    static VERSION: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let py = x.py();
    let mut arguments = Keywords::default();
    let version = once(py, &VERSION, || objects::ints(py, &[1, 3]).map(Bound::unbind))?;
    arguments.set(Keyword::MaxVersion, version.bind(py).clone().into_any());
    let own = match (device, copy, stream) {
        (None, None | Some(false), None) => None,
        _ => device_of(x)?,
    };
    // Without it, producers make the legacy default stream wait.
    let work = stream.filter(|_| own.is_some_and(stream::has_cuda_streams));
    let to_host = device.is_some_and(Device::is_host_accessible);
    if let Some(work) = work.filter(|_| !to_host) {
        let number = objects::address(py, stream::number(work))?;
        arguments.set(Keyword::Stream, number.into_any());
    }
    if let Some(wanted) = device.filter(|wanted| Some(*wanted) != own) {
        arguments.set(Keyword::Device, device::pair(py, wanted)?.into_any());
    }
    // On the host the copy is made here, since not every producer that is asked for
    // one makes it, or says whether it did.
    let asks_copy = copy == Some(true) && own.is_some_and(|own| !own.is_host_accessible());
    if let Some(copy) = copy.filter(|copy| asks_copy || !copy) {
        arguments.set(Keyword::Copy, objects::truth(py, copy));
    }
    let result = call(method, &arguments).map_err(|error| as_refusal(x, error))?;
    let capsule = result.cast::<PyCapsule>().map_err(|_| {
        errors::new::<PyTypeError>(format_args!(
            "__dlpack__ of {} returned a {}; it must return a capsule",
            errors::type_name(x),
            errors::type_name(&result)
        ))
    })?;
    let tensor = capsule::consume(capsule, legacy)?;
    check_device(x, &tensor, own, device)?;
    check_not_copied(x, &tensor, copy)?;
    Ok(Acquired { stream: stream::lasting(work.unwrap_or(Stream::LEGACY)), ..tensor.into() })
}

/// As `produced`, by a framework that may know the way to the device; if it does not,
/// from where the memory is.
pub fn moved_by_its_own(
    x: &Bound<'_, PyAny>,
    method: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
    legacy: Flags,
) -> PyResult<Acquired> {
    match produced(x, method, device, copy, stream, legacy) {
        Err(error)
            if device.is_some()
                && copy != Some(false)
                && error.is_instance_of::<PyBufferError>(x.py()) =>
        {
            produced(x, method, None, None, stream, legacy)
                .map_err(|again| errors::rather(x.py(), error, again))
        }
        made => made,
    }
}

/// The method `__dlpack__` of an object, if it has one. That of a class is for
/// its instances.
pub fn method_of<'py>(x: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let method = x.optional(intern!(x.py(), "__dlpack__")?)?;
    Ok(method.filter(|_| !x.is_instance_of::<PyType>()))
}

/// The device that an object says it is on, if it does.
pub fn device_of(x: &Bound<'_, PyAny>) -> PyResult<Option<Device>> {
    let Some(method) = x.optional(intern!(x.py(), "__dlpack_device__")?)? else {
        return Ok(None);
    };
    let pair = method.call0().map_err(|error| as_refusal(x, error))?;
    device::from_pair("__dlpack_device__()", &pair).map(Some)
}

/// Refuses a tensor on another device than its producer says: by that the stream was
/// chosen, and by that others choose.
///
/// `own` is what it said before, if it was asked; it may also have moved to `wanted`.
pub fn check_device(
    x: &Bound<'_, PyAny>,
    tensor: &Tensor,
    own: Option<Device>,
    wanted: Option<Device>,
) -> PyResult<()> {
    let found = tensor.device();
    let said = match own {
        Some(own) => Some(own),
        None => errors::tolerate(x.py(), device_of(x))?.flatten(),
    };
    let fits = |device: Device| is_same_memory(device, found);
    if said.is_none_or(fits) || wanted.is_some_and(fits) {
        return Ok(());
    }
    let said = said.unwrap_or(found);
    Err(errors::refused(format!(
        "__dlpack_device__() of {} says {said}, and its tensor is on {found}; both must name one device",
        errors::type_name(x)
    )))
}

/// Whether two names may be of the same memory.
///
/// Pinned memory is memory of the host, and PyTorch says 3 (kDLCUDAHost) in
/// `__dlpack_device__` and CPU in its capsules (pytorch#136250); of CuPy's it is the other
/// way round (jax#37896). Managed memory is on no device: CuPy asks for its pointer, others say 0.
fn is_same_memory(said: Device, found: Device) -> bool {
    const HOST: [&str; 3] = ["cpu", "cuda_pinned", "rocm_pinned"];
    let is_host = |device: Device| HOST.contains(&device.type_name());
    let is_managed = |device: Device| device.type_name() == "cuda_managed";
    said == found || is_host(said) && is_host(found) || is_managed(said) && is_managed(found)
}

/// Refuses a copy that was not to be made.
pub fn check_not_copied(x: &Bound<'_, PyAny>, tensor: &Tensor, copy: Option<bool>) -> PyResult<()> {
    if copy == Some(false) && tensor.flags().contains(Flags::IS_COPIED) {
        return Err(exceptions::copy_refused(format_args!(
            "{} made a copy ({} bytes) although copy=False; copy=None allows it",
            errors::type_name(x),
            tensor.layout().bytes()
        )));
    }
    Ok(())
}

/// Calls a producer; if it does not know one of the keywords, then with
/// `max_version` alone, and then without any, but for the stream. An error of its own is passed on:
/// calling it again would hide that error.
fn call<'py>(method: &Bound<'py, PyAny>, arguments: &Keywords<'py>) -> PyResult<Bound<'py, PyAny>> {
    let py = method.py();
    let first = match arguments.call(method) {
        Err(error) if arguments.are_refused(py, &error)? => error,
        result => return result,
    };
    let version = arguments.only(&[Keyword::MaxVersion, Keyword::Stream]);
    let second = match arguments.count() == version.count() {
        true => first,
        false => match version.call(method) {
            Err(error) if version.are_refused(py, &error)? => error,
            result => return result.inspect_err(|second| second.set_context(py, Some(first))),
        },
    };
    let rest = version.only(&[Keyword::Stream]);
    rest.call(method).inspect_err(|third| third.set_context(py, Some(second)))
}

/// Producers refuse with all kinds of exceptions: NumPy with RuntimeError,
/// PyArrow with ValueError, PyTorch also with AssertionError. DLPack's is
/// BufferError, with theirs as the cause.
pub fn as_refusal(x: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = x.py();
    let is_refusal = (error.is_instance_of::<PyRuntimeError>(py)
        && !error.is_instance_of::<PyRecursionError>(py))
        || error.is_instance_of::<PyValueError>(py) && !error.is_instance_of::<PyBufferError>(py)
        || error.is_instance_of::<PyAssertionError>(py);
    if !is_refusal {
        return error;
    }
    errors::retold(py, error, |text| format!("{} cannot be exported: {text}", errors::type_name(x)))
}
