//! `_bind`: a signature and an address become a Python function.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::bind::call::errors::called;
use crate::bind::call::function::{Argument, Function};
use crate::bind::call::plan::CallPlan;
use crate::bind::call::sentences::Sentences;
use crate::bind::callable;
use crate::bind::invoke::errno::Errno;
use crate::bind::invoke::ffi_call::FfiCall;
use crate::bind::signature::advice;
use crate::bind::signature::help::{call_text, describe};
use crate::bind::signature::parsed::{Kind, Parameter, Signature, Value};
use crate::frameworks::framework::Framework;
use crate::frameworks::registry;
use crate::support::arguments::Arguments;
use crate::support::ask::Ask;
use crate::support::lasting::lasting;
use crate::support::parameters::{Parameters, not_none};
use crate::support::{address, errors, flags, modules, objects};

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
            .filter(|argument| !signature.parameters[argument.parameter].is_keyword_only())
            .count();
        let order: Vec<usize> = arguments.iter().map(|argument| argument.parameter).collect();
        let call_text = call_text(&name, &signature, &order, positional);
        let doc = self.doc.as_deref();
        let doc = objects::grown(py, |text| describe(text, &name, &signature, doc))?;
        let plan = CallPlan::of(&signature, &order[..positional])?;
        Ok(Function {
            plan,
            positional,
            like,
            copy,
            releases_gil: self.releases_gil,
            ffi_call: FfiCall::new(address, &signature)?,
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
            parameter: place,
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
