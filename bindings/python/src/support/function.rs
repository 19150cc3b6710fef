//! Functions of the module, and methods, that the interpreter calls without a tuple of
//! arguments. PyO3's own reading of arguments ends the process where there is no memory for
//! its error, and takes longer than all else that some functions do.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::{PyTypeInfo, ffi};

use crate::support::arguments::Arguments;
use crate::support::{fastcall, objects};

/// A function, or a method.
pub trait Function {
    /// What it is called on: the module, or an instance of the class.
    type Own: PyTypeInfo;

    /// As errors call it: that of a method with its class, like `Tensor.item`.
    const NAME: &'static str;
    /// As Python writes it, with `$self` for a method.
    const SIGNATURE: &'static str;
    const DOCUMENTATION: &'static str;

    fn call<'py>(
        own: &Bound<'py, Self::Own>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>>;

    /// What can be done before PyO3 is told that the thread has the GIL, which takes time; None
    /// for what is left to `call`. No `Py` may be dropped there.
    #[inline]
    fn at_once<'py>(
        own: &Bound<'py, Self::Own>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let _ = (own, given);
        Ok(None)
    }
}

/// Puts a function into the module.
pub fn add<F: Function<Own = PyModule>>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let name = module.name()?;
    // SAFETY: a definition that stays, a module and its name.
    let function = unsafe {
        let function = ffi::PyCFunction_NewEx(definition::<F>()?, module.as_ptr(), name.as_ptr());
        Bound::from_owned_ptr_or_err(py, function)?
    };
    module.add(objects::text(py, own_name::<F>())?, function)
}

/// Gives a class a method.
pub fn add_method<F: Function>(py: Python<'_>) -> PyResult<()> {
    let class = F::Own::type_object(py);
    // SAFETY: a type, and a definition that stays.
    let method = unsafe {
        let method = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition::<F>()?);
        Bound::from_owned_ptr_or_err(py, method)?
    };
    class.setattr(objects::text(py, own_name::<F>())?, method)
}

/// The name in the module or in the class.
fn own_name<F: Function>() -> &'static str {
    F::NAME.rsplit_once('.').map_or(F::NAME, |(_, name)| name)
}

/// Python keeps the address of it and of its texts.
fn definition<F: Function>() -> PyResult<&'static mut ffi::PyMethodDef> {
    let leaked = |text: String| CString::new(text).map(|text| &*Box::leak(text.into_boxed_c_str()));
    let name = own_name::<F>();
    let documentation = format!("{name}{}\n--\n\n{}", F::SIGNATURE, F::DOCUMENTATION);
    let (name, documentation) = (leaked(name.into())?, leaked(documentation)?);
    Ok(Box::leak(Box::new(fastcall::definition(name, documentation, enter::<F>))))
}

/// The interpreter calls this.
unsafe extern "C" fn enter<F: Function>(
    own: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL, on the module or on what it has checked to be
    // an instance of the class, with `count` arguments and then one for each name.
    unsafe {
        let py = Python::assume_attached();
        let own = Bound::ref_from_ptr(py, &own).cast_unchecked::<F::Own>();
        fastcall::answer(|| {
            let given = Arguments::from_raw(py, arguments, count as usize, &names);
            match F::at_once(own, given)? {
                Some(result) => Ok(result),
                None => Python::attach(|_| F::call(own, given)),
            }
        })
    }
}
