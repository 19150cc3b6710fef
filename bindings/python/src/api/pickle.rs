//! Tensors as bytes, and back: `tobytes`, `copy` and `pickle`.

use dlbridge::abi::Flags;
use dlbridge::{DType, Device, Layout, Tensor, TensorRef};
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::engine::{copy, record};
use crate::protocols::buffer::Buffer;
use crate::support::arguments::Arguments;
use crate::support::ask::Ask;
use crate::support::function::Function;
use crate::support::integers::integer_list;
use crate::support::keep_alive::kept_by;
use crate::support::lasting::boxed;
use crate::support::parameters::Parameters;
use crate::support::{errors, flags, integers, modules, objects};
use crate::values::acquired::Acquired;
use crate::values::dtype;
use crate::values::tensor::{PyTensor, copied};

/// `tobytes()`: the elements side by side, the last axis fastest for "C", the first for "F";
/// "A" is "F" for what lies in that order, and else "C".
pub fn to_bytes<'py>(
    py: Python<'py>,
    own: &PyTensor,
    order: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let tensor = copy::on_host(py, own.core(), own.stream(), "tobytes()")?;
    let name = order.map(|order| errors::text(order).ok_or(order)).transpose();
    let is_fortran = match name.as_ref().map(|name| name.as_deref()) {
        Ok(None | Some("C")) => false,
        Ok(Some("F")) => true,
        Ok(Some("A")) => tensor.layout().is_f_contiguous() && !tensor.layout().is_c_contiguous(),
        Ok(Some(other)) => {
            return Err(errors::new::<PyValueError>(format_args!(
                "order is {:?}; it must be \"C\", \"F\" or \"A\"",
                errors::shortened(other)
            )));
        }
        Err(other) => return Err(errors::wrong_type("order", other, "\"C\", \"F\" or \"A\"")),
    };
    let tensor = if is_fortran { reversed(&tensor)? } else { tensor };
    let row = in_a_row(py, tensor)?;
    bytes_object(py, &row)
}

/// The bytes of a tensor that `in_a_row` made.
fn bytes_object<'py>(py: Python<'py>, row: &Tensor) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = row.layout().bytes() as isize;
    // SAFETY: the thread is attached, and the elements lie there side by side, on the host; that
    // nobody writes to them meanwhile is up to the program, as the documentation says.
    unsafe {
        let made = ffi::PyBytes_FromStringAndSize(row.data_ptr().cast(), bytes);
        Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked())
    }
}

fn reversed(tensor: &Tensor) -> PyResult<Tensor> {
    let axes: Vec<usize> = (0..tensor.shape().len()).rev().collect();
    tensor.permute(&axes).map_err(errors::exchange)
}

/// A tensor of the host in C order without gaps: itself, or a copy.
fn in_a_row(py: Python<'_>, tensor: Tensor) -> PyResult<Tensor> {
    let padded = tensor.flags() & Flags::IS_SUBBYTE_TYPE_PADDED;
    if tensor.layout().is_c_contiguous() {
        return Ok(tensor);
    }
    if padded.is_empty() {
        return copied(py, tensor.view());
    }
    // Whole bytes each, which can be copied as such.
    let (data, shape, strides) = (tensor.data_ptr(), tensor.shape(), Some(tensor.strides()));
    let bytes =
        TensorRef::of_parts(DType::UINT8, Device::CPU, Flags::empty(), data, shape, strides);
    let copy = copied(py, bytes.map_err(errors::exchange)?)?;
    as_elements(copy, tensor.dtype(), padded, shape)
}

/// `copy.copy` and `copy.deepcopy`: a copy in C order on the same device, read-only if the
/// tensor is.
pub fn duplicate(py: Python<'_>, own: &PyTensor) -> PyResult<PyTensor> {
    let source = own.core();
    let is_parts = source.dtype().item_bytes().is_none();
    let copy = match is_parts && source.device().is_host_accessible() {
        true => Acquired::from(copy_of_bytes(py, source)?),
        false => copy::copy_of(py, source, own.stream(), None)?,
    };
    record::copied(py, &copy.tensor, "copy")?;
    let tensor = match source.is_read_only() {
        true => copy.tensor.share_read_only().map_err(errors::exchange)?,
        false => copy.tensor,
    };
    Ok(PyTensor::on(tensor, copy.stream))
}

/// A copy of elements that are parts of bytes; if they are packed, they lie in C order.
fn copy_of_bytes(py: Python<'_>, source: &Tensor) -> PyResult<Tensor> {
    let flags = source.flags() & Flags::IS_SUBBYTE_TYPE_PADDED;
    let row = in_a_row(py, source.share().map_err(errors::exchange)?)?;
    let bytes = row.layout().bytes();
    let flat = as_elements(row, DType::UINT8, Flags::empty(), &[bytes])?;
    as_elements(copied(py, flat.view())?, source.dtype(), flags, source.shape())
}

/// `__reduce_ex__`: `rebuild` and its arguments. Since protocol 5 the elements may go by the
/// side, without a copy if they lie in C or Fortran order.
pub fn reduce<'py>(
    own: &Bound<'py, PyTensor>,
    protocol: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (py, tensor) = (own.py(), own.get().core());
    let protocol = integers::integer("protocol", protocol)?;
    if !tensor.device().is_host_accessible() {
        return Err(errors::refused(format_args!(
            "the tensor is on {}, and pickle takes memory of the host: call to_device(\"cpu\") first",
            tensor.device()
        )));
    }
    let tensor = copy::on_host(py, tensor, own.get().stream(), "pickle")?;
    let layout = tensor.layout();
    let is_fortran = layout.is_f_contiguous() && !layout.is_c_contiguous();
    let row = in_a_row(
        py,
        if is_fortran { reversed(&tensor)? } else { tensor.share().map_err(errors::exchange)? },
    )?;
    let data = match protocol {
        5.. => {
            let (flags, bytes) = (row.flags() & Flags::READ_ONLY, row.layout().bytes());
            let row = as_elements(row, DType::UINT8, flags, &[bytes])?;
            let row = PyTensor::new(row).into_object(py)?;
            modules::import(py, c"pickle")?.method(c"PickleBuffer", [&row])?
        }
        _ => bytes_object(py, &row)?.into_any(),
    };
    let rebuild = modules::import(py, c"dlbridge._dlbridge")?.attribute(c"_rebuild")?;
    let truth = |truth| objects::truth(py, truth);
    let arguments = [
        objects::ints(py, tensor.shape())?.into_any(),
        objects::display(py, tensor.dtype())?.into_any(),
        truth(is_fortran),
        truth(tensor.flags().contains(Flags::IS_SUBBYTE_TYPE_PADDED)),
        truth(tensor.is_read_only()),
        data,
    ];
    objects::tuple(py, [rebuild, objects::tuple(py, arguments)?.into_any()])
}

/// The memory of `row`, which it keeps, as other elements in C order.
fn as_elements(row: Tensor, dtype: DType, flags: Flags, shape: &[i64]) -> PyResult<Tensor> {
    let data = row.data_ptr();
    kept_by(boxed(row)?, |source| {
        let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, shape, None)?;
        // SAFETY: both have as many bytes, which the row keeps.
        unsafe { Tensor::wrap(view, source) }
    })
}

/// `rebuild`.
pub struct Rebuild;

impl Function for Rebuild {
    type Own = PyModule;

    const NAME: &'static str = "_rebuild";
    const SIGNATURE: &'static str = "(shape, dtype, is_fortran, is_padded, is_read_only, data, /)";
    const DOCUMENTATION: &'static str = "\
The tensor that was pickled. Its memory is that of `data`, but for one that could be
written to and came as bytes that cannot.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<6, 0> = Parameters::of(Rebuild::SIGNATURE);
        let py = own.py();
        let ([shape, dtype, is_fortran, is_padded, is_read_only, data], []) =
            PARAMETERS.read(py, Self::NAME, given)?;
        let mut shape = integer_list("shape", shape)?;
        let is_fortran = flags::truth("is_fortran", is_fortran)?;
        let is_padded = flags::truth("is_padded", is_padded)?;
        let is_read_only = flags::truth("is_read_only", is_read_only)?;
        if is_fortran {
            shape.reverse();
        }
        let dtype = dtype::parse(dtype)?;
        let buffer = Buffer::get(data)?;
        let mut flags = Flags::empty();
        flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, is_padded);
        flags.set(Flags::READ_ONLY, is_read_only);
        let bits = match is_padded {
            true => dtype.item_bits().next_multiple_of(8),
            false => dtype.item_bits(),
        };
        let bytes = Layout::new(bits, &shape, None).map_err(errors::argument)?.bytes();
        if bytes != buffer.bytes() as i64 || !buffer.is_c_contiguous() {
            return Err(errors::new::<PyValueError>(format_args!(
                "data has {} bytes; {dtype} elements of shape {shape:?} need {bytes} without gaps",
                buffer.bytes()
            )));
        }
        let (data, shape_of_bytes) = (buffer.first(), [bytes]);
        let mut of_buffer = Flags::empty();
        of_buffer.set(Flags::READ_ONLY, buffer.is_read_only());
        let flat = kept_by(buffer, |source| {
            let view = TensorRef::of_parts(
                DType::UINT8,
                Device::CPU,
                of_buffer,
                data,
                &shape_of_bytes,
                None,
            )?;
            // SAFETY: as many bytes as the buffer has, which is kept.
            unsafe { Tensor::wrap(view, source) }
        })?;
        let must_copy = !is_read_only && flat.is_read_only();
        let flat = if must_copy { copied(py, flat.view())? } else { flat };
        let tensor = as_elements(flat, dtype, flags, &shape)?;
        PyTensor::new(if is_fortran { reversed(&tensor)? } else { tensor }).into_object(py)
    }
}
