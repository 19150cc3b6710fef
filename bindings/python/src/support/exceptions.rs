//! Exceptions of two classes at once: those of DLPack and of Python, and those that the array
//! API standard and NumPy have for the same.

use pyo3::exceptions::{PyAttributeError, PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::support::{errors, objects};

static COPY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static NO_DLPACK: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Makes the classes.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let class = |cell: &PyOnceLock<Py<PyType>>, name: &str, bases, documentation: &str| {
        let own = objects::text(py, "dlbridge")?.into_any();
        let text = objects::text(py, documentation)?.into_any();
        let members = objects::named(py, [("__module__", own), ("__doc__", text)])?;
        let class = objects::class(py, name, bases, members)?;
        module.add(name, cell.get_or_init(py, || class.unbind()))
    };
    class(
        &COPY,
        "CopyError",
        [py.get_type::<PyBufferError>(), py.get_type::<PyValueError>()],
        "It takes a copy, which `copy` does not allow. DLPack has BufferError for that, and the\n\
         array API standard ValueError: it is both.",
    )?;
    class(
        &NO_DLPACK,
        "NoDLPackError",
        [py.get_type::<PyTypeError>(), py.get_type::<PyAttributeError>()],
        "The object has no `__dlpack__`. The array API standard has AttributeError for that, and\n\
         Python TypeError for what is of a wrong type: it is both.",
    )
}

/// Whether a class is one of these.
pub fn has(class: &Bound<'_, PyType>) -> bool {
    [&COPY, &NO_DLPACK].iter().any(|own| own.get(class.py()).is_some_and(|own| own.is(class)))
}

/// `CopyError` with this text.
#[cold]
pub fn copy_refused(text: impl std::fmt::Display) -> PyErr {
    made(&COPY, text)
}

/// `NoDLPackError` for an argument.
#[cold]
pub fn no_dlpack(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let wanted = "an object with __dlpack__, or a DLPack capsule";
    let error = errors::wrong_type(name, value, wanted);
    let py = value.py();
    match error.is_instance_of::<PyTypeError>(py) {
        true => errors::written(errors::message(py, &error).map(|text| made(&NO_DLPACK, text))),
        false => error,
    }
}

fn made(class: &PyOnceLock<Py<PyType>>, text: impl std::fmt::Display) -> PyErr {
    Python::attach(|py| match class.get(py) {
        Some(class) => errors::of_class(class.bind(py), text),
        None => errors::out_of_memory(py),
    })
}
