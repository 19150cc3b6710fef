//! `convert`: from any framework to any other.

use dlbridge::abi::Flags;
use dlbridge::{Device, Tensor, TensorRef};
use pyo3::prelude::*;

use crate::asarray::{itself, take, tensor_of};
use crate::framework::{self, Framework, Give, Request, Verdict, judge};
use crate::function::Function;
use crate::namespace::Namespace;
use crate::owner::kept;
use crate::support::objects::intern;
use crate::support::parameters::{Arguments, Parameters};
use crate::tensor::{PyTensor, copied};
use crate::transfer::Made;
use crate::{audit, device, direct, errors, exceptions, flag, numpy, seen, torch, transfer};

/// `convert`.
pub struct Convert;

impl Function for Convert {
    type Own = PyModule;

    const NAME: &'static str = "convert";
    const SIGNATURE: &'static str =
        "(obj, to, *, device=None, copy=False, allow_writable_alias=False)";
    const DOCUMENTATION: &'static str = "\
An array of a framework on the memory of any array; `obj` itself if it is one
already and `copy` is not True.

`to` is the name of the framework (`frameworks()` lists them), its module, or an
array of it: \"the same kind as this one\". Another library may be named by an array
with `__array_namespace__`, or by its module: its `from_dlpack` takes the tensor.
CopyError rather than a copy, unless `copy` is None (copy if needed) or True (always).
`allow_writable_alias` lets frameworks that have no read-only arrays have read-only
memory.

Arrays of JAX, TensorFlow, MLX and tinygrad cannot be written to, so that they
keep read-only memory read-only. They do see what others write to memory that
they share, though they rely on it not to change: leave it alone from then on.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<2, 3> = Parameters::of(Convert::SIGNATURE);
        let py = own.py();
        let ([obj, to], [device, copy, allow_writable_alias]) =
            PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flag::copy_or(copy, Some(false))?;
        let allow_writable_alias = flag::allow_writable_alias(allow_writable_alias)?;
        let device = device::optional(device)?;
        let framework = match framework::parse(to) {
            Ok(framework) => framework,
            Err(unknown) => {
                return match Namespace::of(to)? {
                    Some(other) => other.convert(obj, device, copy, allow_writable_alias),
                    None => Err(unknown),
                };
            }
        };
        if copy != Some(true) && is_one(obj, framework, device)? {
            audit::unchanged(obj, framework)?;
            return Ok(obj.clone());
        }
        if copy == Some(true) && numpy::is_kept_by_copy(obj) && is_one(obj, framework, device)? {
            return copied_by_numpy(obj);
        }
        let request = Request { writable_alias: allow_writable_alias };
        if device.is_none_or(|device| device == Device::CPU)
            && let Some(array) = seen::with(obj, |view, keeper| {
                deliver(framework, obj, Given::View(view, keeper), copy, request)
            })?
        {
            return Ok(array);
        }
        // The copy, if any, is made at the end: once.
        let allowed = if copy == Some(true) { None } else { copy };
        let (tensor, reason) = match itself(obj, device, allowed) {
            Some(own) => (Given::Object(own), ""),
            None => {
                let made = take(obj, device, allowed, None)?;
                let reason = made.reason;
                (given_of(obj.py(), framework, made)?, reason)
            }
        };
        deliver_copied(framework, obj, tensor, copy, request, reason)
    }

    #[inline]
    fn at_once<'py>(
        _own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        direct::array_of(given)
    }
}

fn given_of<'py>(
    py: Python<'py>,
    framework: &'static Framework,
    made: Made,
) -> PyResult<Given<'static, 'py>> {
    match framework.give {
        Give::Owner(_) if made.tensor.device().is_host_accessible() => {
            Ok(Given::Owner(made.tensor))
        }
        _ => Bound::new(py, PyTensor::from(made)).map(Given::Object),
    }
}

/// A copy of a NumPy array with all that it is.
fn copied_by_numpy<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let copy = obj.call_method0(intern!(py, "copy")?)?;
    let bytes = copy.getattr(intern!(py, "nbytes")?)?.extract()?;
    let verdict = Verdict { ours: true, reason: "copy=True".into(), ..Verdict::default() };
    audit::delivered(obj, framework::NUMPY, bytes, &verdict, None)?;
    Ok(copy)
}

/// An array of the framework, of a tensor that came from `obj`.
pub fn deliver<'py>(
    framework: &'static Framework,
    obj: &Bound<'py, PyAny>,
    tensor: Given<'_, 'py>,
    copy: Option<bool>,
    request: Request,
) -> PyResult<Bound<'py, PyAny>> {
    deliver_copied(framework, obj, tensor, copy, request, "")
}

/// As `deliver`. If the tensor is a copy, the reason is why, unless its own framework made it.
fn deliver_copied<'py>(
    framework: &'static Framework,
    obj: &Bound<'py, PyAny>,
    tensor: Given<'_, 'py>,
    copy: Option<bool>,
    request: Request,
    reason: &'static str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let made;
    let view = match &tensor {
        Given::View(view, _) => *view,
        Given::Object(object) => {
            made = object.get().core().view();
            &made
        }
        Given::Owner(owner) => {
            made = owner.view();
            &made
        }
    };
    let is_copied = view.flags().contains(Flags::IS_COPIED) && !obj.is_instance_of::<PyTensor>();
    let came_copied = is_copied.then_some(reason);
    let mut verdict = judge(py, framework, view, request);
    if verdict.refused {
        return Err(errors::refused(verdict.reason));
    }
    framework.ready.map_or(Ok(()), |ready| ready(py))?;
    if copy == Some(false) && verdict.copies() > 0 {
        return Err(refuse_copy(&verdict, view.layout().bytes()));
    }
    if copy == Some(true) && verdict.copies() == 0 && !is_copied {
        verdict.ours = true;
        verdict.reason = "copy=True".into();
    }
    let bytes = view.layout().bytes();
    if !view.device().is_host_accessible() || framework.not_host.is_some() {
        let object = tensor.into_object(py)?;
        let object = match verdict.ours {
            true => {
                let (core, made) = (object.get().core(), object.get().stream());
                Bound::new(py, PyTensor::from(transfer::copy_of(py, core, made, None)?))?
            }
            false => object,
        };
        let array = framework.give_on_gpu(&object)?;
        audit::delivered(obj, framework, bytes, &verdict, came_copied)?;
        return Ok(array);
    }
    let given = match verdict.ours {
        true => Given::Owner(copied(py, *view)?),
        false => tensor,
    };
    let array = match framework.give {
        Give::Object(give) => give(&given.into_object(py)?),
        Give::View(give) => given.lend(py, give),
        Give::Owner(give) => give(py, given.into_owner()?),
    }?;
    audit::delivered(obj, framework, bytes, &verdict, came_copied)?;
    Ok(array)
}

/// A tensor on its way to a framework.
pub enum Given<'a, 'py> {
    Object(Bound<'py, PyTensor>),
    Owner(Tensor),
    /// Not a tensor yet: what one would be, and what keeps the memory.
    View(&'a TensorRef<'a>, Bound<'py, PyAny>),
}

impl<'py> Given<'_, 'py> {
    fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyTensor>> {
        match self {
            Given::Object(object) => Ok(object),
            other => Bound::new(py, PyTensor::new(other.into_owner()?)),
        }
    }

    fn into_owner(self) -> PyResult<Tensor> {
        match self {
            Given::Object(object) => object.get().core().share().map_err(errors::exchange),
            Given::Owner(owner) => Ok(owner),
            // SAFETY: the view came with what keeps its memory.
            Given::View(view, keeper) => unsafe { kept(view, keeper) },
        }
    }

    fn lend(self, py: Python<'py>, give: Lend) -> PyResult<Bound<'py, PyAny>> {
        if let Given::View(view, keeper) = self {
            return give(view, keeper);
        }
        let object = self.into_object(py)?;
        give(&object.get().core().view(), object.clone().into_any())
    }
}

type Lend = for<'py> fn(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;

#[cold]
pub fn refuse_copy(verdict: &Verdict, bytes: i64) -> PyErr {
    let total = errors::counted(bytes * verdict.copies(), "byte");
    let mut text = format!("{}; copy=None makes a copy ({total})", verdict.reason);
    if !verdict.way.is_empty() {
        text = format!("{text}, {}", verdict.way);
    }
    exceptions::copy_refused(text)
}

/// Whether the object is such an array already, on the device that is wanted.
pub fn is_one(
    obj: &Bound<'_, PyAny>,
    framework: &Framework,
    device: Option<Device>,
) -> PyResult<bool> {
    if !framework.has(obj) {
        return Ok(false);
    }
    let Some(wanted) = device else {
        return Ok(true);
    };
    let own = if numpy::ARRAY.is_type_of(obj) {
        Device::CPU
    } else if torch::TENSOR.is_type_of(obj) {
        device::parse("x.device", &obj.getattr(intern!(obj.py(), "device")?)?)?
    } else {
        tensor_of(obj, None, Some(false))?.get().core().device()
    };
    Ok(own == wanted)
}
