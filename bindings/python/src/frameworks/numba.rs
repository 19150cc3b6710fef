//! Numba has no arrays of its own on the host: its functions take those of NumPy.

use crate::frameworks::framework::{ExportFn, Form, Framework, OnGpu, ReadOnly, is_plain, lacks};
use crate::frameworks::numpy;

pub static FRAMEWORK: Framework = Framework {
    name: "numba",
    title: "Numba",
    module: "numba",
    distributions: &["numba"],
    read_only: ReadOnly::Kept,
    // Nor do its functions know the types of ml_dtypes.
    unfit: |_, tensor| match tensor.dtype() {
        dtype if is_plain(dtype) => None,
        dtype => lacks("Numba", dtype),
    },
    on_gpu: Some(OnGpu { module: "numba.cuda", function: "as_cuda_array", form: Form::Interface }),
    protocol: "NumPy C API",
    // Of a tensor: on an array, NumPy would keep that one's own base instead.
    give: ExportFn::Object(|tensor| {
        numpy::export(&tensor.get().core().view(), tensor.clone().into_any())
    }),
    ..Framework::ANY
};
