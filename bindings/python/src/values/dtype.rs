//! `dlbridge.DType`.

use std::ffi::c_long;

use dlbridge::abi::{DLDataType, DLDataTypeCode};
use dlbridge::{DType, Error, Status, spec};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyTuple, PyType};

use crate::support::ask::Ask;
use crate::support::cache::ObjectCache;
use crate::support::errors;
use crate::support::integers::integer_list;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::support::parameters::not_none;

static NUMPY_DTYPE: LazyType = LazyType::new("numpy", "dtype");

/// An element type of DLPack. Equal to its name: `t.dtype == "float32"`.
#[pyclass(frozen, name = "DType", module = "dlbridge")]
#[derive(Clone, Copy)]
pub struct PyDType(pub DType);

/// The object of a dtype.
pub fn object(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyDType>> {
    static OBJECTS: ObjectCache<PyDType> = ObjectCache::new();
    let DLDataType { code, bits, lanes } = dtype.raw();
    let bits = u64::from(code.0) | u64::from(bits) << 8 | u64::from(lanes) << 16;
    OBJECTS.object(py, bits, PyDType(dtype))
}

/// Reads an argument `dtype` that may be left out, or None.
pub fn optional(argument: Option<&Bound<'_, PyAny>>) -> PyResult<Option<DType>> {
    not_none(argument).map(parse).transpose()
}

/// Reads a dtype argument: a `DType`, a name, a type of Python, or a dtype of a framework.
pub fn parse(argument: &Bound<'_, PyAny>) -> PyResult<DType> {
    if let Ok(dtype) = argument.cast::<PyDType>() {
        return Ok(dtype.get().0);
    }
    if let Some(name) = errors::text(argument) {
        return named(&name).map_err(errors::argument);
    }
    of_object(argument)?.ok_or_else(|| {
        let wanted = "a dlbridge.DType, a name like \"float32\", or a dtype of NumPy, PyTorch or another \
                      framework in native byte order";
        errors::wrong_type("dtype", argument, wanted)
    })
}

/// The element type with a name of DLPack's types, of signatures (`f32`), or of NumPy (`<f4`,
/// `double`).
///
/// # Errors
/// As the core's, and for what means one type in signatures and another one in NumPy, like `i8`.
fn named(name: &str) -> dlbridge::Result<DType> {
    let unknown = match name.parse::<DType>() {
        Ok(dtype) => return Ok(dtype),
        Err(error) => error,
    };
    match (spec::parse_type(name), DType::from_typestr(name)) {
        (Some(short), Ok(numpys)) if short != numpys => Err(Error::new(
            Status::Dtype,
            format!(
                "dtype is {name:?}, which is {short} in signatures and {numpys} in NumPy; write {:?} or \
                 {:?}",
                short.to_string(),
                numpys.to_string()
            ),
        )),
        (Some(dtype), _) | (None, Ok(dtype)) => Ok(dtype),
        (None, Err(error)) if name.starts_with(['<', '>', '=', '|', '!']) => {
            Err(Error::new(error.status(), error.message().replacen("typestr", "dtype", 1)))
        }
        _ => of_numpys_name(name).or_else(|| without_module(name)).ok_or(unknown),
    }
}

/// A name with a module before it, as PyTorch, PaddlePaddle and MLX write their dtypes.
fn without_module(name: &str) -> Option<DType> {
    name.rsplit('.').next()?.parse().ok()
}

/// What NumPy calls types of C and of Python, with the letters that stand for them.
fn of_numpys_name(name: &str) -> Option<DType> {
    const LONG: usize = size_of::<c_long>();
    const SIZE: usize = size_of::<usize>();
    let (kind, bytes) = match name {
        "?" | "bool_" => return Some(DType::BOOL),
        "b" | "byte" => ("int", 1),
        "h" | "short" => ("int", 2),
        "i" | "intc" => ("int", 4),
        "l" | "long" => ("int", LONG),
        "q" | "longlong" => ("int", 8),
        "n" | "p" | "int" | "int_" | "intp" => ("int", SIZE),
        "B" | "ubyte" => ("uint", 1),
        "H" | "ushort" => ("uint", 2),
        "I" | "uintc" => ("uint", 4),
        "L" | "ulong" => ("uint", LONG),
        "Q" | "ulonglong" => ("uint", 8),
        "N" | "P" | "uint" | "uintp" => ("uint", SIZE),
        "e" | "half" => ("float", 2),
        "f" | "single" => ("float", 4),
        "d" | "double" | "float" | "float_" => ("float", 8),
        "F" | "csingle" => ("complex", 8),
        "D" | "cdouble" | "complex" | "complex_" => ("complex", 16),
        _ => return None,
    };
    format!("{kind}{}", 8 * bytes).parse().ok()
}

/// The element type that an object other than a text stands for.
fn of_object(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
    let py = object.py();
    let own = by_itself(object)?;
    if own.is_some() || object.is_instance_of::<PyType>() {
        return Ok(own);
    }
    if let Some(method) = object.optional(intern!(py, "__dlpack_data_type__")?)? {
        return of_triple(&method.call0()?).map(Some);
    }
    // These lead to a type or a dtype of NumPy, and no further: else one that leads to itself
    // would never end.
    if let Some(class) = object.optional(intern!(py, "as_numpy_dtype")?)? {
        return by_itself(&class);
    }
    if let Some(method) = object.optional(intern!(py, "to_pandas_dtype")?)? {
        return by_itself(&method.call0()?);
    }
    // tinygrad's names are those of C: its float is a float32.
    if let Some(format) = object.optional(intern!(py, "fmt")?)? {
        return Ok(errors::text(&format).and_then(|format| of_numpys_name(&format)));
    }
    by_numpy(object)
}

/// Reads what `__dlpack_data_type__` returns: code, bits and lanes.
fn of_triple(triple: &Bound<'_, PyAny>) -> PyResult<DType> {
    let py = triple.py();
    let wanted = || {
        let wanted = "a tuple of code, bits and lanes, like (2, 32, 1)";
        errors::wrong_type("__dlpack_data_type__()", triple, wanted)
    };
    let items = triple.cast::<PyTuple>().map_err(|_| wanted())?;
    let numbers = errors::tolerate(py, integer_list("__dlpack_data_type__()", items))?;
    let numbers = numbers.ok_or_else(wanted)?;
    let parts = match numbers[..] {
        [code, bits, lanes] => (u8::try_from(code), u8::try_from(bits), u16::try_from(lanes)),
        _ => return Err(wanted()),
    };
    let (Ok(code), Ok(bits), Ok(lanes)) = parts else {
        return Err(wanted());
    };
    let raw = DLDataType { code: DLDataTypeCode(code), bits, lanes };
    DType::new(raw).map_err(errors::argument)
}

/// The element type of a class, or that of which an object has the name.
fn by_itself(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
    let py = object.py();
    if let Ok(class) = object.cast::<PyType>() {
        let builtin = [
            (py.get_type::<PyBool>(), DType::BOOL),
            (py.get_type::<PyInt>(), DType::INT64),
            (py.get_type::<PyFloat>(), DType::FLOAT64),
            (py.get_type::<PyComplex>(), DType::COMPLEX128),
        ];
        if let Some((_, dtype)) = builtin.into_iter().find(|(builtin, _)| builtin.is(class)) {
            return Ok(Some(dtype));
        }
        return match class.name()?.to_string_lossy().parse() {
            Ok(dtype) => Ok(Some(dtype)),
            Err(_) => by_numpy(object),
        };
    }
    let text = errors::tolerate(py, errors::shown(object))?.unwrap_or_default();
    if let Some(dtype) = without_module(&text) {
        return Ok(Some(dtype));
    }
    if NUMPY_DTYPE.is_type_of(object) && text.starts_with(['<', '>']) {
        return named(&text).map(Some).map_err(|error| errors::new::<PyTypeError>(error.message()));
    }
    Ok(None)
}

/// What NumPy takes an object for, if it is loaded: types of ctypes and NumPy's own of C, and
/// objects with a `dtype` of NumPy. Not arrays, which have one too.
fn by_numpy(object: &Bound<'_, PyAny>) -> PyResult<Option<DType>> {
    let py = object.py();
    // It would refuse others in an error with their repr(), and drop what that raises.
    let is_known = object.is_instance_of::<PyType>()
        || object.optional(intern!(py, "dtype")?)?.is_some()
            && object.optional(intern!(py, "shape")?)?.is_none();
    let Some(class) = NUMPY_DTYPE.get(py).filter(|_| is_known) else {
        return Ok(None);
    };
    match errors::tolerate(py, class.called([object]))? {
        Some(dtype) => Ok(errors::shown(&dtype)?.parse().ok()),
        None => Ok(None),
    }
}
