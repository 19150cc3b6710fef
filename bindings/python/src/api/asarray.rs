//! `asarray`: a tensor of whatever has memory to share.

use dlbridge::DType;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::engine::acquire::{Accepts, Wanted, itself};
use crate::engine::{acquire, record};
use crate::protocols::capsule;
use crate::support::arguments::Arguments;
use crate::support::function::Function;
use crate::support::parameters::Parameters;
use crate::support::{errors, flags};
use crate::values::tensor::PyTensor;
use crate::values::{device, dtype, stream};

static PARAMETERS: Parameters<1, 4> = Parameters::of(Asarray::SIGNATURE);

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
        let py = own.py();
        let ([obj], [dtype, device, copy, stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flags::copy_or(copy, None)?;
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
        let acquired = acquire::acquire(obj, Accepts::Any, Wanted { device, copy, stream })?;
        check_dtype(acquired.tensor.dtype(), dtype)?;
        record::acquired(obj, &acquired, copy)?;
        PyTensor::from(acquired).into_object(py)
    }

    #[inline]
    fn at_once<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match PARAMETERS.at_once(own.py(), given) {
            Some(([x], [None, None, None, None])) => acquire::at_once(x),
            _ => Ok(None),
        }
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
