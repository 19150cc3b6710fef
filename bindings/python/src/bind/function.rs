//! A C function as a Python function.

use std::ffi::{CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use libffi::middle::{Cif, Type};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::arguments::{Argument, Given, arrange};
use super::description::{call_text, describe};
use super::frame::Frame;
use super::grammar::{Kind, Literal, Mode, Outcome, Parameter, Signature, Value, extent_of};
use super::text;
use crate::errors;
use crate::framework::{self, Framework};

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
    code: Code,
    error: Option<usize>,
    /// The Python objects that the addresses came from.
    _keep: [Py<PyAny>; 2],
    definition: Box<Definition>,
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
}

impl Order {
    fn of(signature: &Signature) -> Order {
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

struct Code {
    address: unsafe extern "C" fn(),
    description: Cif,
}

// SAFETY: the description is only read after it was made.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

/// What the interpreter reads of the function; it stays where it is.
struct Definition {
    method: ffi::PyMethodDef,
    _name: CString,
    _doc: CString,
}

// SAFETY: never written to.
unsafe impl Send for Definition {}
// SAFETY: as above.
unsafe impl Sync for Definition {}

/// A Python function that calls the C function at an address.
#[pyfunction(name = "_bind")]
#[expect(clippy::too_many_arguments, reason = "one caller, in Python, by position")]
pub fn bind<'py>(
    py: Python<'py>,
    name: String,
    address: usize,
    signature: &str,
    doc: Option<&str>,
    copy: Option<bool>,
    release_gil: bool,
    like: Option<&Bound<'py, PyAny>>,
    error: Option<usize>,
    keep: [Py<PyAny>; 2],
) -> PyResult<Bound<'py, PyAny>> {
    if copy == Some(true) {
        return Err(PyValueError::new_err(
            "copy is True; it must be False, or None to copy what C cannot use as it is",
        ));
    }
    let signature = Signature::parse(signature).map_err(errors::argument)?;
    let like = like.map(framework::parse).transpose()?;
    let arguments = python_order(py, &signature);
    let positional = arguments
        .iter()
        .filter(|argument| !signature.parameters[argument.place].is_keyword_only())
        .count();
    let call_text = call_text(&name, &signature, &arguments, positional);
    let doc = describe(&name, &call_text, &signature, doc);
    let (places, cells) = places(&signature, &arguments[..positional])?;
    let function = Function {
        places,
        order: Order::of(&signature),
        positional,
        cells,
        gives: matches!(signature.result, Outcome::Tensor(_))
            || signature.parameters.iter().any(|it| it.mode == Mode::New),
        like,
        copy,
        releases_gil: release_gil,
        code: Code::new(address, &signature)?,
        error,
        _keep: keep,
        definition: Definition::new(&name, doc)?,
        name,
        signature,
        arguments,
        call_text,
    };
    let function = Bound::new(py, function)?;
    let method = ptr::from_ref(&function.get().definition.method).cast_mut();
    // SAFETY: the definition lives in the object that the function keeps as its self.
    unsafe {
        let object = ffi::PyCFunction_NewEx(method, function.as_ptr(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, object)
    }
}

/// What must be given, then what may be, then what has a name only; each in the order
/// of C.
fn python_order(py: Python<'_>, signature: &Signature) -> Vec<Argument> {
    let rank = |parameter: &Parameter| match parameter {
        _ if parameter.is_keyword_only() => 2,
        _ if parameter.is_required() => 0,
        _ => 1,
    };
    let mut places: Vec<usize> = (0..signature.parameters.len())
        .filter(|place| signature.parameters[*place].is_given())
        .collect();
    places.sort_by_key(|place| rank(&signature.parameters[*place]));
    let argument = |place: usize| Argument {
        name: PyString::intern(py, signature.parameters[place].name.as_str()).unbind(),
        place,
        is_required: signature.parameters[place].is_required(),
    };
    places.into_iter().map(argument).collect()
}

/// Where the parts of each parameter are, and the number of cells.
fn places(signature: &Signature, positional: &[Argument]) -> PyResult<(Vec<Place>, usize)> {
    let (mut cells, mut places) = (0, Vec::new());
    for (place, parameter) in signature.parameters.iter().enumerate() {
        let default = match &parameter.value {
            Value::Default(Literal::Text(text)) => Some(CString::new(text.as_str())?),
            _ => None,
        };
        places.push(Place {
            cell: cells,
            position: positional.iter().position(|it| it.place == place).map(|index| index + 1),
            extent: extent_of(parameter, &signature.names),
            default,
        });
        let is_array = parameter.kind.spec().is_some() && parameter.mode != Mode::New;
        cells += usize::from(parameter.mode != Mode::In && !is_array);
    }
    Ok((places, cells))
}

impl Function {
    /// Calls the C function.
    ///
    /// # Safety
    /// There is one argument for each parameter, of its type, and room for 16 bytes of
    /// result. The C function has that signature.
    pub unsafe fn call(&self, arguments: *mut *mut c_void, result: *mut c_void) {
        let Code { address, description } = &self.code;
        // SAFETY: the caller's promise.
        unsafe {
            libffi::raw::ffi_call(description.as_raw_ptr(), Some(*address), result, arguments);
        }
    }

    /// The exception for a status that is not 0.
    #[cold]
    pub fn failure(&self, py: Python<'_>, status: i32) -> PyErr {
        let own = matches!(self.signature.result, Outcome::OwnStatus);
        let sentence = self.sentence(py, status);
        let make = || {
            let capi = py.import("dlbridge.capi.functions")?;
            capi.getattr("_failure")?.call1((&self.name, status, own, sentence))
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }

    /// What the library itself says.
    fn sentence<'py>(&self, py: Python<'py>, status: i32) -> Option<Bound<'py, PyAny>> {
        let address = self.error? as *const c_void;
        // SAFETY: the caller of `bind` said that this is such a function. One without
        // the parameter ignores it, as everywhere where the caller clears the stack.
        unsafe {
            let error: extern "C" fn(c_int) -> *const c_char = std::mem::transmute(address);
            text::to_python(py, error(status)).ok().filter(|text| !text.is_none())
        }
    }

    /// The exception for NULL instead of a tensor.
    #[cold]
    pub fn null_result(&self, py: Python<'_>) -> PyErr {
        let sentence = self.sentence(py, 0).map_or(String::new(), |text| format!(": {text}"));
        PyRuntimeError::new_err(format!("{}() gave NULL instead of a tensor{sentence}", self.name))
    }
}

impl Code {
    fn new(address: usize, signature: &Signature) -> PyResult<Code> {
        if address == 0 {
            return Err(PyValueError::new_err("the address of the function is 0"));
        }
        let argument = |parameter: &Parameter| match (&parameter.kind, parameter.mode) {
            (Kind::Scalar(scalar), Mode::In) => scalar.ffi_type(),
            _ => Type::pointer(),
        };
        let result = match &signature.result {
            Outcome::Void => Type::void(),
            Outcome::Status | Outcome::OwnStatus => Type::i32(),
            Outcome::Scalar(scalar, _) => scalar.ffi_type(),
            Outcome::Text | Outcome::Tensor(_) => Type::pointer(),
        };
        // SAFETY: the caller of `bind` says that there is such a function.
        let address = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(address as *const c_void)
        };
        let types = signature.parameters.iter().map(argument);
        Ok(Code { address, description: Cif::new(types.collect::<Vec<_>>(), result) })
    }
}

impl Definition {
    fn new(name: &str, doc: String) -> PyResult<Box<Definition>> {
        let (name, doc) = (CString::new(name)?, CString::new(doc)?);
        let method = ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: enter },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: doc.as_ptr(),
        };
        Ok(Box::new(Definition { method, _name: name, _doc: doc }))
    }
}

/// The interpreter calls this.
unsafe extern "C" fn enter(
    function: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL, the object that the function was made
    // with, and `count` arguments and then one for each name.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as above.
    let body = || unsafe {
        let function: &Bound<'_, Function> = Bound::ref_from_ptr(py, &function).cast_unchecked();
        let names: Option<&Bound<'_, PyTuple>> =
            (!names.is_null()).then(|| Bound::ref_from_ptr(py, &names).cast_unchecked());
        let keywords = names.map_or(0, |names| names.len());
        let total = count as usize + keywords;
        let all: &[Bound<'_, PyAny>] = match total {
            0 => &[],
            _ => std::slice::from_raw_parts(arguments.cast(), total),
        };
        let (positional, keywords) = all.split_at(count as usize);
        let given = Given { positional, keywords, names };
        let mut frame = Frame::new(py, function.get());
        arrange(py, function.get(), given, &mut frame.objects)?;
        frame.run()
    };
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(object)) => return object.into_ptr(),
        Ok(Err(error)) => error.restore(py),
        Err(_) => PyRuntimeError::new_err("defect in dlbridge: a panic").restore(py),
    }
    ptr::null_mut()
}
