//! PyTorch's types, its table of C functions, and what it calls dtypes.

use std::ffi::CStr;

use dlbridge::cuda::Stream;
use dlbridge::{DType, Device};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::protocols::exchange_table::Table;
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::{errors, modules, objects};

pub static TENSOR: LazyType = LazyType::on("torch", "Tensor", BASES);

static PARAMETER: LazyType = LazyType::on("torch.nn", "Parameter", BASES);

/// Earlier versions have the second name.
const BASES: &[(&str, &str)] = &[("torch._C", "TensorBase"), ("torch._C", "_TensorBase")];

/// Whether an object is a tensor of PyTorch's own, and of no subclass.
pub fn is_plain(x: &Bound<'_, PyAny>) -> bool {
    TENSOR.is_exact_type_of(x) || PARAMETER.is_exact_type_of(x)
}

/// Does something inside of one of PyTorch's guards, by its name.
pub fn within<R>(py: Python<'_>, guard: &CStr, body: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    let guard = modules::import(py, c"torch._C")?.attribute(guard)?.call0()?;
    let none = py.None().into_bound(py);
    guard.method(c"__enter__", [])?;
    let result = body();
    guard.method(c"__exit__", [&none, &none, &none])?;
    result
}

/// The table of PyTorch's own types.
pub fn table(py: Python<'_>) -> PyResult<Option<Table>> {
    static FOUND: PyOnceLock<Table> = PyOnceLock::new();
    if let Some(found) = FOUND.get(py) {
        return Ok(Some(*found));
    }
    let Some(class) = TENSOR.get(py) else {
        return Ok(None);
    };
    Ok(Table::of_type(class)?.map(|table| *FOUND.get_or_init(py, || table)))
}

/// The stream that PyTorch works on now.
pub fn current_stream(py: Python<'_>, device: Device) -> PyResult<Stream> {
    match table(py)? {
        Some(table) => table.current_stream(py, device).map(Stream::from_raw),
        None => Ok(Stream::LEGACY),
    }
}

/// The dtype of PyTorch for elements.
pub fn dtype(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    let torch = modules::import(py, c"torch")?;
    let class = torch.attribute(c"dtype")?;
    // PyTorch writes the number of lanes in another way.
    let name = objects::text(py, &dtype.to_string().replace("fnx", "fn_x"))?;
    match torch.getattr_opt(name)? {
        Some(found) if found.is_instance(&class)? => Ok(found),
        _ => Err(errors::refused(format_args!("dtype is {dtype}, which PyTorch does not have"))),
    }
}
