//! A C function as a Python function.

use std::ffi::CString;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyTraverseError, PyVisit};

use crate::bind::arguments::{Argument, arrange};
use crate::bind::code::Code;
use crate::bind::description::{call_text, describe};
use crate::bind::errno::Errno;
use crate::bind::failure::Sentences;
use crate::bind::frame::Frame;
use crate::bind::quick::Quick;
use crate::bind::refusal::called;
use crate::bind::scalar::Word;
use crate::bind::signature::{Kind, Literal, Mode, Parameter, Signature, Value, extent_of};
use crate::bind::{advice, callable};
use crate::frameworks::framework::Framework;
use crate::frameworks::registry;
use crate::support::arguments::Arguments;
use crate::support::lasting::lasting;
use crate::support::objects::Ask;
use crate::support::parameters::{Parameters, not_none};
use crate::support::{address, errors, flags, modules, objects};

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
    quick: Option<Quick>,
    code: Code,
    /// The function that says why a status is not 0.
    pub error: Option<usize>,
    /// Where the library says why it failed, if it uses dlbridge for that.
    pub sentences: Option<Sentences>,
    /// Where `errno` is kept between calls, if it is.
    errno: Option<Errno>,
    /// The Python objects that the addresses came from.
    keep: [Py<PyAny>; 2],
    doc: String,
    /// The module that it is a part of, and its name there.
    home: [String; 2],
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

/// `_bind`, which `bind` calls by position.
pub struct Bind;

impl crate::support::function::Function for Bind {
    type Own = PyModule;

    const NAME: &'static str = "_bind";
    const SIGNATURE: &'static str =
        "(name, address, signature, doc, copy, release_gil, like, error, use_errno, keep, home, /)";
    const DOCUMENTATION: &'static str =
        "A Python function that calls the C function at an address.";

    fn call<'py>(
        own: &Bound<'py, PyModule>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static PARAMETERS: Parameters<11, 0> = Parameters::of(Bind::SIGNATURE);
        let py = own.py();
        let (
            [name, address, signature, doc, copy, release_gil, like, error, use_errno, keep, home],
            [],
        ) = PARAMETERS.read(py, Self::NAME, given)?;
        let [module, qualified] = pair(home)?;
        let declared = Declared {
            name: text("name", name)?,
            address: address::number("target", address)?,
            signature: text("signature", signature)?,
            doc: not_none(Some(doc)).map(|doc| text("doc", doc)).transpose()?,
            copy: flags::copy(copy)?,
            releases_gil: flags::truth("release_gil", release_gil)?,
            like: not_none(Some(like)).map(registry::parse).transpose()?,
            error: not_none(Some(error))
                .map(|error| address::number("error", error))
                .transpose()?,
            uses_errno: flags::truth("use_errno", use_errno)?,
            keep: pair(keep)?.map(Bound::unbind),
            home: [text("__module__", &module)?, text("__qualname__", &qualified)?],
        };
        // The function stays as long as the program uses it.
        callable::new(lasting(|| Bound::new(py, declared.compile(py)?))?)
    }
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => objects::written(value.py(), objects::characters(text)?),
        Err(_) => Err(errors::wrong_type(name, value, "a str")),
    }
}

fn pair<'py>(tuple: &Bound<'py, PyAny>) -> PyResult<[Bound<'py, PyAny>; 2]> {
    let item = |index| tuple.get_item(objects::int(tuple.py(), index)?);
    Ok([item(0)?, item(1)?])
}

/// The bytes of a signature: what is said of it is to fit into the reserve of the allocator.
const LONGEST: usize = 64 << 10;

/// What `bind` was given.
struct Declared {
    name: String,
    address: usize,
    signature: String,
    doc: Option<String>,
    copy: Option<bool>,
    releases_gil: bool,
    like: Option<&'static Framework>,
    error: Option<usize>,
    uses_errno: bool,
    keep: [Py<PyAny>; 2],
    home: [String; 2],
}

impl Declared {
    fn compile(self, py: Python<'_>) -> PyResult<Function> {
        let Declared { name, address, copy, like, error, keep, home, .. } = self;
        if copy == Some(true) {
            return Err(errors::new::<PyValueError>(
                "copy is True; it must be False, or None to copy what C cannot use as it is",
            ));
        }
        if self.signature.len() > LONGEST {
            return Err(errors::new::<PyValueError>(format_args!(
                "signature has {} bytes; it must have {LONGEST} at most",
                self.signature.len()
            )));
        }
        let signature = Signature::parse(&self.signature)
            .map_err(|error| errors::argument(advice::of_signature(&self.signature, error)))?;
        check_defaults(py, &name, &signature)?;
        let arguments = python_order(py, &signature)?;
        check_names(py, &arguments)?;
        let positional = arguments
            .iter()
            .filter(|argument| !signature.parameters[argument.place].is_keyword_only())
            .count();
        let call_text = call_text(&name, &signature, &arguments, positional);
        let doc = self.doc.as_deref();
        let doc = objects::grown(py, |text| describe(text, &name, &signature, doc))?;
        let (places, cells) = places(&signature, &arguments[..positional])?;
        let quick = Quick::of(&signature, &arguments, positional, like);
        Ok(Function {
            quick,
            places,
            order: Order::of(&signature),
            positional,
            cells,
            gives: signature.gives(),
            like,
            copy,
            releases_gil: self.releases_gil,
            code: Code::new(address, &signature)?,
            error,
            sentences: Sentences::of(py, address, &signature)?,
            errno: self.uses_errno.then(|| Errno::new(py)).transpose()?,
            keep,
            doc,
            home,
            name,
            signature,
            arguments,
            call_text,
        })
    }
}

#[pymethods]
impl Function {
    /// A callback may refer to the function that it is the target of.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.keep.iter().try_for_each(|object| visit.call(object))
    }
}

/// What must be given, then what may be, then what has a name only; each in the order
/// of C.
fn python_order(py: Python<'_>, signature: &Signature) -> PyResult<Vec<Argument>> {
    let rank = |parameter: &Parameter| match parameter {
        _ if parameter.is_keyword_only() => 2,
        _ if parameter.is_required() => 0,
        _ => 1,
    };
    let mut places: Vec<usize> = (0..signature.parameters.len())
        .filter(|place| signature.parameters[*place].is_given())
        .collect();
    places.sort_by_key(|place| rank(&signature.parameters[*place]));
    let argument = |place: usize| {
        Ok(Argument {
            name: objects::new_name(py, &signature.parameters[place].name)?.unbind(),
            place,
            is_required: signature.parameters[place].is_required(),
        })
    };
    places.into_iter().map(argument).collect()
}

/// Refuses what nobody could say in a call.
fn check_names(py: Python<'_>, arguments: &[Argument]) -> PyResult<()> {
    let is_keyword = modules::import(py, c"keyword")?.attribute(c"iskeyword")?;
    for Argument { name, .. } in arguments {
        if is_keyword.called([name.bind(py)])?.is_truthy()? {
            return Err(errors::new::<PyValueError>(format_args!(
                "a parameter is called {name}, which is a keyword of Python, so that no call could \
                 name it; say {name}_"
            )));
        }
    }
    Ok(())
}

/// Refuses defaults that do not fit into the C type.
fn check_defaults(py: Python<'_>, name: &str, signature: &Signature) -> PyResult<()> {
    for parameter in &signature.parameters {
        if let (Kind::Scalar(scalar), Value::Default(literal)) = (&parameter.kind, &parameter.value)
        {
            let default = format!("{name}(): the default of {}", parameter.name);
            scalar.default(literal).map_err(|error| called(&default, error, py))?;
        }
    }
    Ok(())
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
    #[inline(always)]
    pub fn enter<'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(quick) = self.quick.as_ref().filter(|_| given.names.is_none())
            && let Some(result) = quick.call(py, self, given.positional)
        {
            return result;
        }
        self.call_carefully(py, given)
    }

    /// An attribute of the Python function.
    pub fn attribute<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let [module, qualified] = &self.home;
        let text = match name {
            "__name__" => &self.name,
            "__qualname__" => qualified,
            "__module__" => module,
            "__doc__" => &self.doc,
            "__text_signature__" => &self.call_text[self.name.len()..],
            _ => {
                let bind = modules::import(py, c"dlbridge._bind")?;
                let text = objects::text(py, &self.call_text[self.name.len()..])?;
                return bind.method(c"_signature", [&text]);
            }
        };
        objects::text(py, text).map(Bound::into_any)
    }

    #[inline(never)]
    fn call_carefully<'py>(
        &self,
        py: Python<'py>,
        given: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut frame = Frame::new(py, self);
        arrange(py, self, given, &mut frame.objects)?;
        frame.run()
    }

    /// Calls the C function.
    ///
    /// # Safety
    /// There is one word for each parameter, of its type, and what it points to is there.
    /// The C function has that signature.
    pub unsafe fn call(&self, py: Python<'_>, words: &mut [Word]) -> Word {
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
