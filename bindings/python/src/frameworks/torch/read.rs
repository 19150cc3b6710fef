//! Tensors of PyTorch, which is never imported for them. How it is given tensors is
//! in `framework/torch.rs`.

use dlbridge::abi::{DLDeviceType, DLTensor, Flags};
use dlbridge::cuda::Stream;
use dlbridge::{Device, TensorRef};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::bounds;
use super::types::{current_stream, is_plain, table, within};
use crate::frameworks::torch::bounds::Held;
use crate::frameworks::torch::functions::Functions;
use crate::frameworks::torch::refusal::{Reason, explain};
use crate::frameworks::torch::state::State;
use crate::protocols::dlpack;
use crate::protocols::exchange_table::Table;
use crate::support::ask::Ask;
use crate::support::keep_alive::kept;
use crate::support::lazy::once;
use crate::support::objects::intern;
use crate::support::{errors, exceptions, vectorcall};
use crate::values::acquired::Acquired;
use crate::values::descriptor::EMPTY;
use crate::values::stream;

/// A tensor on the memory of a torch.Tensor.
pub fn import(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Acquired> {
    taken(x, device, copy, stream).map_err(|error| explain(x, error))
}

fn taken(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Acquired> {
    // A subclass may export itself in another way (torch has a read-only one), and is
    // left to do that.
    if !is_plain(x) {
        check_subclass(x)?;
        return produced(x, device, copy, stream);
    }
    let mut descriptor = EMPTY;
    if let Some(storage) = described(x, &mut descriptor)? {
        // SAFETY: the storage, which the tensor keeps, is where the elements are. Nothing
        // has run since the descriptor was made.
        let kept = unsafe { kept(&view(&descriptor).map_err(errors::exchange)?, storage) };
        return kept.map(Acquired::from);
    }
    bounds::check_asked(x)?;
    // An export holds the tensor object, not its memory, which x.set_() or x.data = ...
    // would take away. A detached alias keeps it.
    let alias = x.call_method0(intern!(x.py(), "detach")?);
    let alias = alias.map_err(|error| dlpack::as_refusal(x, error))?;
    produced(&alias, device, copy, stream)
}

/// By `__dlpack__`, for the stream that is named or the one that PyTorch works on now:
/// that one has nothing to wait for.
fn produced(
    x: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Acquired> {
    let own = dlpack::device_of(x)?.filter(|own| stream::has_cuda_streams(*own));
    let work = match (stream, own) {
        (None, Some(own)) => Some(current_stream(x.py(), own)?),
        _ => stream,
    };
    let legacy = if is_plain(x) { Flags::empty() } else { Flags::READ_ONLY };
    let method = dlpack::method_of(x)?.ok_or_else(|| exceptions::no_dlpack("x", x))?;
    dlpack::moved_by_its_own(x, &method, device, copy, work, legacy)
}

/// Writes what a tensor of PyTorch's own types on the host is, and gives the storage that keeps
/// its memory: the tensor may get another one. None for other objects, where it takes Python to
/// find out, and for what is refused.
#[inline]
pub fn storage_at_once<'py>(
    x: &Bound<'py, PyAny>,
    out: &mut DLTensor,
) -> Option<Bound<'py, PyAny>> {
    if !is_plain(x) {
        return None;
    }
    let functions = Functions::get(x.py())?;
    // First: foreign code may run here, and change the tensor.
    let storage = functions.storage(x)?;
    functions.look_at(x, out).then_some(storage)
}

/// As `borrow`, of what nearly all are, on the host, and without code of others. False also
/// for what is refused.
#[inline]
pub fn borrow_directly(x: &Bound<'_, PyAny>, out: &mut DLTensor) -> bool {
    is_plain(x) && Functions::known(x.py()).is_some_and(|functions| functions.look_at(x, out))
}

/// Writes what a torch.Tensor is now, on any device, for as long as nobody changes it.
/// False for other objects, and if PyTorch does not tell.
pub fn borrow(x: &Bound<'_, PyAny>, out: &mut DLTensor) -> PyResult<bool> {
    if !is_plain(x) {
        return Ok(false);
    }
    if Functions::get(x.py()).is_some_and(|functions| functions.look_at(x, out)) {
        return Ok(true);
    }
    check(x).map_err(|error| explain(x, error))?;
    let Some(table) = table(x.py())? else {
        return Ok(false);
    };
    let found = Held::of(x).and_then(|held| {
        // SAFETY: the caller uses it before anything else runs.
        unsafe { look_inside(table, x, held, out) }
    });
    found.map_err(|error| explain(x, dlpack::as_refusal(x, error)))
}

/// As `Table::look_at`, of a tensor that its storage holds.
///
/// # Safety
/// As there.
unsafe fn look_inside(
    table: Table,
    x: &Bound<'_, PyAny>,
    held: Held,
    out: &mut DLTensor,
) -> PyResult<bool> {
    // SAFETY: the caller's promise; PyTorch gives as many extents and strides as it says.
    unsafe {
        let found = table.look_at(x, out)?;
        if found {
            held.check(out)?;
            // What has a storage of a size but no memory stands for something else.
            view(out).map_err(errors::exchange)?;
        }
        Ok(found)
    }
}

/// A descriptor of PyTorch, checked.
///
/// # Safety
/// Nothing has run since `look_at`.
#[inline]
pub unsafe fn view(descriptor: &DLTensor) -> dlbridge::Result<TensorRef<'_>> {
    // SAFETY: the caller's promise; and PyTorch's functions are trusted as far as that.
    unsafe { TensorRef::new(descriptor, Flags::empty()) }
}

/// Refuses what PyTorch would let through although it is not the numbers in memory.
fn check(x: &Bound<'_, PyAny>) -> PyResult<()> {
    refuse(State::of(x)?)
}

fn refuse(state: State) -> PyResult<()> {
    let (what, way) = if state.requires_grad {
        ("requires grad, which no other library records", "pass x.detach()")
    } else if state.has_tangent {
        let way = "pass torch.autograd.forward_ad.unpack_dual(x).primal";
        ("is dual: no other library keeps its tangent", way)
    } else if state.is_neg {
        ("is negated lazily: its memory has the wrong signs", "pass x.resolve_neg()")
    } else if state.is_conj {
        let what = "is conjugated lazily: its memory has the wrong imaginary signs";
        (what, "pass x.resolve_conj()")
    } else {
        return Ok(());
    };
    Err(Reason::new(what, way).error())
}

/// As `check`, for a subclass that may not want to be asked: torch's read-only one
/// raises for everything but its export.
fn check_subclass(x: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = x.py();
    within(py, c"DisableTorchFunctionSubclass", || {
        State::asked(x).and_then(refuse)?;
        // A subclass that only wraps others has no memory of its own.
        match Held::asked(x) {
            Ok(held) if held.bytes > 0 => bounds::check_asked(x),
            _ => Ok(()),
        }
    })
}

/// Writes what a tensor of PyTorch's own types is now, and gives its storage. None off the host.
fn described<'py>(
    x: &Bound<'py, PyAny>,
    out: &mut DLTensor,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(storage) = storage_at_once(x, out) {
        return Ok(Some(storage));
    }
    check(x)?;
    let Some(table) = table(x.py())? else {
        return Ok(None);
    };
    let seen = storage(x).and_then(|storage| {
        let held = Held::of(x)?;
        // SAFETY: the caller uses it before anything else runs but what reads the storage.
        unsafe { look_inside(table, x, held, out) }.map(|found| found.then_some(storage))
    });
    let kept = seen.map_err(|error| dlpack::as_refusal(x, error))?;
    if out.device.device_type != DLDeviceType::CPU {
        return Ok(None);
    }
    // Where the storage was made an object, code of others may have given the tensor another.
    let Some(kept) = kept else {
        return Ok(None);
    };
    let address = |storage: &Bound<'_, PyAny>| storage.attribute(c"_cdata")?.extract::<usize>();
    let now = storage(x)?;
    let is_still = now.is(&kept) || address(&now)? == address(&kept)?;
    Ok(is_still.then_some(kept))
}

/// Calls `x.untyped_storage()`, which is looked up once.
pub fn storage<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static METHOD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = x.py();
    let method = once(py, &METHOD, || {
        x.get_type().getattr(intern!(py, "untyped_storage")?).map(Bound::unbind)
    })?;
    vectorcall::call1(method.bind(py), x)
}
