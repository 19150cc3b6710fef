//! Calls without a tuple of arguments.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;

use crate::support::{objects, symbol};

/// A callable, as many arguments as said and then one for each of the names, and these.
type Vectorcall = unsafe extern "C" fn(
    *mut PyObject,
    *const *mut PyObject,
    usize,
    *mut PyObject,
) -> *mut PyObject;

/// Part of the limited API since 3.12, and exported as it is now since 3.9.
const NAMES: [&CStr; 1] = [c"PyObject_Vectorcall"];

static VECTORCALL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks for the function of this interpreter.
pub fn prepare() {
    VECTORCALL.store(symbol::first_of(&NAMES), Ordering::Relaxed);
}

/// Calls with one argument.
pub fn call1<'py>(
    callable: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    call(callable, [argument])
}

/// Calls with some arguments.
pub fn call<'py, const N: usize>(
    callable: &Bound<'py, PyAny>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = arguments.map(Bound::as_ptr);
    // SAFETY: objects, and as many as said.
    unsafe { pass_on(callable, arguments.as_ptr(), N, ptr::null_mut()) }
}

/// Calls with keyword arguments alone.
pub fn call_named<'py>(
    callable: &Bound<'py, PyAny>,
    values: &[&Bound<'py, PyAny>],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    assert_eq!(values.len(), names.len());
    let values: SmallVec<[*mut PyObject; 4]> = values.iter().map(|it| it.as_ptr()).collect();
    // SAFETY: one object for each name.
    unsafe { pass_on(callable, values.as_ptr(), 0, names.as_ptr()) }
}

/// Calls with the arguments that came from the interpreter.
///
/// # Safety
/// `names` is NULL or a tuple of texts, and there are `count` objects and then one for each
/// name.
#[inline]
pub unsafe fn pass_on<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    let vectorcall = VECTORCALL.load(Ordering::Relaxed);
    // SAFETY: `arguments` and `names` are what the function and `packed` need, by the contract
    // of this one; `prepare` stored a function of this type.
    unsafe {
        if vectorcall.is_null() {
            return packed(callable, arguments, count, names);
        }
        let vectorcall = std::mem::transmute::<*mut c_void, Vectorcall>(vectorcall);
        let result = vectorcall(callable.as_ptr(), arguments, count, names);
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// As `pass_on`, with a tuple and a dict, where the interpreter has no such function.
///
/// # Safety
/// As for `pass_on`.
#[cold]
unsafe fn packed<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    let py = callable.py();
    // SAFETY: `names` is NULL or a tuple; `arguments` has an object at each index that is asked
    // for.
    let (names, argument) = unsafe {
        let names = Bound::from_borrowed_ptr_or_opt(py, names).map(|it| it.cast_into_unchecked());
        (names, |index| Bound::from_borrowed_ptr(py, *arguments.add(index)))
    };
    let positional = objects::tuple(py, (0..count).map(argument))?;
    let Some(names): Option<Bound<'py, PyTuple>> = names else {
        return callable.call(positional, None);
    };
    let keywords = objects::dict(py)?;
    for (index, name) in names.iter().enumerate() {
        keywords.set_item(name, argument(count + index))?;
    }
    callable.call(positional, Some(&keywords))
}
