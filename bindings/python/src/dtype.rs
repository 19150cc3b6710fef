//! `dlbridge.DType`.

use dlbridge::DType;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

use crate::support::objects::{self, Int, Text};
use crate::{errors, object};

/// An element type of DLPack. Equal to its name: `t.dtype == "float32"`.
#[pyclass(frozen, name = "DType", module = "dlbridge")]
#[derive(Clone, Copy)]
pub struct PyDType(pub DType);

#[pymethods]
impl PyDType {
    #[new]
    #[pyo3(signature = (dtype, /))]
    fn new(dtype: &Bound<'_, PyAny>) -> PyResult<PyDType> {
        parse(dtype).map(PyDType)
    }

    /// The name, as `str()` gives it: `float32`, `bfloat16`, `float32x4`.
    #[getter]
    fn name(&self) -> Text<DType> {
        Text(self.0)
    }

    /// The bytes of one element, rounded up for elements that are parts of bytes.
    #[getter]
    fn itemsize(&self) -> Int {
        Int(self.0.item_bits().div_ceil(8).into())
    }

    /// The number of DLPack's `DLDataTypeCode`.
    #[getter]
    fn code(&self) -> Int {
        Int(self.0.raw().code.0.into())
    }

    /// The bits of one lane.
    #[getter]
    fn bits(&self) -> Int {
        Int(self.0.raw().bits.into())
    }

    /// The number of lanes: 1, but for vector types.
    #[getter]
    fn lanes(&self) -> Int {
        Int(self.0.raw().lanes.into())
    }

    fn __str__(&self) -> Text<DType> {
        Text(self.0)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        objects::display(py, format_args!("dlbridge.DType(\"{}\")", self.0))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let equal = match errors::text(other) {
            Some(name) => Some(self.0.to_string() == name),
            None => errors::tolerate(other.py(), parse(other))?.map(|dtype| dtype == self.0),
        };
        object::equality(other.py(), equal)
    }

    /// For `copy` and `pickle`: the class and the name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let arguments = objects::tuple(py, [objects::display(py, slf.get().0)?.into_any()])?;
        objects::tuple(py, [slf.get_type().into_any(), arguments.into_any()])
    }

    /// That of the name, which it is equal to.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        objects::display(py, self.0)?.hash()
    }
}

/// Reads a dtype argument: a `DType`, a name, or a dtype of NumPy or PyTorch.
pub fn parse(argument: &Bound<'_, PyAny>) -> PyResult<DType> {
    if let Ok(dtype) = argument.cast::<PyDType>() {
        return Ok(dtype.get().0);
    }
    if let Some(name) = errors::text(argument) {
        return name.parse().map_err(errors::argument);
    }
    let name = match argument.cast::<PyType>() {
        Ok(class) => class.name()?.to_string_lossy().into_owned(),
        Err(_) => errors::shown(argument)?,
    };
    let name = name.strip_prefix("torch.").unwrap_or(&name);
    name.parse().map_err(|_| {
        let wanted = "a dlbridge.DType, a name like \"float32\", or a dtype of NumPy or PyTorch in \
                      native byte order";
        errors::wrong_type("dtype", argument, wanted)
    })
}
