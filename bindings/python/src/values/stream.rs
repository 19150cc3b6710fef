//! The streams of GPUs, in whose order memory is made and used.

use std::ffi::c_void;
use std::ptr;

use dlbridge::Device;
use dlbridge::cuda::Stream;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use crate::support::parameters::not_none;
use crate::support::{address, errors};

/// Whether memory there is written in the order of CUDA's streams.
pub fn has_cuda_streams(device: Device) -> bool {
    matches!(device.type_name(), "cuda" | "cuda_managed")
}

/// Whether memory there may still be written in the order of the stream on which a tensor
/// was made. Pinned memory is if that was named: what is made without is there at once.
pub fn is_pending(device: Device, made: Stream) -> bool {
    has_cuda_streams(device) || device.type_name() == "cuda_pinned" && made != Stream::LEGACY
}

/// The stream to remember: the default stream of a thread would be another one on the
/// next thread, and the legacy default stream waits for those of all threads.
pub fn lasting(stream: Stream) -> Stream {
    if stream == Stream::PER_THREAD { Stream::LEGACY } else { stream }
}

/// The number of a stream in Python, where 0 is no stream.
pub fn number(stream: Stream) -> usize {
    (stream.as_raw() as usize).max(Stream::LEGACY.as_raw() as usize)
}

/// Makes a stream wait for another one, if it is another.
pub fn wait(consumer: Stream, producer: Stream, device: Device) -> PyResult<()> {
    if consumer == producer {
        return Ok(());
    }
    // SAFETY: whoever named a stream keeps it, as the documentation says.
    unsafe { consumer.wait(producer, device) }.map_err(errors::exchange)
}

/// Waits until all is done that the stream was given so far.
pub fn synchronize(py: Python<'_>, stream: Stream, device: Device) -> PyResult<()> {
    // SAFETY: as above.
    py.detach(|| unsafe { stream.synchronize(device) }).map_err(errors::exchange)
}

/// Reads an argument `stream` of a function here: None, or a stream of CUDA.
pub fn parse(stream: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Stream>> {
    let Some(stream) = not_none(stream) else {
        return Ok(None);
    };
    let number = integer(stream)?;
    handle(number).map(Some).ok_or_else(|| {
        errors::new::<PyValueError>(format_args!(
            "stream is {number}; it must be None, 1 (the legacy default stream), 2 (the default stream \
             of this thread) or the handle of a stream"
        ))
    })
}

/// Reads what a consumer of DLPack says for memory on a device: the stream that is to
/// wait for the memory; None if none is to.
#[inline]
pub fn of_consumer(device: Device, stream: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Stream>> {
    match stream.is_none() && device == Device::CPU {
        true => Ok(None),
        false => said(device, stream),
    }
}

fn said(device: Device, stream: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Stream>> {
    let given = stream.map(integer).transpose()?;
    match (device.type_name(), given) {
        (_, Some(-1)) => Ok(None),
        ("cuda" | "cuda_managed", given) => of_cuda(device, given).map(Some),
        ("rocm", Some(number @ (1 | 2))) => Err(wrong(
            number,
            device,
            "ROCm has no such default streams; it must be None or 0 for its default stream, -1 or the \
             handle of a stream",
        )),
        (_, Some(number)) if number < 0 => Err(wrong(number, device, "only -1 is negative")),
        (_, given) if !device.is_host_accessible() => Err(without_its_runtime(device, given)),
        (_, None) => Ok(None),
        (_, Some(number)) => {
            let rule = "which has no streams; it must be None or -1";
            Err(wrong(number, device, rule))
        }
    }
}

fn of_cuda(device: Device, given: Option<i64>) -> PyResult<Stream> {
    match given {
        None => Ok(Stream::LEGACY),
        Some(number) if number != 0 => handle(number).ok_or_else(|| {
            let rule = "that is no stream; it must be None or 1 for the legacy default stream, 2 for that \
                        of the thread, -1 for no order or the handle of a stream";
            wrong(number, device, rule)
        }),
        Some(number) => {
            let rule = "DLPack does not allow it, since 0 can mean two streams; it must be None or 1 for the \
                        legacy default stream, 2 for that of the thread, -1 for no order or the handle of \
                        a stream";
            Err(wrong(number, device, rule))
        }
    }
}

#[cold]
fn wrong(number: i64, device: Device, rule: &str) -> PyErr {
    errors::new::<PyValueError>(format_args!("stream is {number} for a tensor on {device}: {rule}"))
}

#[cold]
fn without_its_runtime(device: Device, given: Option<i64>) -> PyErr {
    errors::refused(format_args!(
        "stream is {}: ordering work on the streams of {device} needs the runtime of {}, which dlbridge \
         does not use; stream=-1 exports without ordering",
        given.map_or_else(|| "None (the default stream)".to_owned(), |it| it.to_string()),
        device.type_name()
    ))
}

/// The number of a stream. A bool is none: `True` would be the legacy default stream.
pub fn integer(stream: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !stream.is_instance_of::<PyInt>() || stream.is_instance_of::<PyBool>() {
        return Err(errors::wrong_type("stream", stream, "an int or None"));
    }
    // An int does not fail to be one: it is too large.
    stream.extract().map_err(|error| {
        errors::instead(stream.py(), error, |_| {
            let text =
                |shown| format!("stream is {shown}, which is no stream: it has over 63 bits");
            errors::written(
                errors::short_repr(stream).map(|it| errors::new::<PyValueError>(text(it))),
            )
        })
    })
}

/// The stream of that number: a default stream, or an address. None for what CUDA would
/// follow to no stream.
pub fn handle(number: i64) -> Option<Stream> {
    let raw: *mut c_void = ptr::with_exposed_provenance_mut(usize::try_from(number).ok()?);
    let is_default = matches!(number, 1 | 2);
    (is_default || address::can_be(raw.cast::<*mut c_void>())).then(|| Stream::from_raw(raw))
}
