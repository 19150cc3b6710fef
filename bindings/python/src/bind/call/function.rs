//! What a call needs to know of its C function.

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyTraverseError, PyVisit};

use crate::bind::call::plan::CallPlan;
use crate::bind::call::sentences::Sentences;
use crate::bind::invoke::errno::Errno;
use crate::bind::invoke::ffi_call::FfiCall;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::Signature;
use crate::frameworks::framework::Framework;

/// A C function, its signature, and how it is called.
#[pyclass(frozen, name = "_Function", module = "dlbridge")]
pub struct Function {
    pub name: String,
    pub signature: Signature,
    pub plan: CallPlan,
    /// The parameters of Python, in its order.
    pub arguments: Vec<Argument>,
    /// How many of them may be given by position.
    pub positional: usize,
    /// As it stands in Python: `blur(src, sigma, *, dst=None)`.
    pub call_text: String,
    pub like: Option<&'static Framework>,
    pub copy: Option<bool>,
    pub releases_gil: bool,
    pub ffi_call: FfiCall,
    /// The function that says why a status is not 0.
    pub error: Option<usize>,
    /// Where the library says why it failed, if it uses dlbridge for that.
    pub sentences: Option<Sentences>,
    /// Where `errno` is kept between calls, if it is.
    pub errno: Option<Errno>,
    /// The Python objects that the addresses came from.
    pub keep: [Py<PyAny>; 2],
    pub doc: String,
    /// The module that it is a part of, and its name there.
    pub home: [String; 2],
}

/// A parameter of the Python function.
pub struct Argument {
    /// Interned.
    pub name: Py<PyString>,
    /// The index of the parameter in C.
    pub parameter: usize,
    pub is_required: bool,
}

#[pymethods]
impl Function {
    /// A callback may refer to the function that it is the target of.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.keep.iter().try_for_each(|object| visit.call(object))
    }
}

impl Function {
    /// Calls the C function.
    ///
    /// # Safety
    /// There is one value for each parameter, of its type, and pointers among them are valid for
    /// what C does with them. The C function has that signature.
    #[inline]
    pub unsafe fn call(&self, py: Python<'_>, values: &mut [CValue]) -> CValue {
        if let Some(sentences) = &self.sentences {
            sentences.forget();
        }
        // SAFETY: the values are those of the signature, which the C function has.
        let call = |values| unsafe { self.ffi_call.call(values) };
        match (&self.errno, self.releases_gil) {
            (None, true) => py.detach(|| call(values)),
            (None, false) => call(values),
            (Some(errno), releases_gil) => errno.swapped(py, releases_gil, || call(values)),
        }
    }
}
