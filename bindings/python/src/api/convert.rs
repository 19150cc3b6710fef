//! `convert`: from any framework to any other.

use dlbridge::Device;
use dlbridge::inline_dims::InlineDims;
use pyo3::prelude::*;

use crate::engine::acquire::{Accepts, Wanted, acquire, bytes_of, itself};
use crate::engine::deliver::{Input, copied_by_numpy, deliver_copied, input_of, is_one};
use crate::engine::namespace::Namespace;
use crate::engine::{deliver, reader, record};
use crate::frameworks::compatibility::Request;
use crate::frameworks::{numpy, registry};
use crate::support::arguments::Arguments;
use crate::support::flags;
use crate::support::function::Function;
use crate::support::parameters::Parameters;
use crate::values::device;

static PARAMETERS: Parameters<2, 3> = Parameters::of(Convert::SIGNATURE);

/// `convert`.
pub struct Convert;

impl Function for Convert {
    type Own = PyModule;

    const NAME: &'static str = "convert";
    const SIGNATURE: &'static str =
        "(obj, to, *, device=None, copy=False, allow_writable_alias=False)";
    const DOCUMENTATION: &'static str = "\
An array of a framework on the memory of any array; `obj` itself if it is one
already and `copy` is not True.

`to` is the name of the framework (`frameworks()` lists them), its module, or an
array of it: \"the same kind as this one\". Another library may be named by an array
with `__array_namespace__`, or by its module: its `from_dlpack` takes the tensor.
CopyError rather than a copy, unless `copy` is None (copy if needed) or True (always).
`allow_writable_alias` lets frameworks that have no read-only arrays have read-only
memory.

Arrays of JAX, TensorFlow, MLX and tinygrad cannot be written to, so that they
keep read-only memory read-only. They do see what others write to memory that
they share, though they rely on it not to change: leave it alone from then on.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = own.py();
        let ([obj, to], [device, copy, allow_writable_alias]) =
            PARAMETERS.read(py, Self::NAME, given)?;
        let copy = flags::copy_or(copy, Some(false))?;
        let allow_writable_alias = flags::allow_writable_alias(allow_writable_alias)?;
        let device = device::optional(device)?;
        let framework = match registry::parse(to) {
            Ok(framework) => framework,
            Err(unknown) => {
                return match Namespace::of(to)? {
                    Some(other) => other.convert(obj, device, copy, allow_writable_alias),
                    None => Err(unknown),
                };
            }
        };
        if copy != Some(true) && is_one(obj, framework, device)? {
            record::unchanged(obj, framework, || bytes_of(obj))?;
            return Ok(obj.clone());
        }
        if copy == Some(true) && numpy::is_kept_by_copy(obj) && is_one(obj, framework, device)? {
            return copied_by_numpy(obj);
        }
        let request = Request { writable_alias: allow_writable_alias };
        if device.is_none_or(|device| device == Device::CPU)
            && let Some(array) = reader::borrowed(obj, |view, keeper| {
                // Foreign code that runs meanwhile may change the array.
                let mut rooms = [InlineDims::new(), InlineDims::new()];
                let input = Input::View(&view.copied_to(&mut rooms), keeper);
                deliver::deliver(framework, obj, input, copy, request).map(Some)
            })?
        {
            return Ok(array);
        }
        // The copy, if any, is made at the end: once.
        let allowed = if copy == Some(true) { None } else { copy };
        let (tensor, reason) = match itself(obj, device, allowed) {
            Some(own) => (Input::Object(own), ""),
            None => {
                let wanted = Wanted { device, copy: allowed, stream: None };
                let acquired = acquire(obj, Accepts::Any, wanted)?;
                let reason = acquired.reason;
                (input_of(obj.py(), framework, acquired)?, reason)
            }
        };
        deliver_copied(framework, obj, tensor, copy, request, reason)
    }

    #[inline]
    fn at_once<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match PARAMETERS.at_once(own.py(), given) {
            Some(([obj, to], [None, None, None])) => match registry::at_once(to) {
                Some(framework) => deliver::at_once(obj, framework),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}
