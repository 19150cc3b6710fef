//! The methods of `dlbridge.Tensor`.

use std::ffi::c_int;

use dlbridge::Tensor;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString, PyTuple};

use crate::api::{element, exchange_api, pickle};
use crate::engine::{copy, record};
use crate::frameworks::numpy;
use crate::protocols::{array_interface, array_struct, buffer, cuda_array_interface};
use crate::support::objects::{Address, Int};
use crate::support::{errors, objects, sequence};
use crate::values::device::PyDevice;
use crate::values::dtype::PyDType;
use crate::values::tensor::PyTensor;
use crate::values::{device, display, dtype, index};

#[pymethods]
impl PyTensor {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn refuse(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Err(errors::new::<PyTypeError>(
            "dlbridge.Tensor cannot be called; use dlbridge.asarray(x), dlbridge.from_dlpack(x) or \
             dlbridge.empty(shape)",
        ))
    }

    /// The extents.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        objects::ints(py, self.core().shape())
    }

    /// The strides, in elements (NumPy's are in bytes).
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        objects::ints(py, self.core().strides())
    }

    /// The element type.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDType>> {
        dtype::object(py, self.core().dtype())
    }

    /// The device of the memory.
    #[getter]
    fn device<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDevice>> {
        device::object(py, self.core().device())
    }

    /// The number of dimensions.
    #[getter]
    fn ndim(&self) -> Int {
        Int(self.core().shape().len() as i64)
    }

    /// The number of elements.
    #[getter]
    fn size(&self) -> Int {
        Int(self.core().layout().count())
    }

    /// The bytes of one element, rounded up for elements that are parts of bytes.
    #[getter]
    fn itemsize(&self) -> Int {
        Int(self.core().layout().item_bits().div_ceil(8).into())
    }

    /// The bytes of all elements, without the gaps that strides leave.
    #[getter]
    fn nbytes(&self) -> Int {
        Int(self.core().layout().bytes())
    }

    /// Whether the memory must not be written to.
    #[getter]
    fn readonly(&self) -> bool {
        self.core().is_read_only()
    }

    /// The address of the first element, 0 without elements.
    #[getter]
    fn ptr(&self) -> Address {
        Address(self.core().data_ptr() as usize)
    }

    /// The view with all axes in reverse order.
    #[getter(T)]
    fn transposed(&self) -> PyResult<PyTensor> {
        self.reversed()
    }

    /// The address of a DLTensor struct of the tensor, valid as long as the tensor.
    #[getter]
    fn _dltensor(&self, py: Python<'_>) -> PyResult<Address> {
        Ok(Address(self.shown(py)? as usize))
    }

    /// A copy in C order, in memory of its own on the same device, writable.
    fn copy(&self, py: Python<'_>) -> PyResult<PyTensor> {
        copied_because(self, py, "copy()")
    }

    /// The tensor itself if it is in C order without gaps, else a copy.
    fn contiguous<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTensor>> {
        match slf.get().core().layout().is_c_contiguous() {
            true => Ok(slf.clone()),
            false => Bound::new(slf.py(), copied_because(slf.get(), slf.py(), "contiguous()")?),
        }
    }

    /// The elements as numbers of Python, in lists in lists, one for each axis; the number
    /// where there are no axes.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_list(py, self)
    }

    fn __len__(&self) -> PyResult<usize> {
        match self.core().shape() {
            [extent, ..] => Ok(*extent as usize),
            [] => Err(errors::new::<PyTypeError>("len() of a tensor with 0 dimensions")),
        }
    }

    /// The parts at each index of the first axis.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        if slf.get().core().shape().is_empty() {
            return Err(errors::new::<PyTypeError>("iteration over a tensor with 0 dimensions"));
        }
        sequence::iterator(slf)
    }

    fn __contains__(&self, _value: &Bound<'_, PyAny>) -> PyResult<bool> {
        Err(errors::new::<PyTypeError>(
            "dlbridge.Tensor does not compare elements; use t.numpy() for that",
        ))
    }

    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
        index::get(self.core(), key).map(|view| PyTensor::on(view, self.stream()))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        display::text(py, &self.core().view())
    }

    /// A table for notebooks.
    fn _repr_html_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        display::html(py, &self.core().view())
    }

    fn __format__<'py>(
        slf: &Bound<'py, Self>,
        format_spec: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        element::format(slf, format_spec)
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        element::to_bool(py, self)
    }

    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_int(py, self)
    }

    fn __float__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_float(py, self)
    }

    /// The one element as a complex number.
    fn __complex__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_complex(py, self)
    }

    fn __index__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_index(py, self)
    }

    /// For `copy`: a copy in C order on the same device, read-only if the tensor is.
    fn __copy__(&self, py: Python<'_>) -> PyResult<PyTensor> {
        pickle::duplicate(py, self)
    }

    /// The device as DLPack's two numbers: its type and its index.
    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        device::pair(py, self.core().device())
    }

    /// DLPack's table of C functions, by which tensors come and go without a call of
    /// Python.
    #[classattr]
    fn __dlpack_c_exchange_api__(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
        exchange_api::own(py)
    }

    /// NumPy's array interface, version 3, for tensors on the host.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let given = array_interface::export(py, self.core())?;
        record::given(py, self.core(), "array interface", "")?;
        Ok(given)
    }

    /// NumPy's array interface as a C struct, for tensors on the host.
    #[getter]
    fn __array_struct__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let given = array_struct::export(py, self.core())?;
        record::given(py, self.core(), "array struct", "")?;
        Ok(given)
    }

    /// The CUDA array interface, version 3, for tensors of CUDA memory. Its stream is
    /// the one on which the tensor was made, for consumers to wait for: 1, the legacy
    /// default stream, or the handle of another one.
    #[getter]
    fn __cuda_array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let given = cuda_array_interface::export(py, self.core(), self.stream())?;
        record::given(py, self.core(), "CUDA array interface", "")?;
        Ok(given)
    }

    /// The dtype of NumPy, which `numpy.dtype` and `numpy.result_type` look for.
    #[getter]
    fn __numpy_dtype__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::descr_of(py, self.core().dtype())
    }

    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let tensor = slf.clone();
        // SAFETY: Python's struct.
        unsafe { buffer::export(slf, view, flags) }?;
        let given = record::given(tensor.py(), tensor.get().core(), "buffer protocol", "");
        // SAFETY: `export` filled it; on failure Python does not give it back.
        given.inspect_err(|_| unsafe { buffer::give_back(view) })
    }

    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: Python gives back what `__getbuffer__` filled.
        unsafe { buffer::release(view) }
    }
}

impl PyTensor {
    /// A view of the tensor, as such.
    pub fn view(&self, view: dlbridge::Result<Tensor>) -> PyResult<PyTensor> {
        view.map(|view| PyTensor::on(view, self.stream())).map_err(errors::argument)
    }

    /// The view with all axes in reverse order.
    pub fn reversed(&self) -> PyResult<PyTensor> {
        let axes: Vec<usize> = (0..self.core().shape().len()).rev().collect();
        self.view(self.core().permute(&axes))
    }
}

fn copied_because(own: &PyTensor, py: Python<'_>, reason: &'static str) -> PyResult<PyTensor> {
    let copy = copy::copy_of(py, own.core(), own.stream(), None)?;
    record::copied(py, &copy.tensor, reason)?;
    Ok(copy.into())
}
