//! tinygrad: copies both ways. It speaks no protocol, and its `Tensor.from_blob`
//! would not keep the memory alive.

use dlbridge::abi::{ALIGNMENT, Flags, NOWHERE};
use dlbridge::{DType, Device, Tensor, TensorRef, array_interface};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{Framework, Give, ReadOnly, is_plain, lacks};
use crate::loaded::LoadedType;
use crate::owner::owned_by;
use crate::tensor::copied;
use crate::{errors, numpy};

static ARRAY: LoadedType = LoadedType::new("tinygrad", "Tensor");

pub static FRAMEWORK: Framework = Framework {
    name: "tinygrad",
    title: "tinygrad",
    arrays: &[&ARRAY],
    read_only: ReadOnly::Immutable,
    unfit: |_, tensor| match tensor.dtype() {
        dtype @ (DType::COMPLEX64 | DType::COMPLEX128) => lacks("tinygrad", dtype),
        dtype if is_plain(dtype) => None,
        dtype => Some(format!("dtype is {dtype}, which tinygrad does not take from NumPy").into()),
    },
    copies: Some("tinygrad copies whatever it is given, to a buffer of its device"),
    protocol: "NumPy array",
    give: Give::View(give),
    ..Framework::ANY
};

fn give<'py>(tensor: &TensorRef<'_>, keeper: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = keeper.py();
    let class = FRAMEWORK.attribute(py, "tinygrad", "Tensor")?;
    let array = numpy::export(tensor, keeper)?;
    // Else it copies when it is first used, after others may have written.
    let made = || {
        if !tensor.shape().is_empty() {
            return class.call1((array,))?.call_method0("realize");
        }
        // It would make a constant of a single number, which is on no device.
        let row = class.call1((array.call_method1("reshape", (1,))?,))?;
        row.call_method0("realize")?.call_method1("reshape", (PyTuple::empty(py),))
    };
    made().map_err(|error| FRAMEWORK.refusal(tensor, py, error))
}

/// A copy of the elements of a tinygrad.Tensor.
pub fn copied_from(object: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Tensor> {
    if copy == Some(false) {
        return Err(errors::refused(
            "x is a tinygrad.Tensor, and tinygrad gives out copies only; copy=None allows one",
        ));
    }
    dtype_of(object)?;
    let array = object.call_method0("numpy")?;
    let tensor = numpy::import(&array)?;
    // As aligned as `would_copy_out` says, else others might need one more copy.
    if !(tensor.data_ptr() as usize).is_multiple_of(ALIGNMENT) {
        return copied(object.py(), tensor.view());
    }
    owned_by(array, |source| {
        // SAFETY: the descriptor of a tensor on the array, which the new one keeps.
        unsafe { Tensor::wrap(TensorRef::new(tensor.descriptor(), Flags::IS_COPIED)?, source) }
    })
}

/// The copy that it would give out, on no memory.
pub fn would_copy_out(object: &Bound<'_, PyAny>) -> PyResult<(Tensor, &'static str)> {
    let dtype = dtype_of(object)?;
    let shape: Vec<i64> = object.getattr("shape")?.extract()?;
    let tensor = owned_by(object.clone(), |source| {
        // SAFETY: nobody reads the elements.
        unsafe {
            array_interface::from_values(
                dtype,
                &shape,
                None,
                NOWHERE,
                Device::CPU,
                Flags::empty(),
                source,
            )
        }
    })?;
    Ok((tensor, "tinygrad gives out copies only"))
}

/// The element type. Those that NumPy does not have would be converted.
fn dtype_of(object: &Bound<'_, PyAny>) -> PyResult<DType> {
    let dtype = object.getattr("dtype")?;
    let size: u32 = dtype.getattr("itemsize")?.extract()?;
    let name = dtype.getattr("name")?.to_string();
    let kind = match name.as_str() {
        "bool" => return Ok(DType::BOOL),
        "half" | "float" | "double" => "float",
        "char" | "signed char" | "short" | "int" | "long" => "int",
        name if name.starts_with("unsigned") => "uint",
        _ => {
            return Err(errors::refused(format!(
                "x is a tinygrad.Tensor of dtype {name}, whose elements tinygrad would convert; pass \
                 x.cast(\"float32\")"
            )));
        }
    };
    format!("{kind}{}", 8 * size).parse().map_err(errors::exchange)
}
