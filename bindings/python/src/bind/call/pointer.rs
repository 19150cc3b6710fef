//! What a `pointer` of C may be in Python.

use std::ffi::c_void;

use dlbridge::abi::Flags;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::bind::invoke::value::CValue;
use crate::bind::signature::scalar::Scalar;
use crate::engine::acquire::tensor_of;
use crate::engine::reader::Snapshot;
use crate::frameworks::{numpy, torch};
use crate::protocols::buffer;
use crate::protocols::buffer::Buffer;
use crate::support::ask::Ask;
use crate::support::lazy_type::LazyType;
use crate::support::objects::intern;
use crate::support::{errors, modules};
use crate::values::tensor::PyTensor;

/// What keeps the memory that a pointer points to, beside the caller's own object.
pub enum Pointee {
    Nothing,
    /// The array that is this parameter, and may get other memory.
    Array(usize),
    Buffer(#[expect(dead_code, reason = "dropped after the call")] Box<Buffer>),
    Tensor(#[expect(dead_code, reason = "dropped after the call")] Py<PyTensor>),
}

/// The address of the elements of an array on the host that C may write to, in C order without
/// gaps. None for all else, and for what takes more than a look.
#[inline]
pub fn of_array(object: &Bound<'_, PyAny>) -> Option<*mut c_void> {
    let found = Snapshot::of(object).filter(|found| found.is_writable)?;
    let mut count = 1_i64;
    for axis in (0..found.ndim).rev() {
        // SAFETY: the array has that axis, and nothing has run since it was looked at.
        let (extent, stride) = unsafe { found.axis(axis) };
        if extent < 1 || (extent > 1 && stride != count << found.shift) {
            return None;
        }
        count = count.checked_mul(extent).filter(|count| *count < 1 << 40)?;
    }
    Some(found.data)
}

/// The address that C gets: of the memory of an array or buffer that C may write to, of the
/// characters of bytes, which C may only read, of a struct of ctypes, or as for [`Scalar`].
pub fn read(object: &Bound<'_, PyAny>) -> PyResult<(CValue, Pointee)> {
    if object.is_exact_instance_of::<PyInt>() || object.is_none() || numpy::is_scalar(object) {
        return Ok((Scalar::Pointer.read(object)?, Pointee::Nothing));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok((CValue::new(bytes.as_bytes().as_ptr()), Pointee::Nothing));
    }
    let is_array = object.is_instance_of::<PyTensor>()
        || torch::TENSOR.is_type_of(object)
        || object.optional(intern!(object.py(), "__dlpack__")?)?.is_some();
    if numpy::ARRAY.is_type_of(object) || (!is_array && is_plain_buffer(object)?) {
        // Of any elements: what C makes of them, a pointer does not say.
        match buffer_of(object) {
            Err(error) if !numpy::ARRAY.is_type_of(object) => return Err(error),
            Err(_) => {}
            found => return found,
        }
    }
    match is_array || numpy::ARRAY.is_type_of(object) {
        true => array(object),
        false => match address_of(object)? {
            Some(address) => Ok((CValue::new(address), Pointee::Nothing)),
            None => Ok((Scalar::Pointer.read(object)?, Pointee::Nothing)),
        },
    }
}

/// Whether an object is one of the buffers that are no numbers, and no pointers of ctypes.
fn is_plain_buffer(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static DATA: LazyType = LazyType::new("_ctypes", "_SimpleCData");
    static POINTER: LazyType = LazyType::new("_ctypes", "_Pointer");
    static FUNCTION: LazyType = LazyType::new("_ctypes", "CFuncPtr");
    let is_of_ctypes = [&DATA, &POINTER, &FUNCTION].iter().any(|class| class.is_type_of(object));
    let is_number = || object.optional(intern!(object.py(), "__index__")?).map(|it| it.is_some());
    Ok(buffer::has_buffer(object) && !is_of_ctypes && !is_number()?)
}

fn buffer_of(object: &Bound<'_, PyAny>) -> PyResult<(CValue, Pointee)> {
    let buffer = Buffer::get(object)?;
    check(object, buffer.is_read_only(), buffer.is_c_contiguous())?;
    Ok((CValue::new(buffer.first()), Pointee::Buffer(buffer)))
}

fn array(object: &Bound<'_, PyAny>) -> PyResult<(CValue, Pointee)> {
    let tensor = tensor_of(object, None, Some(false))?;
    let core = tensor.get().core();
    if !core.device().is_host_accessible() {
        return Err(errors::refused(format_args!(
            "is on {} and must be on the host; for C code that knows of GPUs pass its address",
            core.device()
        )));
    }
    if core.flags().contains(Flags::IS_SUBBYTE_TYPE_PADDED) {
        return Err(errors::refused("has elements that are padded to whole bytes"));
    }
    check(object, core.is_read_only(), core.layout().is_c_contiguous())?;
    Ok((CValue::new(core.data_ptr()), Pointee::Tensor(tensor.unbind())))
}

fn check(object: &Bound<'_, PyAny>, is_read_only: bool, is_contiguous: bool) -> PyResult<()> {
    let class = errors::type_name(object);
    if is_read_only {
        return Err(errors::refused(format_args!(
            "is a {class} that is read-only, and C may write through a pointer: say *u8[n] or the like \
             for what C only reads, or pass its address"
        )));
    }
    match is_contiguous {
        true => Ok(()),
        false => Err(errors::refused(format_args!(
            "is a {class} whose elements do not lie in C order without gaps, and a pointer says nothing \
             of strides"
        ))),
    }
}

/// The address of a struct of ctypes, or of one of its other objects that hold values.
fn address_of(object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    static KINDS: [LazyType; 3] = [
        LazyType::new("_ctypes", "Structure"),
        LazyType::new("_ctypes", "Union"),
        LazyType::new("_ctypes", "Array"),
    ];
    if !KINDS.iter().any(|class| class.is_type_of(object)) {
        return Ok(None);
    }
    let addressof = modules::import(object.py(), c"_ctypes")?.attribute(c"addressof")?;
    addressof.called([object])?.extract().map(Some)
}

/// One character as the number that C has of it: a byte.
pub fn character(object: &Bound<'_, PyAny>, bytes: &[u8]) -> PyResult<CValue> {
    match bytes {
        [byte] => Ok(CValue::new(*byte)),
        _ => Err(errors::new::<PyTypeError>(format!(
            "is {}; it must be one character of ASCII, one byte, or a number, for char",
            errors::short_repr(object)?
        ))),
    }
}
