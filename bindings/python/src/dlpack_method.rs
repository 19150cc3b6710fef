//! `Tensor.__dlpack__`, a plain C function: consumers call it with up to four keywords,
//! whose names PyO3 would compare letter by letter.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::support::objects::{self, Name};
use crate::tensor::PyTensor;
use crate::{audit, errors, flag, producer, vectorcall};

const DOCUMENTATION: &CStr = c"__dlpack__($self, /, *, stream=None, max_version=None, \
dl_device=None, copy=None)\n--\n\n\
A DLPack capsule that holds one more owner of the memory: the versioned\n\
kind for max_version=(1, 0) or later, else the legacy kind, which read-only\n\
tensors do not become. complex128 between multiples of 16 bytes is given only as\n\
a copy, with copy=True: PyTorch, for one, would end the process.\n\n\
Memory of a GPU is waited for by `stream`: None or 1, the legacy default stream,\n\
2, that of this thread, a handle, or -1, which does without. The host never waits,\n\
but for a copy to another device with `dl_device`.";

/// The keywords, in the order of the documentation.
const NAMES: [&str; 4] = ["stream", "max_version", "dl_device", "copy"];

/// Gives the class its method.
pub fn add(py: Python<'_>) -> PyResult<()> {
    // Python keeps its address.
    let definition = vectorcall::definition(c"__dlpack__", DOCUMENTATION, dlpack);
    let definition = Box::leak(Box::new(definition));
    let class = py.get_type::<PyTensor>();
    // SAFETY: a type, and a definition that stays.
    let method = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class.as_type_ptr(), definition))?
    };
    class.setattr("__dlpack__", method)
}

/// Called by Python, which has checked that `own` is a Tensor.
unsafe extern "C" fn dlpack(
    own: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls it attached.
    let py = unsafe { Python::assume_attached() };
    vectorcall::answer(|| {
        if positional != 0 {
            return Err(errors::new::<PyTypeError>(format_args!(
                "Tensor.__dlpack__() takes 0 positional arguments but {positional} were given"
            )));
        }
        // SAFETY: checked by Python; there are as many values as names.
        unsafe {
            let own = Bound::ref_from_ptr(py, &own).cast_unchecked::<PyTensor>();
            export(own, keywords(py, values, names)?).map(Bound::into_any)
        }
    })
}

type Keywords<'a, 'py> = [Option<&'a Bound<'py, PyAny>>; NAMES.len()];

fn export<'py>(
    own: &Bound<'py, PyTensor>,
    [stream, max_version, dl_device, copy]: Keywords<'_, 'py>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let (py, tensor) = (own.py(), own.get());
    let copy = copy.map(flag::copy).transpose()?.flatten();
    let (capsule, reason) = producer::dlpack(py, tensor, stream, max_version, dl_device, copy)?;
    audit::given(py, tensor.core(), "DLPack capsule", reason)?;
    Ok(capsule)
}

/// The values of the keywords, None for those that are None or not given.
///
/// # Safety
/// `names` is NULL or a tuple of texts, and there are as many `values`.
unsafe fn keywords<'a, 'py>(
    py: Python<'py>,
    values: *const *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> PyResult<Keywords<'a, 'py>> {
    let mut given: Keywords = [None; NAMES.len()];
    // SAFETY: the caller's promise.
    let Some(names) = (unsafe { Bound::from_borrowed_ptr_or_opt(py, names) }) else {
        return Ok(given);
    };
    // SAFETY: as above.
    let names = unsafe { names.cast_unchecked::<PyTuple>() };
    for (position, name) in names.iter_borrowed().enumerate() {
        // SAFETY: as above.
        let value: &Bound<'py, PyAny> = unsafe { Bound::ref_from_ptr(py, &*values.add(position)) };
        given[place_of(&name)?] = (!value.is_none()).then_some(value);
    }
    Ok(given)
}

/// Which keyword it is. The names that programs are written with are the same objects.
fn place_of(name: &Bound<'_, PyAny>) -> PyResult<usize> {
    static KNOWN: [Name; NAMES.len()] = [const { Name::new() }; NAMES.len()];
    let py = name.py();
    for (place, (known, text)) in KNOWN.iter().zip(NAMES).enumerate() {
        if objects::interned(py, known, text)?.is(name) {
            return Ok(place);
        }
    }
    let text = errors::text(name).unwrap_or_default();
    NAMES.iter().position(|known| *known == text).ok_or_else(|| {
        errors::new::<PyTypeError>(format_args!(
            "Tensor.__dlpack__() got an unexpected keyword argument '{text}'"
        ))
    })
}
