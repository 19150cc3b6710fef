//! `from_dlpack`: taking tensors of other frameworks.

use dlbridge::abi::{DLManagedTensorVersioned, Flags};
use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Tensor};
use pyo3::exceptions::{
    PyAssertionError, PyBufferError, PyRecursionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyDict, PyTuple, PyType};

use crate::exchange::Table;
use crate::function::Function;
use crate::once::once;
use crate::support::objects::{self, Address, Ask, intern};
use crate::support::parameters::{Arguments, Parameters};
use crate::tensor::PyTensor;
use crate::transfer::Made;
use crate::{
    address, audit, capsule, device, direct, errors, exceptions, flag, framework, numpy, stream,
    torch, transfer,
};

/// `from_dlpack`.
pub struct FromDlpack;

impl Function for FromDlpack {
    type Own = PyModule;

    const NAME: &'static str = "from_dlpack";
    const SIGNATURE: &'static str = "(x, /, *, device=None, copy=None, stream=None)";
    const DOCUMENTATION: &'static str = "\
A tensor on the memory of an object with `__dlpack__`, or of a DLPack capsule.

With `device`, what is on another one is copied there, unless `copy` is False.
`copy` is as in the array API standard: True always copies, False raises
CopyError rather than copy, None copies if there is no other way. What comes
in the legacy form, which cannot say whether it may be written to, is read-only.

Memory of a GPU is waited for by `stream`, on which it may be used then: None is
PyTorch's current stream for its tensors, else the legacy default stream; 1, 2 or
a handle as for `empty`. With `device` and `stream`, memory of the host is to be kept
until the stream is past the copy (that of a capsule is). Another library frees memory
of a GPU in its own order: be done with it before the last tensor goes.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<1, 3> = Parameters::of(FromDlpack::SIGNATURE);
        let py = own.py();
        let ([x], [device, copy, stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flag::copy_or(copy, None)?;
        let device = device::optional(device)?;
        let made = take(x, device, copy, stream::parse(stream)?)?;
        audit::taken(x, &made, copy)?;
        PyTensor::from(made).into_object(py)
    }

    #[inline]
    fn at_once<'py>(
        _own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        direct::tensor_of(given)
    }
}

/// `from_managed`.
pub struct FromManaged;

impl Function for FromManaged {
    type Own = PyModule;

    const NAME: &'static str = "_from_managed";
    const SIGNATURE: &'static str = "(address, /)";
    const DOCUMENTATION: &'static str = "\
Takes over a DLManagedTensorVersioned from C, by its address. On error the
caller still owns it.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<1, 0> = Parameters::of(FromManaged::SIGNATURE);
        let py = own.py();
        let ([address], []) = PARAMETERS.read(py, Self::NAME, given)?;
        let raw = address::number("address", address)? as *mut DLManagedTensorVersioned;
        if !raw.is_null() && !address::can_be(raw) {
            let text = format!("address is {raw:p}, where no DLManagedTensorVersioned can lie");
            return Err(errors::new::<PyValueError>(text));
        }
        // SAFETY: the caller says that it owns such a struct; nothing can check that.
        let tensor = unsafe { Tensor::import(raw) };
        let tensor = tensor.map_err(|error| {
            let message = format!("{}; the caller still owns the tensor", error.message());
            errors::exchange(dlbridge::Error::new(error.status(), message))
        })?;
        PyTensor::new(tensor).into_object(py)
    }
}

/// What `from_dlpack` takes, with its arguments.
pub fn take(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Made> {
    let made = if let Ok(own) = x.cast_exact::<PyTensor>() {
        shared(own.get(), stream)
    } else if numpy::ARRAY.is_exact_type_of(x) {
        numpy::import(x, copy).map(Made::from)
    } else if let Ok(capsule) = x.cast_exact::<PyCapsule>() {
        if let (Some(wanted), Some((own, _))) = (device, capsule::peek(capsule)?) {
            check_way(own, wanted, copy)?;
        }
        // Nobody says whether it may be written to: JAX's arrays, for one, may not.
        let tensor = capsule::consume(capsule, Flags::READ_ONLY)?;
        // Nobody says on which stream it was made either.
        Ok(Made { stream: stream::lasting(stream.unwrap_or(Stream::LEGACY)), ..tensor.into() })
    } else if torch::TENSOR.is_type_of(x) {
        torch::import(x, device, copy, stream)
    } else {
        numpy::check_kind(x)?;
        framework::check_source(x)?;
        if numpy::ARRAY.is_type_of(x) && numpy::only_copied(x)?.is_some() {
            return settle(x.py(), numpy::import(x, copy)?, device, copy, stream);
        }
        match exchanged(x, device, copy)? {
            Some(tensor) => Ok(tensor.into()),
            None => moved_by_its_own(x, device, copy, stream),
        }
    };
    let made = made?;
    // Nobody else keeps the memory of a capsule until a copy has been made of it.
    let is_moved = device.is_some_and(|wanted| wanted != made.tensor.device());
    let kept = (is_moved && stream.is_some() && x.is_exact_instance_of::<PyCapsule>())
        .then(|| made.tensor.share().map_err(errors::exchange))
        .transpose()?;
    let settled = settle(x.py(), made, device, copy, stream)?;
    if kept.as_ref().is_some_and(|kept| kept.device().is_host_accessible()) {
        stream::synchronize(x.py(), settled.stream, settled.tensor.device())?;
    }
    Ok(settled)
}

/// Refuses what is certain to fail before a capsule is taken over.
fn check_way(own: Device, wanted: Device, copy: Option<bool>) -> PyResult<()> {
    if own == wanted {
        return Ok(());
    }
    let told = |reason: &str| format!("the tensor is on {own} and {wanted} is wanted, {reason}");
    match (copy, cuda::device_count()) {
        (Some(false), _) => {
            let reason = "which takes a copy, and copy is False; copy=None or True makes it";
            Err(exceptions::copy_refused(told(reason)))
        }
        (_, Err(error)) => {
            Err(errors::refused(told(&format!("which takes CUDA: {}", error.message()))))
        }
        (_, Ok(_)) => Ok(()),
    }
}

/// One more owner, for work on that stream.
pub fn shared(own: &PyTensor, stream: Option<Stream>) -> PyResult<Made> {
    let (tensor, made) = (own.core(), own.stream());
    let mut work = made;
    if let Some(named) = stream.filter(|_| stream::has_cuda_streams(tensor.device())) {
        stream::wait(named, made, tensor.device())?;
        work = stream::lasting(named);
    }
    let shared = match work == made {
        true => tensor.share().map_err(errors::exchange)?,
        false => transfer::lent(tensor, made, work)?,
    };
    Ok(Made { stream: work, ..shared.into() })
}

/// Goes to the device, and copies if that was asked for and not done yet.
pub fn settle(
    py: Python<'_>,
    made: impl Into<Made>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Made> {
    let made = made.into();
    let device = device.filter(|wanted| *wanted != made.tensor.device());
    let copies = copy == Some(true) && !made.tensor.flags().contains(Flags::IS_COPIED);
    match device {
        Some(wanted) if copy == Some(false) => Err(transfer::refuse(&made.tensor, wanted)),
        None if !copies => Ok(made),
        device => made.settle(py, device, copies, stream),
    }
}

/// As `produced`, by a framework that may know the way to the device; if it does not,
/// from where the memory is.
pub fn moved_by_its_own(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Made> {
    match produced(x, device, copy, stream) {
        Err(error)
            if device.is_some()
                && copy != Some(false)
                && error.is_instance_of::<PyBufferError>(x.py()) =>
        {
            produced(x, None, None, stream).map_err(|again| errors::rather(x.py(), error, again))
        }
        made => made,
    }
}

/// Takes a tensor by its type's table of C functions, if there is one. Those do not
/// synchronise streams, and know of no device to go to.
fn exchanged(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Option<Tensor>> {
    let Some(table) = Table::of(x)?.filter(|_| device.is_none()) else {
        return Ok(None);
    };
    let taken = table.take(x).map_err(|error| as_refusal(x, error))?;
    let tensor = taken.filter(|tensor| tensor.device() == Device::CPU);
    if let Some(tensor) = &tensor {
        check_device(x, tensor, None, None)?;
        check_not_copied(x, tensor, copy)?;
    }
    Ok(tensor)
}

/// Refuses a tensor on another device than its producer says: by that the stream was
/// chosen, and by that others choose.
///
/// `own` is what it said before, if it was asked; it may also have moved to `wanted`.
fn check_device(
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

fn check_not_copied(x: &Bound<'_, PyAny>, tensor: &Tensor, copy: Option<bool>) -> PyResult<()> {
    if copy == Some(false) && tensor.flags().contains(Flags::IS_COPIED) {
        return Err(exceptions::copy_refused(format_args!(
            "{} made a copy ({} bytes) although copy=False; copy=None allows it",
            errors::type_name(x),
            tensor.layout().bytes()
        )));
    }
    Ok(())
}

const MAX_VERSION: &str = "max_version";
const STREAM: &str = "stream";

/// Calls `x.__dlpack__`.
pub fn produced(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Made> {
    static VERSION: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let py = x.py();
    let method = producer_of(x)?.ok_or_else(|| exceptions::no_dlpack("x", x))?;
    let arguments = objects::dict(py)?;
    let version = once(py, &VERSION, || objects::ints(py, &[1, 3]).map(Bound::unbind))?;
    arguments.set_item(intern!(py, MAX_VERSION)?, version)?;
    let own = match (device, copy, stream) {
        (None, None | Some(false), None) => None,
        _ => device_of(x)?,
    };
    // Without it, producers make the legacy default stream wait.
    let work = stream.filter(|_| own.is_some_and(stream::has_cuda_streams));
    let to_host = device.is_some_and(Device::is_host_accessible);
    if let Some(work) = work.filter(|_| !to_host) {
        arguments.set_item(intern!(py, STREAM)?, Address(stream::number(work)))?;
    }
    if let Some(wanted) = device.filter(|wanted| Some(*wanted) != own) {
        arguments.set_item(intern!(py, "dl_device")?, device::pair(py, wanted)?)?;
    }
    // On the host the copy is made here, since not every producer that is asked for
    // one makes it, or says whether it did.
    let asks_copy = copy == Some(true) && own.is_some_and(|own| !own.is_host_accessible());
    if asks_copy || copy == Some(false) {
        arguments.set_item(intern!(py, "copy")?, copy)?;
    }
    let result = call(&method, &arguments).map_err(|error| as_refusal(x, error))?;
    let capsule = result.cast::<PyCapsule>().map_err(|_| {
        errors::new::<PyTypeError>(format_args!(
            "__dlpack__ of {} returned a {}; it must return a capsule",
            errors::type_name(x),
            errors::type_name(&result)
        ))
    })?;
    let tensor = capsule::consume(capsule, framework::legacy_flags(x))?;
    check_device(x, &tensor, own, device)?;
    check_not_copied(x, &tensor, copy)?;
    Ok(Made { stream: stream::lasting(work.unwrap_or(Stream::LEGACY)), ..tensor.into() })
}

/// The method `__dlpack__` of an object, if it has one. That of a class is for
/// its instances.
pub fn producer_of<'py>(x: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let method = x.getattr_opt(intern!(x.py(), "__dlpack__")?)?;
    Ok(method.filter(|_| !x.is_instance_of::<PyType>()))
}

/// The device that an object says it is on, if it does.
pub fn device_of(x: &Bound<'_, PyAny>) -> PyResult<Option<Device>> {
    let Some(method) = x.getattr_opt(intern!(x.py(), "__dlpack_device__")?)? else {
        return Ok(None);
    };
    let pair = method.call0().map_err(|error| as_refusal(x, error))?;
    device::from_pair("__dlpack_device__()", &pair).map(Some)
}

/// Calls a producer; if it does not know one of the keywords, then with
/// `max_version` alone, and then without any, but for the stream. An error of its own is passed on:
/// calling it again would hide that error.
fn call<'py>(
    method: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = method.py();
    let first = match method.called_with([], arguments) {
        Err(error) if is_unknown_keyword(py, &error, arguments)? => error,
        result => return result,
    };
    let (version, rest) = (objects::dict(py)?, objects::dict(py)?);
    let name = intern!(py, MAX_VERSION)?;
    version.set_item(name, arguments.get_item(name)?)?;
    if let Some(stream) = arguments.get_item(intern!(py, STREAM)?)? {
        version.set_item(intern!(py, STREAM)?, &stream)?;
        rest.set_item(intern!(py, STREAM)?, stream)?;
    }
    let second = match arguments.len() == version.len() {
        true => first,
        false => match method.called_with([], &version) {
            Err(error) if is_unknown_keyword(py, &error, &version)? => error,
            result => return result.inspect_err(|second| second.set_context(py, Some(first))),
        },
    };
    method.called_with([], &rest).inspect_err(|third| third.set_context(py, Some(second)))
}

/// Whether a call failed since it was given a keyword that is not known.
pub fn is_unknown_keyword(
    py: Python<'_>,
    error: &PyErr,
    arguments: &Bound<'_, PyDict>,
) -> PyResult<bool> {
    if !error.is_instance_of::<PyTypeError>(py) {
        return Ok(false);
    }
    let text = errors::message(py, error)?;
    let is_named = |name: &Bound<'_, PyAny>| {
        errors::text(name).is_some_and(|name| text.contains(&format!("'{name}'")))
    };
    let names_one = arguments.iter().any(|(name, _)| is_named(&name));
    // Raised by the call itself, there is no frame of Python code in between.
    let by_the_call = error.traceback(py).is_none();
    let keywords = text.contains("keyword");
    Ok(keywords && (names_one || by_the_call)
        || by_the_call && text.contains("incompatible function arguments"))
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
