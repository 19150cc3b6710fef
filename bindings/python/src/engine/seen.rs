//! Arrays of NumPy and PyTorch as they are now, without a tensor made of them.

use dlbridge::TensorRef;
use dlbridge::room::Room;
use pyo3::prelude::*;

use crate::frameworks::{numpy, torch};
use crate::support::errors;
use crate::values::descriptor;

/// Lets `then` see what an array is, and gives it the object that keeps its memory.
/// None for what has to be imported as a tensor: anything but the host arrays of NumPy
/// and PyTorch, arrays that were made of a tensor, and those that DLPack can only have as a
/// copy.
pub fn with<'py, R>(
    obj: &Bound<'py, PyAny>,
    then: impl FnOnce(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<R>,
) -> PyResult<Option<R>> {
    if numpy::ARRAY.is_exact_type_of(obj) {
        return match numpy::own_base(obj) {
            Some(_) => Ok(None),
            None => match numpy::see(obj, |view| then(view, obj.clone())) {
                Err(_) if numpy::only_copied(obj)?.is_some() => Ok(None),
                seen => seen.map(Some),
            },
        };
    }
    let mut descriptor = descriptor::EMPTY;
    let Some(storage) = torch::look_at(obj, &mut descriptor)? else {
        return Ok(None);
    };
    // PyTorch's own would change if the code of others, which may run, changes the tensor.
    let mut rooms = [Room::new(), Room::new()];
    // SAFETY: nothing runs before they are copied.
    let view = unsafe { torch::view(&descriptor) }.map_err(errors::exchange)?;
    then(&view.copied_to(&mut rooms), storage).map(Some)
}
