//! `asarray`: a tensor of whatever has memory to share.

use dlbridge::cuda::Stream;
use dlbridge::{DType, Device};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyCapsule, PyMemoryView, PyType};

use crate::exchange::Table;
use crate::function::Function;
use crate::raw_array::Raw;
use crate::support::objects::intern;
use crate::support::parameters::{Arguments, Parameters};
use crate::tensor::PyTensor;
use crate::transfer::Made;
use crate::{
    array_interface, array_method, array_struct, audit, buffer, capsule, consumer,
    cuda_array_interface, device, direct, dtype, errors, flag, framework, numpy, raw_array, stream,
    torch,
};

/// `asarray`.
pub struct Asarray;

impl Function for Asarray {
    type Own = PyModule;

    const NAME: &'static str = "asarray";
    const SIGNATURE: &'static str = "(obj, /, *, dtype=None, device=None, copy=None, stream=None)";
    const DOCUMENTATION: &'static str = "\
A tensor on the memory of a NumPy array, of anything with `__dlpack__`,
`__array_struct__`, `__array_interface__`, `__cuda_array_interface__` or a
buffer (bytes, memoryview, array.array, mmap, ctypes), or of a DLPack capsule; a
Tensor is returned as it is. Of what only has `__array__`, like columns of pandas and
data sets of h5py, on the memory that it gives, which may be a copy: copy=False
refuses that.

A NumPy scalar is a read-only tensor without axes on its memory; a masked array without
masked elements is its data.

Buffers stay locked as long as their memory is used: a bytearray cannot be
resized. The CUDA array interface does not say on which device the memory is:
it is taken for device 0 unless the object has a `device` that says more.

Elements are never converted: `dtype`, if given, must be that of the object.
`device`, `copy` and `stream` are as for `from_dlpack`. DLPack has no strides between
elements (fields of packed records) and no byte order of another machine: such arrays
become copies, or BufferError with copy=False. What owns the memory is kept
alive, but not kept from moving it: ndarray.resize(refcheck=False) and
torch's resize_() pull it away from every other user.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<1, 4> = Parameters::of(Asarray::SIGNATURE);
        let py = own.py();
        let ([obj], [dtype, device, copy, stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flag::copy_or(copy, None)?;
        let stream = stream::parse(stream)?;
        let device = device::optional(device)?;
        let dtype = dtype::optional(dtype)?;
        if let Ok(capsule) = obj.cast_exact::<PyCapsule>()
            && let Some((_, own)) = capsule::peek(capsule)?
        {
            check_dtype(own, dtype)?;
        }
        if let Some(own) = itself(obj, device, copy).filter(|_| stream.is_none()) {
            check_dtype(own.get().core().dtype(), dtype)?;
            return Ok(own.into_any());
        }
        let made = take(obj, device, copy, stream)?;
        check_dtype(made.tensor.dtype(), dtype)?;
        audit::taken(obj, &made, copy)?;
        PyTensor::from(made).into_object(py)
    }

    #[inline]
    fn at_once<'py>(
        _own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        direct::tensor_of(given)
    }
}

fn check_dtype(own: DType, wanted: Option<DType>) -> PyResult<()> {
    match wanted.filter(|wanted| *wanted != own) {
        None => Ok(()),
        Some(wanted) => Err(errors::new::<PyTypeError>(format_args!(
            "dtype is {wanted} and the elements are {own}; dlbridge never converts elements: convert \
             before, like x.astype(\"{wanted}\") in NumPy"
        ))),
    }
}

/// The object itself if it is a Tensor and nothing is to be copied.
pub fn tensor_of<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyTensor>> {
    match itself(obj, device, copy) {
        Some(own) => Ok(own),
        None => Bound::new(obj.py(), PyTensor::from(take(obj, device, copy, None)?)),
    }
}

pub fn itself<'py>(
    obj: &Bound<'py, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
) -> Option<Bound<'py, PyTensor>> {
    let own = obj.cast_exact::<PyTensor>().ok()?;
    let is_there = device.is_none_or(|wanted| wanted == own.get().core().device());
    (is_there && copy != Some(true)).then(|| own.clone())
}

/// As `tensor_of`, but always an owner of its own.
pub fn take(
    obj: &Bound<'_, PyAny>,
    device: Option<Device>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Made> {
    if numpy::ARRAY.is_exact_type_of(obj) {
        return consumer::settle(obj.py(), numpy::import(obj, copy)?, device, copy, stream);
    }
    let known = obj.is_exact_instance_of::<PyTensor>()
        || torch::TENSOR.is_type_of(obj)
        || obj.is_instance_of::<PyCapsule>();
    if known {
        return consumer::take(obj, device, copy, stream);
    }
    numpy::check_kind(obj)?;
    if numpy::ARRAY.is_type_of(obj) {
        return consumer::settle(obj.py(), numpy::import(obj, copy)?, device, copy, stream);
    }
    if let Some(scalar) = numpy::import_scalar(obj)? {
        return consumer::settle(obj.py(), scalar, device, copy, stream);
    }
    if Table::of(obj)?.is_some() || consumer::producer_of(obj)?.is_some() {
        return consumer::take(obj, device, copy, stream);
    }
    match made_of(obj, copy, stream)? {
        Some(tensor) => consumer::settle(obj.py(), tensor, device, copy, stream),
        None => Err(errors::wrong_type(
            "obj",
            obj,
            "an array: of NumPy, with __dlpack__, an array interface or a buffer, or a DLPack capsule \
             (numpy.asarray makes arrays of lists and numbers)",
        )),
    }
}

/// What an object describes, but not by DLPack.
enum Described<'py> {
    Raw(Raw<'py>),
    /// A dictionary of the CUDA array interface.
    Cuda(Bound<'py, PyAny>),
}

fn described<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Option<Described<'py>>> {
    let py = obj.py();
    if obj.is_instance_of::<PyType>() {
        // What classes have is for their instances.
        return Ok(None);
    }
    // These have nothing else, and asking for each takes time.
    let plain = obj.is_exact_instance_of::<PyBytes>()
        || obj.is_exact_instance_of::<PyByteArray>()
        || obj.is_exact_instance_of::<PyMemoryView>();
    if !plain {
        if let Some(found) = obj.getattr_opt(intern!(py, "__array_struct__")?)? {
            return array_struct::describe(obj, &found).map(Described::Raw).map(Some);
        }
        if let Some(found) = obj.getattr_opt(intern!(py, "__array_interface__")?)? {
            return array_interface::describe(obj, &found).map(Described::Raw).map(Some);
        }
        if let Some(found) = obj.getattr_opt(intern!(py, "__cuda_array_interface__")?)? {
            return Ok(Some(Described::Cuda(found)));
        }
    }
    let raw = buffer::has_buffer(obj).then(|| buffer::describe(obj)).transpose()?;
    Ok(raw.map(Described::Raw))
}

/// The memory on the host that an object describes, but not by DLPack.
pub fn raw_of<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>> {
    Ok(match described(obj)? {
        Some(Described::Raw(raw)) => Some(raw),
        _ => None,
    })
}

/// A tensor of an object that does not speak DLPack, if it has one.
fn made_of(
    obj: &Bound<'_, PyAny>,
    copy: Option<bool>,
    stream: Option<Stream>,
) -> PyResult<Option<Made>> {
    match described(obj)? {
        Some(Described::Raw(raw)) => {
            // SAFETY: the interface says that the memory is there as long as the object is,
            // or the buffer until it is released.
            let tensor = unsafe { raw.into_tensor(obj.py(), copy) }?;
            Ok(Some(Made { reason: raw_array::REASON, ..tensor.into() }))
        }
        Some(Described::Cuda(found)) => {
            let work = stream.unwrap_or(Stream::LEGACY);
            cuda_array_interface::import(obj, &found, work).map(Some)
        }
        None => match (framework::copied_from(obj, copy)?, array_method::of(obj)?) {
            (Some(copied), _) => Ok(Some(copied.into())),
            (None, Some(method)) => {
                array_method::import(obj, &method, copy).map(|it| Some(it.into()))
            }
            (None, None) => Ok(None),
        },
    }
}
