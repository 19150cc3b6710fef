//! The memory that a buffer describes.

use dlbridge::RawArray;
use dlbridge::abi::Flags;
use dlbridge::layout::Layout;
use pyo3::prelude::*;

use crate::protocols::buffer::lock::Buffer;
use crate::protocols::raw_array::{Keeper, Raw};
use crate::support::errors;
use crate::support::integers::tuple;

/// The memory of an object with the buffer protocol. bytes are uint8.
pub fn describe<'py>(object: &Bound<'py, PyAny>) -> PyResult<Raw<'py>> {
    let buffer = Buffer::get(object)?;
    let (dtype, is_swapped) = buffer.dtype()?;
    if buffer.list(buffer.0.suboffsets).is_some_and(|list| list.iter().any(|it| *it >= 0)) {
        return Err(errors::refused(
            "the buffer has suboffsets: its elements lie behind pointers, which DLPack does not have",
        ));
    }
    let (shape, byte_strides) = (buffer.shape()?, buffer.list(buffer.0.strides));
    let bytes = Layout::new(dtype.item_bits(), &shape, None).map_err(errors::exchange)?.bytes();
    if bytes != buffer.0.len as i64 {
        return Err(errors::refused(format_args!(
            "the buffer has {} bytes; with the shape {} of {dtype} it must have {bytes}",
            buffer.0.len,
            tuple(&shape)
        )));
    }
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, buffer.is_read_only());
    let data = buffer.first();
    let array = RawArray { dtype, is_swapped, shape, byte_strides, data, flags };
    Ok(Raw { array, keeper: Keeper::Buffer(buffer) })
}
