//! `from_dlpack`: tensors of objects that speak DLPack.

use dlbridge::Tensor;
use dlbridge::abi::DLManagedTensorVersioned;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::engine::acquire::{Accepts, Wanted};
use crate::engine::{acquire, record};
use crate::support::arguments::Arguments;
use crate::support::function::Function;
use crate::support::parameters::Parameters;
use crate::support::{address, errors, flags};
use crate::values::tensor::PyTensor;
use crate::values::{device, stream};

static PARAMETERS: Parameters<1, 3> = Parameters::of(FromDlpack::SIGNATURE);

/// `from_dlpack`.
pub struct FromDlpack;

impl Function for FromDlpack {
    type Own = PyModule;

    const NAME: &'static str = "from_dlpack";
    const SIGNATURE: &'static str = "(x, /, *, device=None, copy=None, stream=None)";
    const DOCUMENTATION: &'static str = "\
A tensor on the memory of an object with `__dlpack__`, or of a DLPack capsule.

With `device`, what is on another one is copied there, unless `copy` is False.
`copy` is as in the array API standard: True always copies, False raises
CopyError rather than copy, None copies if there is no other way. What comes
in the legacy form, which cannot say whether it may be written to, is read-only.

Memory of a GPU is waited for by `stream`, on which it may be used then: None is
PyTorch's current stream for its tensors, else the legacy default stream; 1, 2 or
a handle as for `empty`. With `device` and `stream`, memory of the host is to be kept
until the stream is past the copy (that of a capsule is). Another library frees memory
of a GPU in its own order: be done with it before the last tensor goes.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = own.py();
        let ([x], [device, copy, stream]) = PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flags::copy_or(copy, None)?;
        let device = device::optional(device)?;
        let wanted = Wanted { device, copy, stream: stream::parse(stream)? };
        let acquired = acquire::acquire(x, Accepts::DLPack, wanted)?;
        record::acquired(x, &acquired, copy)?;
        PyTensor::from(acquired).into_object(py)
    }

    #[inline]
    fn at_once<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match PARAMETERS.at_once(own.py(), given) {
            Some(([x], [None, None, None])) => acquire::at_once(x),
            _ => Ok(None),
        }
    }
}

/// `from_managed`.
pub struct FromManaged;

impl Function for FromManaged {
    type Own = PyModule;

    const NAME: &'static str = "_from_managed";
    const SIGNATURE: &'static str = "(address, /)";
    const DOCUMENTATION: &'static str = "\
Takes over a DLManagedTensorVersioned from C, by its address. On error the
caller still owns it.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<1, 0> = Parameters::of(FromManaged::SIGNATURE);
        let py = own.py();
        let ([address], []) = PARAMETERS.read(py, Self::NAME, given)?;
        let raw = address::number("address", address)? as *mut DLManagedTensorVersioned;
        if !raw.is_null() && !address::can_be(raw) {
            let text = format!("address is {raw:p}, where no DLManagedTensorVersioned can lie");
            return Err(errors::new::<PyValueError>(text));
        }
        // SAFETY: the caller says that it owns such a struct; nothing can check that.
        let tensor = unsafe { Tensor::import(raw) };
        let tensor = tensor.map_err(|error| {
            let message = format!("{}; the caller still owns the tensor", error.message());
            errors::exchange(dlbridge::Error::new(error.status(), message))
        })?;
        PyTensor::new(tensor).into_object(py)
    }
}
