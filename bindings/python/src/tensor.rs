//! `dlbridge.Tensor`.

use std::ffi::c_int;
use std::mem::ManuallyDrop;

use dlbridge::abi::DLTensor;
use dlbridge::cuda::Stream;
use dlbridge::{Tensor, TensorRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString, PyTuple};

use crate::convert::Given;
use crate::device::{self, PyDevice};
use crate::dtype::PyDType;
use crate::framework::{Framework, Request};
use crate::integers::{integers, tuple};
use crate::owner::PendingException;
use crate::shown::Shown;
use crate::support::objects::{self, Address, Int};
use crate::transfer::Made;
use crate::{
    array_interface, array_struct, audit, buffer, consumer, convert, cuda_array_interface, errors,
    exchange, framework, index, object, stream, transfer,
};

/// An n-dimensional buffer, shared and not copied: by C libraries, NumPy, PyTorch
/// and whatever speaks DLPack, an array interface or the buffer protocol.
///
/// Tensors come from `from_dlpack`, `asarray` and `empty`. A tensor never
/// changes its shape, dtype or address; views are new tensors on the same
/// memory, which lives until the last of them is gone. The memory is not locked:
/// that nobody writes to what somebody else reads is up to the program.
#[pyclass(frozen, weakref, name = "Tensor", module = "dlbridge")]
pub struct PyTensor {
    tensor: ManuallyDrop<Tensor>,
    /// In the order of which the memory of a GPU is made.
    stream: Stream,
    shown: Shown,
}

impl PyTensor {
    pub fn new(tensor: Tensor) -> PyTensor {
        PyTensor::on(tensor, Stream::LEGACY)
    }

    /// One whose memory is made in the order of that stream.
    pub fn on(tensor: Tensor, stream: Stream) -> PyTensor {
        PyTensor { tensor: ManuallyDrop::new(tensor), stream, shown: Shown::default() }
    }

    /// The stream to wait for before the memory is used on another one.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    pub fn core(&self) -> &Tensor {
        &self.tensor
    }

    /// A descriptor for others, valid as long as this is.
    pub fn shown(&self, py: Python<'_>) -> PyResult<*mut DLTensor> {
        self.shown.of(py, &self.tensor)
    }

    /// A copy in C order on the same device.
    pub fn copied(&self, py: Python<'_>) -> PyResult<PyTensor> {
        transfer::copy_of(py, &self.tensor, self.stream, None).map(PyTensor::from)
    }

    fn copied_because(&self, py: Python<'_>, reason: &'static str) -> PyResult<PyTensor> {
        let copy = self.copied(py)?;
        audit::copied(py, &copy.tensor, reason)?;
        Ok(copy)
    }

    fn ndim(&self) -> usize {
        self.tensor.shape().len()
    }

    fn view(&self, view: dlbridge::Result<Tensor>) -> PyResult<PyTensor> {
        view.map(|view| PyTensor::on(view, self.stream)).map_err(errors::argument)
    }
}

impl From<Made> for PyTensor {
    fn from(made: Made) -> PyTensor {
        PyTensor::on(made.tensor, made.stream)
    }
}

impl Drop for PyTensor {
    fn drop(&mut self) {
        // SAFETY: Python deallocates on attached threads, and all code here that
        // makes tensors is attached.
        let _kept = PendingException::save(unsafe { Python::assume_attached() });
        // SAFETY: not used any more. The last owner calls the producer's deleter.
        unsafe { ManuallyDrop::drop(&mut self.tensor) }
    }
}

#[pymethods]
impl PyTensor {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn refuse(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Err(PyTypeError::new_err(
            "dlbridge.Tensor cannot be called; use dlbridge.asarray(x), dlbridge.from_dlpack(x) or \
             dlbridge.empty(shape)",
        ))
    }

    /// The extents.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        objects::ints(py, self.tensor.shape())
    }

    /// The strides, in elements (NumPy's are in bytes).
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        objects::ints(py, self.tensor.strides())
    }

    /// The element type.
    #[getter]
    fn dtype(&self) -> PyDType {
        PyDType(self.tensor.dtype())
    }

    /// The device of the memory.
    #[getter]
    fn device(&self) -> PyDevice {
        PyDevice(self.tensor.device())
    }

    /// The number of dimensions.
    #[getter(ndim)]
    fn axes(&self) -> Int {
        Int(self.ndim() as i64)
    }

    /// The number of elements.
    #[getter]
    fn size(&self) -> Int {
        Int(self.tensor.layout().count())
    }

    /// The bytes of one element, rounded up for elements that are parts of bytes.
    #[getter]
    fn itemsize(&self) -> Int {
        Int(self.tensor.layout().item_bits().div_ceil(8).into())
    }

    /// The bytes of all elements, without the gaps that strides leave.
    #[getter]
    fn nbytes(&self) -> Int {
        Int(self.tensor.layout().bytes())
    }

    /// Whether the memory must not be written to.
    #[getter]
    fn readonly(&self) -> bool {
        self.tensor.is_read_only()
    }

    /// The address of the first element, 0 without elements.
    #[getter]
    fn ptr(&self) -> Address {
        Address(self.tensor.data_ptr() as usize)
    }

    /// The view with all axes in reverse order.
    #[getter(T)]
    fn reversed(&self) -> PyResult<PyTensor> {
        let axes: Vec<usize> = (0..self.ndim()).rev().collect();
        self.view(self.tensor.permute(&axes))
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
        if axes.is_empty() {
            return self.reversed();
        }
        let given = integers("axes", axes)?;
        let ndim = self.ndim() as i64;
        let resolved: Option<Vec<usize>> = given
            .iter()
            .map(|axis| usize::try_from(if *axis < 0 { axis + ndim } else { *axis }).ok())
            .collect();
        let axes = resolved.ok_or_else(|| {
            PyValueError::new_err(format!(
                "axes is {given:?}; it must name each of the {ndim} axes once"
            ))
        })?;
        self.view(self.tensor.permute(&axes))
    }

    /// The view with another shape: ints or one tuple, of which one may be -1.
    /// ValueError if only a copy could have it.
    #[pyo3(signature = (*shape))]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        self.view(self.tensor.reshape(&integers("shape", shape)?))
    }

    /// A copy in C order, in memory of its own on the same device, writable.
    fn copy(&self, py: Python<'_>) -> PyResult<PyTensor> {
        self.copied_because(py, "copy()")
    }

    /// The tensor itself if it is in C order without gaps, else a copy.
    fn contiguous<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTensor>> {
        match slf.get().tensor.layout().is_c_contiguous() {
            true => Ok(slf.clone()),
            false => Bound::new(slf.py(), slf.get().copied_because(slf.py(), "contiguous()")?),
        }
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
        if device == own.tensor.device() {
            return match stream {
                None => Ok(slf.clone()),
                Some(_) => Bound::new(py, PyTensor::from(consumer::shared(own, stream)?)),
            };
        }
        let copy = transfer::copy_to(py, &own.tensor, own.stream, device, stream)?;
        audit::copied(py, &copy.tensor, "to_device()")?;
        Bound::new(py, PyTensor::from(copy))
    }

    /// A NumPy array on the same memory, read-only if the tensor is; with
    /// copy=True on a copy. BufferError where NumPy cannot have it.
    #[pyo3(signature = (*, copy = Some(false)), text_signature = "($self, /, *, copy=False)")]
    fn numpy<'py>(slf: &Bound<'py, Self>, copy: Option<bool>) -> PyResult<Bound<'py, PyAny>> {
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
        copy: Option<bool>,
        allow_writable_alias: bool,
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
        copy: Option<bool>,
        allow_writable_alias: bool,
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
        copy: Option<bool>,
        allow_writable_alias: bool,
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
        copy: Option<bool>,
        allow_writable_alias: bool,
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
        copy: Option<bool>,
        allow_writable_alias: bool,
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
        copy: Option<bool>,
        allow_writable_alias: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        deliver(slf, framework::MLX, copy, allow_writable_alias)
    }

    fn __len__(&self) -> PyResult<usize> {
        match self.tensor.shape() {
            [extent, ..] => Ok(*extent as usize),
            [] => Err(PyTypeError::new_err("len() of a tensor with 0 dimensions")),
        }
    }

    /// The parts at each index of the first axis.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        if slf.get().ndim() == 0 {
            return Err(PyTypeError::new_err("iteration over a tensor with 0 dimensions"));
        }
        object::iterator(slf)
    }

    fn __contains__(&self, _value: &Bound<'_, PyAny>) -> PyResult<bool> {
        Err(PyTypeError::new_err(
            "dlbridge.Tensor does not compare elements; use t.numpy() for that",
        ))
    }

    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
        index::get(&self.tensor, key).map(|view| PyTensor::on(view, self.stream))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let text = format_args!(
            "dlbridge.Tensor(shape={}, dtype={}, strides={}, device={}, readonly={}, ptr={:#x})",
            tuple(self.tensor.shape()),
            self.tensor.dtype(),
            tuple(self.tensor.strides()),
            self.tensor.device(),
            if self.tensor.is_read_only() { "True" } else { "False" },
            self.tensor.data_ptr() as usize
        );
        objects::display(py, text)
    }

    /// The device as DLPack's two numbers: its type and its index.
    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        device::pair(py, self.tensor.device())
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
        let given = array_interface::export(py, &self.tensor)?;
        audit::given(py, &self.tensor, "array interface", "")?;
        Ok(given)
    }

    /// NumPy's array interface as a C struct, for tensors on the host.
    #[getter]
    fn __array_struct__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let given = array_struct::export(py, &self.tensor)?;
        audit::given(py, &self.tensor, "array struct", "")?;
        Ok(given)
    }

    /// The CUDA array interface, version 3, for tensors of CUDA memory. Its stream is
    /// the one on which the tensor was made, for consumers to wait for: 1, the legacy
    /// default stream, or the handle of another one.
    #[getter]
    fn __cuda_array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let given = cuda_array_interface::export(py, &self.tensor, self.stream)?;
        audit::given(py, &self.tensor, "CUDA array interface", "")?;
        Ok(given)
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

/// A copy in C order. Large ones let other Python threads run meanwhile.
pub fn copied(py: Python<'_>, tensor: TensorRef<'_>) -> PyResult<Tensor> {
    const LARGE: i64 = 1 << 20;
    // SAFETY: the tensor's owner says that it can be read; that nobody writes to it
    // meanwhile is up to the program, as the documentation says.
    let copy = || unsafe { Tensor::copy_of(tensor) };
    let copy = if tensor.layout().bytes() > LARGE { py.detach(copy) } else { copy() };
    copy.map_err(errors::exchange)
}
