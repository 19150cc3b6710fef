//! Python objects that are made here. PyO3's own constructors panic where there is no memory;
//! with these it is a MemoryError, as everywhere in Python.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyString, PyTuple, PyType};

use crate::support::lazy::once;
use crate::support::no_memory::out_of_memory;

/// A name that is looked up again and again: made once.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static NAME: $crate::support::objects::Name = $crate::support::objects::Name::new();
        $crate::support::objects::interned($py, &NAME, $text)
    }};
}
pub(crate) use intern;

/// Where a name is kept.
pub type Name = PyOnceLock<Py<PyString>>;

/// The name in the cell, which has that text.
#[inline]
pub fn interned<'a, 'py>(
    py: Python<'py>,
    cell: &'a Name,
    text: &str,
) -> PyResult<&'a Bound<'py, PyString>> {
    once(py, cell, || new_name(py, text).map(Bound::unbind)).map(|name| name.bind(py))
}

/// A name as the interpreter has it: two of the same text are the same object.
pub fn new_name<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    let mut name = self::text(py, text)?.into_ptr();
    // SAFETY: a string, which is replaced by the interned one.
    unsafe {
        ffi::PyUnicode_InternInPlace(&mut name);
        owned(py, name)
    }
}

/// A string.
pub fn text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    PyString::from_bytes(py, text.as_bytes())
}

/// A string of what something says of itself, such as `format_args!`.
pub fn display(py: Python<'_>, value: impl Display) -> PyResult<Bound<'_, PyString>> {
    text(py, &written(py, value)?)
}

/// As `to_string`, of any length.
pub fn written(py: Python<'_>, value: impl Display) -> PyResult<String> {
    grown(py, |text| write!(text, "{value}"))
}

/// A text of any length, which `write` writes.
pub fn grown(py: Python<'_>, write: impl FnOnce(&mut Growing) -> fmt::Result) -> PyResult<String> {
    let mut text = Growing(String::new());
    write(&mut text).map_err(|_| out_of_memory(py))?;
    Ok(text.0)
}

/// A text that can fail to grow.
pub struct Growing(String);

impl Write for Growing {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(more);
        Ok(())
    }
}

/// The characters of a string; those that no UTF-8 has are replaced.
pub fn characters<'a>(string: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    let py = string.py();
    match string.to_cow() {
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => {}
        found => return found,
    }
    // SAFETY: a string, and two texts that end.
    let bytes = unsafe {
        let (encoding, errors) = (c"utf-8".as_ptr(), c"replace".as_ptr());
        let bytes = ffi::PyUnicode_AsEncodedString(string.as_ptr(), encoding, errors);
        owned::<PyBytes>(py, bytes)?
    };
    // "replace" gives question marks.
    written(py, String::from_utf8_lossy(bytes.as_bytes())).map(Cow::Owned)
}

/// What becomes a string: the answer of a function, or an item.
pub struct Text<T>(pub T);

impl<'py, T: Display> IntoPyObject<'py> for Text<T> {
    type Target = PyString;
    type Output = Bound<'py, PyString>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        display(py, self.0)
    }
}

/// What becomes an int.
pub struct Int(pub i64);

impl<'py> IntoPyObject<'py> for Int {
    type Target = PyInt;
    type Output = Bound<'py, PyInt>;
    type Error = PyErr;

    #[inline]
    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyInt>> {
        int(py, self.0)
    }
}

/// What becomes an int, of an address.
pub struct Address(pub usize);

impl<'py> IntoPyObject<'py> for Address {
    type Target = PyInt;
    type Output = Bound<'py, PyInt>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyInt>> {
        address(py, self.0)
    }
}

/// An int.
#[inline]
pub fn int(py: Python<'_>, number: i64) -> PyResult<Bound<'_, PyInt>> {
    // SAFETY: the thread is attached.
    unsafe { owned(py, ffi::PyLong_FromLongLong(number)) }
}

/// The int of an address.
#[inline]
pub fn address(py: Python<'_>, address: usize) -> PyResult<Bound<'_, PyInt>> {
    // SAFETY: the thread is attached.
    unsafe { owned(py, ffi::PyLong_FromSize_t(address)) }
}

/// A tuple of objects.
#[inline]
pub fn tuple<'py, I>(py: Python<'py>, items: I) -> PyResult<Bound<'py, PyTuple>>
where
    I: IntoIterator<Item = Bound<'py, PyAny>, IntoIter: ExactSizeIterator>,
{
    tuple_of(py, items.into_iter().map(Ok))
}

/// A tuple of ints.
#[inline]
pub fn ints<'py>(py: Python<'py>, numbers: &[i64]) -> PyResult<Bound<'py, PyTuple>> {
    tuple_of(py, numbers.iter().map(|number| int(py, *number).map(Bound::into_any)))
}

/// A tuple of what can fail to be made.
#[inline]
pub fn tuple_of<'py>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = PyResult<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let count = items.len();
    // SAFETY: the thread is attached. Each place of the tuple is set once, to an object that it
    // takes over; where there are too few items, the others stay NULL, which nobody sees.
    unsafe {
        let tuple: Bound<'py, PyTuple> = owned(py, ffi::PyTuple_New(count as ffi::Py_ssize_t))?;
        for (place, item) in items.take(count).enumerate() {
            ffi::PyTuple_SetItem(tuple.as_ptr(), place as ffi::Py_ssize_t, item?.into_ptr());
        }
        Ok(tuple)
    }
}

/// An empty dict.
pub fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: the thread is attached.
    unsafe { owned(py, ffi::PyDict_New()) }
}

/// A dict by names, as for the keywords of a call.
pub fn named<'py, const N: usize>(
    py: Python<'py>,
    entries: [(&str, Bound<'py, PyAny>); N],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = dict(py)?;
    for (name, value) in entries {
        dict.set_item(text(py, name)?, value)?;
    }
    Ok(dict)
}

/// A class.
pub fn class<'py>(
    py: Python<'py>,
    name: &str,
    bases: [Bound<'py, PyType>; 2],
    members: Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyType>> {
    let bases = tuple(py, bases.map(Bound::into_any))?.into_any();
    let arguments = tuple(py, [text(py, name)?.into_any(), bases, members.into_any()])?;
    let made = py.get_type::<PyType>().call(arguments, None)?;
    // SAFETY: `type` makes types.
    Ok(unsafe { made.cast_into_unchecked() })
}

/// True or False.
pub fn truth(py: Python<'_>, truth: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, truth).to_owned().into_any()
}

/// # Safety
/// `made` is NULL with an exception set, or an object of type `T` that the caller owns.
#[inline]
unsafe fn owned<'py, T>(py: Python<'py>, made: *mut PyObject) -> PyResult<Bound<'py, T>> {
    // SAFETY: the caller's promise.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked()) }
}
