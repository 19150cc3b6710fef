//! Other libraries with the namespace of the array API standard: they are given tensors by
//! their own `from_dlpack`.

use dlbridge::Device;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyType};

use crate::engine::acquire::tensor_of;
use crate::engine::record::Event;
use crate::engine::{copy, record};
use crate::frameworks::registry;
use crate::support::ask::Ask;
use crate::support::objects::intern;
use crate::support::{errors, exceptions};
use crate::values::tensor::PyTensor;

/// A namespace that has a function `from_dlpack`.
pub struct Namespace<'py> {
    namespace: Bound<'py, PyAny>,
    from_dlpack: Bound<'py, PyAny>,
    pub name: String,
}

/// How an array came to be.
pub struct Given<'py> {
    pub array: Bound<'py, PyAny>,
    pub bytes: i64,
    /// Why elements were copied, if they were.
    pub reason: Option<String>,
}

impl<'py> Namespace<'py> {
    /// That of an array, or a module itself.
    pub fn of(to: &Bound<'py, PyAny>) -> PyResult<Option<Namespace<'py>>> {
        let py = to.py();
        let namespace = if to.is_instance_of::<PyModule>() {
            to.clone()
        } else if to.is_instance_of::<PyType>() {
            return Ok(None);
        } else {
            match to.optional(intern!(py, "__array_namespace__")?)? {
                Some(method) => method.call0()?,
                None => return Ok(None),
            }
        };
        let Some(from_dlpack) = namespace.optional(intern!(py, "from_dlpack")?)? else {
            return Ok(None);
        };
        let name = namespace.optional(intern!(py, "__name__")?)?;
        let name = name.as_ref().and_then(errors::text).map(|name| name.into_owned());
        let name = name.unwrap_or_else(|| errors::type_name(&namespace));
        Ok(Some(Namespace { namespace, from_dlpack, name }))
    }

    /// Whether an object is an array of it.
    fn has(&self, object: &Bound<'py, PyAny>) -> PyResult<bool> {
        if object.is_instance_of::<PyType>() {
            return Ok(false);
        }
        match object.optional(intern!(object.py(), "__array_namespace__")?)? {
            Some(method) => Ok(method.call0()?.is(&self.namespace)),
            None => Ok(false),
        }
    }

    /// As `convert`: an array of it on the memory of any array.
    pub fn convert(
        &self,
        obj: &Bound<'py, PyAny>,
        device: Option<Device>,
        copy: Option<bool>,
        writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = self.give(obj, device, copy, writable_alias)?;
        record::record(obj.py(), || {
            Ok(Event {
                source: registry::source_name(obj),
                target: Some(&self.name),
                copies: i64::from(given.reason.is_some()),
                reason: given.reason.as_deref().unwrap_or_default(),
                bytes: given.bytes,
                protocol: "from_dlpack",
            })
        })?;
        Ok(given.array)
    }

    pub fn give(
        &self,
        obj: &Bound<'py, PyAny>,
        device: Option<Device>,
        copy: Option<bool>,
        writable_alias: bool,
    ) -> PyResult<Given<'py>> {
        if copy != Some(true) && self.has(obj)? && is_on(obj, device)? {
            let bytes = crate::engine::acquire::bytes_of(obj)?;
            return Ok(Given { array: obj.clone(), bytes, reason: None });
        }
        let allowed = if copy == Some(true) { None } else { copy };
        let tensor = tensor_of(obj, device, allowed)?;
        let bytes = tensor.get().core().layout().bytes();
        let copied = |reason: String| {
            let own = tensor.get();
            let copy = copy::copy_of(obj.py(), own.core(), own.stream(), None)?;
            let own = PyTensor::from(copy).into_object(obj.py())?;
            let array =
                self.from_dlpack.called([&own]).map_err(|error| self.refusal(obj, error))?;
            Ok(Given { array, bytes, reason: Some(reason) })
        };
        if copy == Some(true) {
            return copied("copy=True".to_owned());
        }
        let obstacle = match self.shared(&tensor, writable_alias)? {
            Shared::Array(array) => return Ok(Given { array, bytes, reason: None }),
            Shared::Not(obstacle) => obstacle,
        };
        match copy {
            None => copied(obstacle),
            _ => Err(exceptions::copy_refused(format_args!("{obstacle}; copy=None makes a copy"))),
        }
    }

    /// An array on the memory itself, or why there is none.
    fn shared(&self, tensor: &Bound<'py, PyTensor>, writable_alias: bool) -> PyResult<Shared<'py>> {
        let py = tensor.py();
        let own = tensor.get().core();
        let array = match self.from_dlpack.called([tensor.as_any()]) {
            Ok(array) => array,
            Err(error) if errors::is_ordinary(py, &error) => {
                let text = errors::message(py, &error)?;
                return Ok(Shared::Not(format!("{} does not take it: {text}", self.name)));
            }
            Err(error) => return Err(error),
        };
        // It may have made a copy without a word, or forgotten that nobody may write.
        let Some(back) = errors::tolerate(py, tensor_of(&array, None, Some(false)))? else {
            return Ok(Shared::Array(array));
        };
        let back = back.get().core();
        Ok(if own.layout().count() > 0 && back.data_ptr() != own.data_ptr() {
            Shared::Not(format!("{} copies it", self.name))
        } else if own.is_read_only() && !back.is_read_only() && !writable_alias {
            Shared::Not(format!("it is read-only, and {} would write to it", self.name))
        } else {
            Shared::Array(array)
        })
    }

    fn refusal(&self, obj: &Bound<'py, PyAny>, error: PyErr) -> PyErr {
        let class = errors::type_name(obj);
        errors::retold(obj.py(), error, |text| {
            format!("{} does not take {class}: {text}", self.name)
        })
    }
}

enum Shared<'py> {
    Array(Bound<'py, PyAny>),
    Not(String),
}

/// Whether an array is where it is wanted.
fn is_on(obj: &Bound<'_, PyAny>, wanted: Option<Device>) -> PyResult<bool> {
    match wanted {
        None => Ok(true),
        Some(wanted) => Ok(tensor_of(obj, None, Some(false))?.get().core().device() == wanted),
    }
}

/// What `plan` needs to know: an array is made for the answer, and a copy only where its
/// library does not share.
pub fn foreseen<'py>(
    namespace: &Namespace<'py>,
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    writable_alias: bool,
) -> PyResult<Result<Given<'py>, String>> {
    let py = obj.py();
    match namespace.give(obj, device, None, writable_alias) {
        Ok(given) => Ok(Ok(given)),
        Err(error) if error.is_instance_of::<PyBufferError>(py) => {
            errors::message(py, &error).map(Err)
        }
        Err(error) => Err(error),
    }
}
