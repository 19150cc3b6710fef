//! What a call needs to know of its C function.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyTraverseError, PyVisit};

use crate::bind::call::plan::Quick;
use crate::bind::call::sentences::Sentences;
use crate::bind::invoke::errno::Errno;
use crate::bind::invoke::ffi_call::FfiCall;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Kind, Mode, Parameter, Signature};
use crate::frameworks::framework::Framework;

/// A C function, its signature, and how it is called.
#[pyclass(frozen, name = "_Function", module = "dlbridge")]
pub struct Function {
    pub name: String,
    pub signature: Signature,
    /// One for each parameter of C.
    pub places: Vec<Place>,
    /// The parameters of Python, in its order.
    pub arguments: Vec<Argument>,
    /// How many of them may be given by position.
    pub positional: usize,
    /// As it stands in Python: `blur(src, sigma, *, dst=None)`.
    pub call_text: String,
    pub order: Order,
    pub cells: usize,
    /// Whether C gives tensors away.
    pub gives: bool,
    pub like: Option<&'static Framework>,
    pub copy: Option<bool>,
    pub releases_gil: bool,
    /// How most calls are made, if they can be.
    pub quick: Option<Quick>,
    pub code: FfiCall,
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

/// Places of parameters, in the order of C.
#[derive(Default)]
pub struct Order {
    /// The tensors that C reads.
    pub inputs: Vec<usize>,
    /// The tensors that C only writes to.
    pub outputs: Vec<usize>,
    /// The numbers that the caller gives.
    pub scalars: Vec<usize>,
    /// What is known last: text, streams, products, and what C writes to.
    pub late: Vec<usize>,
    /// What is returned.
    pub results: Vec<usize>,
    /// The arrays of the caller, and its pointers, that C may write to.
    pub written: Vec<usize>,
}

impl Order {
    pub fn of(signature: &Signature) -> Order {
        let places = |which: fn(&Parameter) -> bool| {
            let parameters = signature.parameters.iter().enumerate();
            parameters.filter(|(_, it)| which(it)).map(|(place, _)| place).collect()
        };
        Order {
            inputs: places(|it| {
                it.kind.spec().is_some() && matches!(it.mode, Mode::In | Mode::InOut)
            }),
            outputs: places(|it| it.kind.spec().is_some() && it.mode == Mode::Out),
            scalars: places(|it| matches!(it.kind, Kind::Scalar(_)) && it.is_given()),
            late: places(|it| match it.kind {
                Kind::Tensor(_) | Kind::Elements(_) => it.mode == Mode::New,
                Kind::Scalar(_) => !it.is_given(),
                Kind::Text | Kind::Stream => true,
            }),
            written: places(Parameter::may_write),
            results: places(|it| matches!(it.mode, Mode::Out | Mode::New)),
        }
    }
}

/// Where the parts of a parameter are.
pub struct Place {
    /// The cell that C writes to, if it does.
    pub cell: usize,
    /// From 1, for the caller.
    pub position: Option<usize>,
    /// The extent that it says.
    pub extent: Option<usize>,
    pub default: Option<CString>,
}

/// A parameter of the Python function.
pub struct Argument {
    /// Interned.
    pub name: Py<PyString>,
    /// Its place in C.
    pub place: usize,
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
    /// There is one word for each parameter, of its type, and what it points to is there.
    /// The C function has that signature.
    pub unsafe fn call(&self, py: Python<'_>, words: &mut [CValue]) -> CValue {
        if let Some(sentences) = &self.sentences {
            sentences.forget();
        }
        // SAFETY: the caller's promise.
        let call = |words| unsafe { self.code.call(words) };
        match (&self.errno, self.releases_gil) {
            (None, true) => py.detach(|| call(words)),
            (None, false) => call(words),
            (Some(errno), releases_gil) => errno.swapped(py, releases_gil, || call(words)),
        }
    }
}
