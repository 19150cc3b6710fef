//! `Tensor.__dlpack__`, which consumers call with up to four keywords.

use pyo3::prelude::*;

use crate::api::dlpack_export;
use crate::engine::record;
use crate::support::arguments::Arguments;
use crate::support::flags;
use crate::support::function::Function;
use crate::support::parameters::{Parameters, not_none};
use crate::values::tensor::PyTensor;

/// `Tensor.__dlpack__`.
pub struct Dlpack;

impl Function for Dlpack {
    type Own = PyTensor;

    const NAME: &'static str = "Tensor.__dlpack__";
    const SIGNATURE: &'static str =
        "($self, /, *, stream=None, max_version=None, dl_device=None, copy=None)";
    const DOCUMENTATION: &'static str = "\
A DLPack capsule that holds one more owner of the memory: the versioned
kind for max_version=(1, 0) or later, else the legacy kind, which read-only
tensors do not become. complex128 between multiples of 16 bytes is given only as
a copy, with copy=True: PyTorch, for one, would end the process.

Memory of a GPU is waited for by `stream`: None or 1, the legacy default stream,
2, that of this thread, a handle, or -1, which does without. The host never waits,
but for a copy to another device with `dl_device`.";

    fn call<'py>(
        own: &Bound<'py, PyTensor>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<0, 4> = Parameters::of(Dlpack::SIGNATURE);
        let (py, tensor) = (own.py(), own.get());
        let ([], given) = PARAMETERS.read(py, Self::NAME, given)?;
        let [stream, max_version, dl_device, copy] = given.map(not_none);
        let copy = flags::copy_or(copy, None)?;
        let (capsule, reason) =
            dlpack_export::dlpack(py, tensor, stream, max_version, dl_device, copy)?;
        record::given(py, tensor.core(), "DLPack capsule", reason)?;
        Ok(capsule.into_any())
    }

    #[inline]
    fn at_once<'py>(
        own: &Bound<'py, PyTensor>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::call(own, given).map(Some)
    }
}
