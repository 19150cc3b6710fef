//! An object with `__dlpack__` for one hand-over.

use dlbridge::abi::Flags;
use dlbridge::{Tensor, TensorRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};

use crate::frameworks::framework::{Form, Framework, OnGpu};
use crate::protocols::capsule;
use crate::support::ask::Ask;
use crate::support::errors;
use crate::support::keep_alive::owned_by;
use crate::support::objects::intern;
use crate::support::parameters::not_none;
use crate::values::tensor::PyTensor;
use crate::values::{device, stream};

/// For frameworks that take no bare capsules, or ask for the wrong kind of them: it
/// gives the kind that suits them, whatever they ask for.
#[pyclass(frozen, name = "_DLPackAdapter", module = "dlbridge")]
pub struct DLPackAdapter {
    framework: &'static Framework,
    tensor: Py<PyTensor>,
    legacy: bool,
}

impl DLPackAdapter {
    /// One that gives legacy capsules, also of read-only memory: for frameworks
    /// that never write.
    pub fn legacy<'py>(
        framework: &'static Framework,
        tensor: &Bound<'py, PyTensor>,
    ) -> PyResult<Bound<'py, DLPackAdapter>> {
        let own = tensor.clone().unbind();
        Bound::new(tensor.py(), DLPackAdapter { framework, tensor: own, legacy: true })
    }

    /// One that gives versioned capsules.
    pub fn versioned<'py>(
        framework: &'static Framework,
        tensor: &Bound<'py, PyTensor>,
    ) -> PyResult<Bound<'py, DLPackAdapter>> {
        let own = tensor.clone().unbind();
        Bound::new(tensor.py(), DLPackAdapter { framework, tensor: own, legacy: false })
    }
}

#[pymethods]
impl DLPackAdapter {
    #[pyo3(signature = (*_args, **keywords))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        _args: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let tensor = self.tensor.bind(py);
        let (own, device) = (tensor.get(), tensor.get().core().device());
        if stream::has_cuda_streams(device) {
            let stream = keywords.map_or(Ok(None), |all| all.get_item(intern!(py, "stream")?))?;
            if let Some(consumer) = stream::of_consumer(device, not_none(stream.as_ref()))? {
                stream::wait(consumer, own.stream(), device)?;
            }
        }
        match self.legacy {
            true => legacy_capsule(self.framework, tensor),
            false => versioned_capsule(self.framework, tensor),
        }
    }

    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        device::pair(py, self.tensor.get().core().device())
    }
}

/// A versioned capsule, with strides that the framework takes.
pub fn versioned_capsule<'py>(
    framework: &Framework,
    tensor: &Bound<'py, PyTensor>,
) -> PyResult<Bound<'py, PyCapsule>> {
    capsule::versioned(tensor.py(), share(framework, tensor.get().core())?)
}

/// A legacy capsule, which cannot say that the memory is read-only: for frameworks
/// that never write, and those that the caller allowed to.
pub fn legacy_capsule<'py>(
    framework: &Framework,
    tensor: &Bound<'py, PyTensor>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let py = tensor.py();
    let share = share(framework, tensor.get().core())?;
    if !share.is_read_only() {
        return capsule::legacy(py, share);
    }
    let owner = Bound::new(py, PyTensor::new(share.share().map_err(errors::exchange)?))?;
    let writable = owned_by(owner.into_any(), |source| {
        // SAFETY: the descriptor of a tensor, which the new one keeps. Nobody writes, as
        // the caller says.
        unsafe { Tensor::wrap(TensorRef::new(share.descriptor(), Flags::empty())?, source) }
    })?;
    capsule::legacy(py, writable)
}

/// One more owner, with strides that the framework takes.
pub fn share(framework: &Framework, tensor: &Tensor) -> PyResult<Tensor> {
    match (framework.refuses_idle_negatives)(&tensor.view()) {
        true => tensor.without_idle_negatives(),
        false => tensor.share(),
    }
    .map_err(errors::exchange)
}

/// The tensor with strides that a framework takes which refuses negative ones also where
/// nothing is reached through them.
pub fn tidy(tensor: Tensor) -> PyResult<Tensor> {
    match tensor.layout().has_idle_negative() {
        true => tensor.without_idle_negatives().map_err(errors::exchange),
        false => Ok(tensor),
    }
}

/// An array of the framework on memory of CUDA. The framework names its own stream, which then waits.
pub fn give_on_gpu<'py>(
    framework: &'static Framework,
    tensor: &Bound<'py, PyTensor>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = tensor.py();
    let Some(OnGpu { module, function, form }) = &framework.on_gpu else {
        return Ok(tensor.clone().into_any());
    };
    let argument = match form {
        Form::Versioned => DLPackAdapter::versioned(framework, tensor)?.into_any(),
        Form::Legacy => DLPackAdapter::legacy(framework, tensor)?.into_any(),
        Form::Interface => tensor.clone().into_any(),
    };
    let array = framework.attribute(py, module, function)?.called([&argument]);
    array.map_err(|error| framework.refusal(&tensor.get().core().view(), py, error))
}
