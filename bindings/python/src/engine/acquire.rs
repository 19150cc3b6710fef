//! A tensor of any object: the one place that decides by which protocol an object is read.

use dlbridge::abi::Flags;
use dlbridge::cuda::{self, Stream};
use dlbridge::{Device, Tensor};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::engine::{copy, described, reader};
use crate::frameworks::framework::Framework;
use crate::frameworks::{numpy, registry, torch};
use crate::protocols::exchange_table::Table;
use crate::protocols::{capsule, dlpack};
use crate::support::keep_alive::kept;
use crate::support::{errors, exceptions};
use crate::values::acquired::Acquired;
use crate::values::tensor::PyTensor;
use crate::values::{audit, stream};

/// Which objects are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// Those that speak DLPack, as `from_dlpack` takes them.
    DLPack,
    /// All that have memory to share, as `asarray` takes them.
    Any,
}

/// Where the tensor is wanted, whether as a copy, and on which stream it is to be ready.
#[derive(Clone, Copy, Default)]
pub struct Wanted {
    pub device: Option<Device>,
    pub copy: Option<bool>,
    pub stream: Option<Stream>,
}

/// The object itself if it is a Tensor and nothing is to be copied.
pub fn tensor_of<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyTensor>> {
    match itself(obj, device, copy) {
        Some(own) => Ok(own),
        None => {
            let wanted = Wanted { device, copy, stream: None };
            Bound::new(obj.py(), PyTensor::from(acquire(obj, Accepts::Any, wanted)?))
        }
    }
}

pub fn itself<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> Option<Bound<'py, PyTensor>> {
    let own = obj.cast_exact::<PyTensor>().ok()?;
    let is_there = device.is_none_or(|wanted| wanted == own.get().core().device());
    (is_there && copy != Some(true)).then(|| own.clone())
}

/// How many bytes the elements of an object take.
pub fn bytes_of(obj: &Bound<'_, PyAny>) -> PyResult<i64> {
    Ok(tensor_of(obj, None, None)?.get().core().layout().bytes())
}

/// A tensor with an owner of its own.
pub fn acquire(x: &Bound<'_, PyAny>, accepts: Accepts, wanted: Wanted) -> PyResult<Acquired> {
    let Wanted { device, copy, stream } = wanted;
    let acquired = if let Ok(own) = x.cast_exact::<PyTensor>() {
        shared(own.get(), stream)?
    } else if numpy::ARRAY.is_exact_type_of(x) {
        numpy::import(x, copy)?.into()
    } else if let Ok(capsule) = x.cast_exact::<PyCapsule>() {
        return of_capsule(capsule, wanted);
    } else {
        match registry::of(x) {
            Some(framework) if framework == registry::TORCH => {
                torch::import(x, device, copy, stream)?
            }
            Some(framework) => of_framework(x, framework, accepts, wanted)?,
            None => of_stranger(x, accepts, wanted)?,
        }
    };
    settle(x.py(), acquired, wanted)
}

/// As `acquire`, of an array of NumPy or PyTorch on the host, where no foreign code runs. None for
/// all else.
#[inline]
pub fn at_once<'py>(x: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if audit::is_on() {
        return Ok(None);
    }
    reader::borrowed(x, |view, keeper| {
        // SAFETY: the view came with the object that keeps its memory.
        PyTensor::new(unsafe { kept(view, keeper) }?).into_object(x.py()).map(Some)
    })
}

/// Of an array of a known framework.
fn of_framework(
    x: &Bound<'_, PyAny>,
    framework: &Framework,
    accepts: Accepts,
    wanted: Wanted,
) -> PyResult<Acquired> {
    if framework == registry::NUMPY {
        numpy::check_kind(x)?;
        if accepts == Accepts::Any || numpy::only_copied(x)?.is_some() {
            return numpy::import(x, wanted.copy).map(Acquired::from);
        }
    }
    if accepts == Accepts::Any
        && let Some(tensor) = described::on_host(x, framework)?
    {
        return Ok(tensor.into());
    }
    framework.check_source.map_or(Ok(()), |check| check(x))?;
    match exchanged(x, wanted)? {
        Some(tensor) => Ok(tensor.into()),
        None => by_method(x, accepts, wanted, framework.legacy_flags()),
    }
}

fn of_stranger(x: &Bound<'_, PyAny>, accepts: Accepts, wanted: Wanted) -> PyResult<Acquired> {
    if accepts == Accepts::Any
        && let Some(scalar) = numpy::import_scalar(x)?
    {
        return Ok(scalar.into());
    }
    if let Some(tensor) = exchanged(x, wanted)? {
        // That of a known framework is on the device that its objects name: the tests say so.
        dlpack::check_device(x, &tensor, None, None)?;
        return Ok(tensor.into());
    }
    by_method(x, accepts, wanted, Flags::READ_ONLY)
}

/// By `__dlpack__`, or by what else describes memory.
fn by_method(
    x: &Bound<'_, PyAny>,
    accepts: Accepts,
    wanted: Wanted,
    legacy: Flags,
) -> PyResult<Acquired> {
    let Wanted { device, copy, stream } = wanted;
    match (dlpack::method_of(x)?, accepts) {
        (Some(method), _) => dlpack::moved_by_its_own(x, &method, device, copy, stream, legacy),
        (None, Accepts::DLPack) => Err(exceptions::no_dlpack("x", x)),
        (None, Accepts::Any) => match described::acquired(x, copy, stream)? {
            Some(acquired) => Ok(acquired),
            None => Err(errors::wrong_type(
                "obj",
                x,
                "an array: of NumPy, with __dlpack__, an array interface or a buffer, or a DLPack capsule \
                 (numpy.asarray makes arrays of lists and numbers)",
            )),
        },
    }
}

fn of_capsule(x: &Bound<'_, PyCapsule>, wanted: Wanted) -> PyResult<Acquired> {
    if let (Some(device), Some((own, _))) = (wanted.device, capsule::peek(x)?) {
        check_way(own, device, wanted.copy)?;
    }
    // Nobody says whether it may be written to: JAX's arrays, for one, may not.
    let tensor = capsule::consume(x, Flags::READ_ONLY)?;
    // Nobody says on which stream it was made either.
    let stream = stream::lasting(wanted.stream.unwrap_or(Stream::LEGACY));
    // Nobody else keeps its memory until a copy has been made of it.
    let is_moved = wanted.device.is_some_and(|device| device != tensor.device());
    let kept = (is_moved && wanted.stream.is_some())
        .then(|| tensor.share().map_err(errors::exchange))
        .transpose()?;
    let settled = settle(x.py(), Acquired { stream, ..tensor.into() }, wanted)?;
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
    let refusal = |reason: &str| format!("the tensor is on {own} and {wanted} is wanted, {reason}");
    match (copy, cuda::device_count()) {
        (Some(false), _) => {
            let reason = "which takes a copy, and copy is False; copy=None or True makes it";
            Err(exceptions::copy_refused(refusal(reason)))
        }
        (_, Err(error)) => {
            Err(errors::refused(refusal(&format!("which takes CUDA: {}", error.message()))))
        }
        (_, Ok(_)) => Ok(()),
    }
}

/// One more owner, for work on that stream.
pub fn shared(own: &PyTensor, stream: Option<Stream>) -> PyResult<Acquired> {
    let (tensor, ready) = (own.core(), own.stream());
    let mut work = ready;
    if let Some(named) = stream.filter(|_| stream::has_cuda_streams(tensor.device())) {
        stream::wait(named, ready, tensor.device())?;
        work = stream::lasting(named);
    }
    let shared = match work == ready {
        true => tensor.share().map_err(errors::exchange)?,
        false => copy::lent(tensor, ready, work)?,
    };
    Ok(Acquired { stream: work, ..shared.into() })
}

/// Goes to the device, and copies if that was asked for and not done yet.
pub fn settle(py: Python<'_>, acquired: Acquired, wanted: Wanted) -> PyResult<Acquired> {
    let Wanted { device, copy, stream } = wanted;
    let device = device.filter(|wanted| *wanted != acquired.tensor.device());
    let copies = copy == Some(true) && !acquired.tensor.flags().contains(Flags::IS_COPIED);
    match device {
        Some(device) if copy == Some(false) => Err(copy::refuse(&acquired.tensor, device)),
        Some(device) => {
            let made = copy::copy_to(py, &acquired.tensor, acquired.stream, device, stream)?;
            Ok(Acquired { moved: true, ..made })
        }
        None if copies => copy::copy_of(py, &acquired.tensor, acquired.stream, stream),
        None => Ok(acquired),
    }
}

/// Takes a tensor by its type's table of C functions, if there is one. Those do not
/// synchronise streams, and know of no device to go to.
fn exchanged(x: &Bound<'_, PyAny>, wanted: Wanted) -> PyResult<Option<Tensor>> {
    let Some(table) = Table::of(x)?.filter(|_| wanted.device.is_none()) else {
        return Ok(None);
    };
    let taken = table.take(x).map_err(|error| dlpack::as_refusal(x, error))?;
    let tensor = taken.filter(|tensor| tensor.device() == Device::CPU);
    if let Some(tensor) = &tensor {
        dlpack::check_not_copied(x, tensor, wanted.copy)?;
    }
    Ok(tensor)
}
