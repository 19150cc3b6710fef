//! `__array__`: what objects have that only give NumPy arrays of themselves, like columns of
//! tables and data sets in files.
//!
//! Rules: <https://numpy.org/doc/stable/user/basics.interoperability.html>

use dlbridge::abi::Flags;
use dlbridge::{Tensor, TensorRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::frameworks::numpy;
use crate::protocols::dlpack;
use crate::protocols::keywords::{Keyword, Keywords};
use crate::support::ask::Ask;
use crate::support::keep_alive::owned_by;
use crate::support::objects::intern;
use crate::support::{errors, exceptions, objects};

/// The method of an object, if it has one. That of a class is for its instances.
pub fn of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if object.is_instance_of::<PyType>() {
        return Ok(None);
    }
    object.optional(intern!(object.py(), "__array__")?)
}

/// A tensor on the memory of the array that an object gives: its own if it says that it is,
/// else a copy, which `copy` false refuses.
pub fn import(
    object: &Bound<'_, PyAny>,
    method: &Bound<'_, PyAny>,
    copy: Option<bool>,
) -> PyResult<Tensor> {
    let py = object.py();
    let mut shared = Keywords::default();
    shared.set(Keyword::Copy, objects::truth(py, false));
    let error = match shared.call(method) {
        Ok(array) => return on(object, &array, copy, Flags::empty()),
        Err(error) => error,
    };
    let class = errors::type_name(object);
    let copies = error.is_instance_of::<PyValueError>(py);
    if !copies && !shared.are_refused(py, &error)? {
        return Err(dlpack::as_refusal(object, error));
    }
    if copy == Some(false) {
        let why = match copies {
            true => errors::message(py, &error)?,
            false => "its __array__ has no argument copy, so that it cannot say".to_owned(),
        };
        let refusal = exceptions::copy_refused(format_args!(
            "{class} does not give its own memory ({why}); copy=None takes a copy"
        ));
        refusal.set_cause(py, Some(error));
        return Err(refusal);
    }
    let array = method.call0().map_err(|error| dlpack::as_refusal(object, error))?;
    // What does not say may be the memory itself: another copy is made where one is wanted.
    on(object, &array, copy, if copies { Flags::IS_COPIED } else { Flags::empty() })
}

fn on(
    object: &Bound<'_, PyAny>,
    array: &Bound<'_, PyAny>,
    copy: Option<bool>,
    flags: Flags,
) -> PyResult<Tensor> {
    let class = errors::type_name(object);
    if !numpy::ARRAY.is_type_of(array) {
        let name = format!("__array__ of {class}");
        return Err(errors::wrong_type(&name, array, "a method that returns a numpy.ndarray"));
    }
    let imported = numpy::check_kind(array).and_then(|()| numpy::import(array, copy));
    let tensor = imported.map_err(|error| {
        if exceptions::has(&error.get_type(object.py())) {
            return error;
        }
        let tell = |text: &str| format!("__array__ of {class} gives no numbers to share: {text}");
        errors::retold(object.py(), error, tell)
    })?;
    if flags.is_empty() {
        return Ok(tensor);
    }
    owned_by(array.clone(), |source| {
        // SAFETY: the descriptor of a tensor on the array, which the new one keeps.
        unsafe {
            Tensor::wrap(TensorRef::new(tensor.descriptor(), tensor.flags() | flags)?, source)
        }
    })
}
