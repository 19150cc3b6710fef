//! The methods of `dlbridge.Tensor`.

use std::ffi::c_int;

use dlbridge::Tensor;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyString, PyTuple};

use crate::convert::Given;
use crate::device::PyDevice;
use crate::dtype::PyDType;
use crate::framework::{Framework, Request};
use crate::integers::integers;
use crate::support::objects::{self, Address, Int};
use crate::tensor::PyTensor;
use crate::{
    array_interface, array_struct, audit, buffer, consumer, convert, cuda_array_interface, device,
    display, element, errors, exchange, flag, framework, index, numpy, object, pickle, stream,
    transfer,
};

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
    fn dtype(&self) -> PyDType {
        PyDType(self.core().dtype())
    }

    /// The device of the memory.
    #[getter]
    fn device(&self) -> PyDevice {
        PyDevice(self.core().device())
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
    fn reversed(&self) -> PyResult<PyTensor> {
        let axes: Vec<usize> = (0..self.core().shape().len()).rev().collect();
        view(self, self.core().permute(&axes))
    }

    /// The address of a DLTensor struct of the tensor, valid as long as the tensor.
    #[getter]
    fn _dltensor(&self, py: Python<'_>) -> PyResult<Address> {
        Ok(Address(self.shown(py)? as usize))
    }

    /// The view with the axes in this order, reversed if none are given. Takes
    /// ints or one tuple; negative ones count from the end.
    #[pyo3(signature = (*axes))]
    fn transpose(&self, axes: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        match axes.is_empty() {
            true => self.reversed(),
            false => {
                view(self, self.core().permute(&index::axes(axes, self.core().shape().len())?))
            }
        }
    }

    /// The view with another shape: ints or one tuple, of which one may be -1.
    /// ValueError if only a copy could have it.
    #[pyo3(signature = (*shape))]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        view(self, self.core().reshape(&integers("shape", shape)?))
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

    /// The one element as a number of Python, that at a flat index, or that at one index
    /// for each axis. Of memory of a GPU, that element is copied.
    #[pyo3(signature = (*index))]
    fn item<'py>(&self, index: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        element::item(self, index)
    }

    /// The elements as numbers of Python, in lists in lists, one for each axis; the number
    /// where there are no axes.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        element::to_list(py, self)
    }

    /// The bytes of the elements without gaps: the last axis fastest for "C", the first one
    /// for "F"; "A" is "F" for what lies in that order, else "C".
    #[pyo3(signature = (order = "C"), text_signature = "($self, /, order='C')")]
    fn tobytes<'py>(&self, py: Python<'py>, order: &str) -> PyResult<Bound<'py, PyBytes>> {
        pickle::to_bytes(py, self, order)
    }

    /// The tensor itself if it is on that device, else a copy there in C order: on
    /// "cpu", "cpu_pinned", "cuda_managed" or a GPU, "cuda:0".
    ///
    /// Without `stream` the copy is made in the order of the stream on which the tensor
    /// was made, and memory of the host is read or written when this returns. With one,
    /// of the GPU that is copied to or from (to, between two), nothing is waited for but
    /// copies to "cpu": a tensor of the host is to be kept, and not to be written to, until
    /// the stream is past the copy, and the stream exists as long as the copy and its views.
    /// A tensor on that device already is taken over to the stream, as by `from_dlpack`.
    /// What is copied to "cpu_pinned" or "cuda_managed" with a stream is there when the
    /// stream is past it: wait for the stream before the host reads it. Between two GPUs
    /// the host waits.
    #[pyo3(signature = (device, /, *, stream = None))]
    fn to_device<'py>(
        slf: &Bound<'py, Self>,
        device: &Bound<'py, PyAny>,
        stream: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTensor>> {
        let (device, stream) = (device::parse("device", device)?, stream::parse(stream)?);
        let (py, own) = (slf.py(), slf.get());
        if device == own.core().device() {
            return match stream {
                None => Ok(slf.clone()),
                Some(_) => Bound::new(py, PyTensor::from(consumer::shared(own, stream)?)),
            };
        }
        let copy = transfer::copy_to(py, own.core(), own.stream(), device, stream)?;
        audit::copied(py, &copy.tensor, "to_device()")?;
        Bound::new(py, PyTensor::from(copy))
    }

    /// A NumPy array on the same memory, read-only if the tensor is; with
    /// copy=True on a copy. BufferError where NumPy cannot have it.
    #[pyo3(signature = (*, copy = Some(false)), text_signature = "($self, /, *, copy=False)")]
    fn numpy<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::NUMPY, copy, false)
    }

    /// A PyTorch tensor on the same memory. BufferError where PyTorch cannot have
    /// it (negative strides, complex128 between multiples of 16 bytes) or would not keep
    /// it read-only; copy=None copies in those cases, copy=True always.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn torch<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::TORCH, copy, allow_writable_alias)
    }

    /// A JAX array on the same memory. BufferError where JAX would copy (memory not
    /// aligned to 64 bytes), convert (64 bits without jax_enable_x64) or refuse it (gaps,
    /// repeated or reversed axes); copy=None copies where that helps.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn jax<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::JAX, copy, allow_writable_alias)
    }

    /// A CuPy array on the same memory of a CUDA device, which CuPy's current stream
    /// waits for. BufferError for memory on the host, which CuPy has none of.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn cupy<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::CUPY, copy, allow_writable_alias)
    }

    /// A TensorFlow tensor on the same memory. BufferError where TensorFlow cannot have
    /// it (another order than C, memory not aligned to 64 bytes); copy=None copies then.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn tensorflow<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::TENSORFLOW, copy, allow_writable_alias)
    }

    /// A PaddlePaddle tensor on the same memory. BufferError where PaddlePaddle cannot
    /// have it (negative strides, uint16, complex128 between multiples of 16 bytes) or
    /// would not keep it read-only; copy=None copies where that helps.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn paddle<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::PADDLE, copy, allow_writable_alias)
    }

    /// An MLX array. MLX always copies: BufferError unless copy is None or True.
    #[pyo3(
        signature = (*, copy = Some(false), allow_writable_alias = false),
        text_signature = "($self, /, *, copy=False, allow_writable_alias=False)"
    )]
    fn mlx<'py>(
        slf: &Bound<'py, Self>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
        #[pyo3(from_py_with = flag::allow_writable_alias)] allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::MLX, copy, allow_writable_alias)
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
        object::iterator(slf)
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

    /// As `__copy__`.
    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
        pickle::duplicate(py, self)
    }

    /// For `pickle`, of memory of the host; read-only stays read-only. Since protocol 5
    /// the memory may go by the side, without a copy where it has no gaps.
    fn __reduce_ex__<'py>(slf: &Bound<'py, Self>, protocol: i64) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(slf, protocol)
    }

    /// The device as DLPack's two numbers: its type and its index.
    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        device::pair(py, self.core().device())
    }

    /// DLPack's table of C functions, by which tensors come and go without a call of
    /// Python.
    #[classattr]
    fn __dlpack_c_exchange_api__(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
        exchange::own(py)
    }

    /// NumPy's array interface, version 3, for tensors on the host.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let given = array_interface::export(py, self.core())?;
        audit::given(py, self.core(), "array interface", "")?;
        Ok(given)
    }

    /// NumPy's array interface as a C struct, for tensors on the host.
    #[getter]
    fn __array_struct__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let given = array_struct::export(py, self.core())?;
        audit::given(py, self.core(), "array struct", "")?;
        Ok(given)
    }

    /// The CUDA array interface, version 3, for tensors of CUDA memory. Its stream is
    /// the one on which the tensor was made, for consumers to wait for: 1, the legacy
    /// default stream, or the handle of another one.
    #[getter]
    fn __cuda_array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let given = cuda_array_interface::export(py, self.core(), self.stream())?;
        audit::given(py, self.core(), "CUDA array interface", "")?;
        Ok(given)
    }

    /// For `numpy.asarray`: what `numpy()` gives, also of the types of ml_dtypes, converted
    /// if `dtype` is another one. ValueError where that takes a copy and `copy` is False.
    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = flag::copy)] copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array =
            deliver(slf, framework::NUMPY, Some(dtype.is_none() && copy == Some(true)), false)?;
        match dtype {
            None => Ok(array),
            Some(dtype) => numpy::converted(array, dtype, copy),
        }
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
        let given = audit::given(tensor.py(), tensor.get().core(), "buffer protocol", "");
        // SAFETY: `export` filled it; on failure Python does not give it back.
        given.inspect_err(|_| unsafe { buffer::give_back(view) })
    }

    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: Python gives back what `__getbuffer__` filled.
        unsafe { buffer::release(view) }
    }
}

/// A view of a tensor, as such.
fn view(own: &PyTensor, view: dlbridge::Result<Tensor>) -> PyResult<PyTensor> {
    view.map(|view| PyTensor::on(view, own.stream())).map_err(errors::argument)
}

fn copied_because(own: &PyTensor, py: Python<'_>, reason: &'static str) -> PyResult<PyTensor> {
    let copy = transfer::copy_of(py, own.core(), own.stream(), None)?;
    audit::copied(py, &copy.tensor, reason)?;
    Ok(copy.into())
}

/// An array of a framework.
fn deliver<'py>(
    tensor: &Bound<'py, PyTensor>,
    framework: &'static Framework,
    copy: Option<bool>,
    allow_writable_alias: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let request = Request { writable_alias: allow_writable_alias };
    convert::deliver(framework, tensor.as_any(), Given::Object(tensor.clone()), copy, request)
}
