//! The methods of `dlbridge.DType`.

use dlbridge::DType;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::frameworks::{numpy, torch};
use crate::support::objects::{Int, Text};
use crate::support::{errors, objects, sequence};
use crate::values::dtype::{PyDType, parse};

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

    /// The dtype of NumPy, also of the types that ml_dtypes has; BufferError where there is
    /// none. `numpy.dtype(t.dtype)` and `dtype=t.dtype` in NumPy are the same.
    #[getter]
    fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::descr_of(py, self.0)
    }

    /// The dtype of PyTorch; BufferError where there is none.
    #[getter]
    fn torch<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        torch::dtype(py, self.0)
    }

    /// As `numpy`, by the name that NumPy looks for.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.numpy(py)
    }

    /// Code, bits and lanes: the `DLDataType` for others that speak DLPack.
    fn __dlpack_data_type__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let raw = self.0.raw();
        objects::ints(py, &[raw.code.0.into(), raw.bits.into(), raw.lanes.into()])
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
        sequence::equality(other.py(), equal)
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
