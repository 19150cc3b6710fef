//! Functions that are nearly always called with positional arguments alone.
//!
//! To read arguments of all kinds takes longer than all else that some functions do. So the
//! usual calls are taken first; the function of PyO3 gets all others.

use std::ffi::CString;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::support::objects::{self, Ask};
use crate::vectorcall;

/// The function of PyO3.
pub type Careful = PyOnceLock<Py<PyAny>>;

/// How the usual calls of a function are taken.
pub trait Positional {
    /// The name of the function.
    const NAME: &'static str;
    const CAREFUL: &'static Careful;

    /// None for what is left to the careful one.
    fn call<'py>(arguments: &[Bound<'py, PyAny>]) -> PyResult<Option<Bound<'py, PyAny>>>;
}

/// Puts the quick function in the place of the careful one.
pub fn install<F: Positional>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let careful = module.getattr(objects::text(py, F::NAME)?)?;
    let text = |attribute| careful.attribute(attribute)?.extract::<String>();
    let documentation =
        format!("{}{}\n--\n\n{}", F::NAME, text(c"__text_signature__")?, text(c"__doc__")?);
    // Python keeps their addresses.
    let leaked = |text: &str| CString::new(text).map(|text| &*Box::leak(text.into_boxed_c_str()));
    let definition = vectorcall::definition(leaked(F::NAME)?, leaked(&documentation)?, enter::<F>);
    let definition = Box::leak(Box::new(definition));
    let name = careful.attribute(c"__module__")?;
    // SAFETY: a definition that stays, a module and its name.
    let quick = unsafe {
        let quick = ffi::PyCFunction_NewEx(definition, module.as_ptr(), name.as_ptr());
        Bound::from_owned_ptr_or_err(py, quick)?
    };
    F::CAREFUL.get_or_init(py, || careful.unbind());
    module.setattr(objects::text(py, F::NAME)?, quick)
}

/// The interpreter calls this.
unsafe extern "C" fn enter<F: Positional>(
    _module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL, with `count` arguments and then one for
    // each name.
    unsafe {
        let py = Python::assume_attached();
        vectorcall::answer(|| {
            let positional = vectorcall::given(py, arguments, count as usize);
            if names.is_null()
                && let Some(result) = F::call(positional)?
            {
                return Ok(result);
            }
            let careful = F::CAREFUL.get(py).expect("it is installed").bind(py);
            vectorcall::pass_on(careful, arguments, count as usize, names)
        })
    }
}
