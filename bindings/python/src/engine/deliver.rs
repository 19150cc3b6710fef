//! A tensor on its way to a framework: shared, copied or refused, as `compatibility` decides.

use dlbridge::abi::Flags;
use dlbridge::{Device, Tensor, TensorRef};
use pyo3::prelude::*;

use crate::engine::acquire::tensor_of;
use crate::engine::{copy, reader, record};
use crate::frameworks::compatibility::{self, Compatibility, Request};
use crate::frameworks::dlpack_adapter::give_on_gpu;
use crate::frameworks::framework::{ExportFn, Framework};
use crate::frameworks::{numpy, registry, torch};
use crate::support::keep_alive::kept;
use crate::support::objects::intern;
use crate::support::{errors, exceptions};
use crate::values::acquired::Acquired;
use crate::values::tensor::{PyTensor, copied};
use crate::values::{audit, device};

type ViewExportFn = for<'py> fn(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;

pub fn input_of<'py>(
    py: Python<'py>,
    framework: &'static Framework,
    acquired: Acquired,
) -> PyResult<Input<'static, 'py>> {
    match framework.give {
        ExportFn::Owner(_) if acquired.tensor.device().is_host_accessible() => {
            Ok(Input::Owner(acquired.tensor))
        }
        _ => Bound::new(py, PyTensor::from(acquired)).map(Input::Object),
    }
}

/// A copy of a NumPy array with all that it is.
pub fn copied_by_numpy<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let copy = obj.call_method0(intern!(py, "copy")?)?;
    let bytes = copy.getattr(intern!(py, "nbytes")?)?.extract()?;
    let verdict =
        Compatibility { ours: true, reason: "copy=True".into(), ..Compatibility::default() };
    record::delivered(obj, registry::NUMPY, bytes, &verdict, None)?;
    Ok(copy)
}

/// An array of the framework, of a tensor that came from `obj`.
pub fn deliver<'py>(
    framework: &'static Framework,
    obj: &Bound<'py, PyAny>,
    tensor: Input<'_, 'py>,
    copy: Option<bool>,
    request: Request,
) -> PyResult<Bound<'py, PyAny>> {
    deliver_copied(framework, obj, tensor, copy, request, "")
}

/// As `deliver`. If the tensor is a copy, the reason is why, unless its own framework made it.
pub fn deliver_copied<'py>(
    framework: &'static Framework,
    obj: &Bound<'py, PyAny>,
    tensor: Input<'_, 'py>,
    copy: Option<bool>,
    request: Request,
    reason: &'static str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let made;
    let view = match &tensor {
        Input::View(view, _) => *view,
        Input::Object(object) => {
            made = object.get().core().view();
            &made
        }
        Input::Owner(owner) => {
            made = owner.view();
            &made
        }
    };
    let is_copied = view.flags().contains(Flags::IS_COPIED) && !obj.is_instance_of::<PyTensor>();
    let came_copied = is_copied.then_some(reason);
    let mut verdict = compatibility::check(py, framework, view, request);
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
                Bound::new(py, PyTensor::from(copy::copy_of(py, core, made, None)?))?
            }
            false => object,
        };
        let array = give_on_gpu(framework, &object)?;
        record::delivered(obj, framework, bytes, &verdict, came_copied)?;
        return Ok(array);
    }
    let given = match verdict.ours {
        true => Input::Owner(copied(py, *view)?),
        false => tensor,
    };
    let array = match framework.give {
        ExportFn::Object(give) => give(&given.into_object(py)?),
        ExportFn::View(give) => given.lend(py, give),
        ExportFn::Owner(give) => give(py, given.into_owner()?),
    }?;
    record::delivered(obj, framework, bytes, &verdict, came_copied)?;
    Ok(array)
}

/// What `convert` gives for an array of NumPy or PyTorch whose memory the framework shares, or
/// for one of its own: the same rules, where no foreign code runs. None for all else.
#[inline]
pub fn at_once<'py>(
    obj: &Bound<'py, PyAny>,
    framework: &'static Framework,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(give) = framework.give_at_once.filter(|_| !audit::is_on()) else {
        return Ok(None);
    };
    if registry::exactly(obj).is_some_and(|own| std::ptr::eq(own, framework)) {
        return Ok(Some(obj.clone()));
    }
    reader::borrowed(obj, |view, keeper| {
        let verdict = compatibility::check(obj.py(), framework, view, Request::default());
        match verdict.refused || verdict.copies() > 0 {
            true => Ok(None),
            false => give(view, keeper),
        }
    })
}

/// A tensor on its way to a framework.
pub enum Input<'a, 'py> {
    Object(Bound<'py, PyTensor>),
    Owner(Tensor),
    /// Not a tensor yet: what one would be, and what keeps the memory.
    View(&'a TensorRef<'a>, Bound<'py, PyAny>),
}

impl<'py> Input<'_, 'py> {
    fn into_object(self, py: Python<'py>) -> PyResult<Bound<'py, PyTensor>> {
        match self {
            Input::Object(object) => Ok(object),
            other => Bound::new(py, PyTensor::new(other.into_owner()?)),
        }
    }

    fn into_owner(self) -> PyResult<Tensor> {
        match self {
            Input::Object(object) => object.get().core().share().map_err(errors::exchange),
            Input::Owner(owner) => Ok(owner),
            // SAFETY: the view came with what keeps its memory.
            Input::View(view, keeper) => unsafe { kept(view, keeper) },
        }
    }

    fn lend(self, py: Python<'py>, give: ViewExportFn) -> PyResult<Bound<'py, PyAny>> {
        if let Input::View(view, keeper) = self {
            return give(view, keeper);
        }
        let object = self.into_object(py)?;
        give(&object.get().core().view(), object.clone().into_any())
    }
}

#[cold]
pub fn refuse_copy(verdict: &Compatibility, bytes: i64) -> PyErr {
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
