//! How signatures are read: `src: f32[h, w], out dst: f32[h, w], sigma: f64 -> status`. The
//! grammar is in docs/signatures.md; its tensors are those of `dlbridge::spec`.

use std::borrow::Cow;

use dlbridge::abi::ALIGNMENT;
use dlbridge::spec::{Extent, Names, Order, Place, Spec, Types, is_name, split};
use dlbridge::{DType, Error, Result, Status};

use crate::bind::signature::parsed::{
    Factor, Kind, Measure, Mode, Outcome, Parameter, Signature, Value,
};
use crate::bind::signature::scalar::{Literal, Scalar};

/// The reader of one text.
struct Reader<'a> {
    text: &'a str,
    names: Names<'a>,
}

impl Signature {
    /// Reads a signature.
    ///
    /// # Errors
    /// `Spec`, with the part that is not understood.
    pub fn parse(text: &str) -> Result<Signature> {
        let mut reader = Reader { text, names: Names::new() };
        let (inside, result) = match text.rsplit_once("->") {
            Some((inside, result)) => (inside, result.trim()),
            None => (text, "void"),
        };
        let mut parameters = Vec::new();
        let mut values = Vec::new();
        for part in split(inside).filter(|_| !inside.trim().is_empty()) {
            let (parameter, value) = reader.parameter(part, parameters.len() + 1)?;
            parameters.push(parameter);
            values.push(value);
        }
        let result = reader.result(result)?;
        for (place, value) in values.into_iter().enumerate() {
            parameters[place].value = reader.value(&parameters, place, value)?;
        }
        reader.check(&parameters)?;
        if let Outcome::Tensor(spec) = &result {
            reader.check_same(&parameters, spec)?;
        }
        let names = reader.names.into_iter().map(|name| Cow::Owned(name.into_owned())).collect();
        Ok(Signature { parameters, result, names })
    }
}

impl Parameter {
    /// Reads a single parameter, as `capi.arg` has it.
    pub fn parse(text: &str) -> Result<(Parameter, Names<'static>)> {
        let mut reader = Reader { text, names: Names::new() };
        let (parameter, value) = reader.parameter(text, 1)?;
        if let Some(value) = value {
            return reader.malformed(value, "an argument of ctypes has no value of its own");
        }
        let names = reader.names.into_iter().map(|name| Cow::Owned(name.into_owned())).collect();
        Ok((parameter, names))
    }
}

impl<'a> Reader<'a> {
    fn malformed<T>(&self, part: &str, must: &str) -> Result<T> {
        let message =
            format!("{part:?} in the signature {:?} is not understood; {must}", self.text);
        Err(Error::new(Status::Spec, message))
    }

    /// A parameter, and the text of its value.
    fn parameter(
        &mut self,
        text: &'a str,
        position: usize,
    ) -> Result<(Parameter, Option<&'a str>)> {
        let (mode, optional, rest) = self.modes(text.trim())?;
        let label = rest.split_once(':').filter(|(name, _)| is_name(name.trim()));
        let (name, rest) = match label {
            Some((name, rest)) => (name.trim().to_owned(), rest.trim()),
            None => (format!("arg{position}"), rest),
        };
        let (text, value) = match rest.split_once('=').filter(|(kind, _)| !kind.contains('[')) {
            Some((kind, value)) => (kind.trim(), Some(value.trim())),
            None => (rest, None),
        };
        let kind = self.kind(text, &name)?;
        let parameter =
            Parameter { name, text: text.to_owned(), mode, optional, kind, value: Value::Required };
        self.check_mode(&parameter)?;
        Ok((parameter, value))
    }

    /// The words before a name. They may be names themselves.
    fn modes(&self, text: &'a str) -> Result<(Mode, bool, &'a str)> {
        let (mut mode, mut optional, mut rest) = (None, false, text);
        while let Some((word, after)) = rest.split_once(char::is_whitespace) {
            let after = after.trim_start();
            let known = match word {
                _ if after.starts_with(':') => None,
                "in" => Some(Mode::In),
                "out" => Some(Mode::Out),
                "inout" => Some(Mode::InOut),
                "new" => Some(Mode::New),
                "optional" => None,
                _ => break,
            };
            let first = match known {
                Some(known) => mode.replace(known).is_none(),
                None if word == "optional" && !after.starts_with(':') => {
                    !std::mem::replace(&mut optional, true)
                }
                None => break,
            };
            if !first {
                return self.malformed(text, "in, out, inout, new and optional are said once");
            }
            rest = after;
        }
        Ok((mode.unwrap_or(Mode::In), optional, rest))
    }

    fn kind(&mut self, text: &'a str, name: &str) -> Result<Kind> {
        if let Some(elements) = text.strip_prefix('*') {
            let mut spec = self.spec(elements.trim_start(), name)?;
            // A pointer says nothing of strides.
            spec.order = spec.order.or(Some(Order::C));
            return Ok(Kind::Elements(spec));
        }
        match text {
            _ if text.contains('[') => self.spec(text, name).map(Kind::Tensor),
            "str" => Ok(Kind::Text),
            "stream" => Ok(Kind::Stream),
            _ => match Scalar::named(text) {
                Some(scalar) => Ok(Kind::Scalar(scalar)),
                None => self.malformed(text, KINDS),
            },
        }
    }

    /// A tensor. Where nothing is said of its place it must be on the host: C code
    /// that knows nothing of GPUs would read their addresses.
    fn spec(&mut self, text: &'a str, name: &str) -> Result<Spec<'static>> {
        if !text.contains('[') {
            return self.malformed(text, "a tensor has brackets: f32[h, w], or f32[...]");
        }
        let mut spec = Spec::parse(text, &mut self.names)?.into_owned()?;
        spec.name = Some(Cow::Owned(name.to_owned()));
        spec.place = spec.place.or(Some(Place::Host));
        spec.alignment = spec.alignment.max(natural_alignment(&spec.types));
        Ok(spec)
    }

    fn check_mode(&self, parameter: &Parameter) -> Result<()> {
        let Parameter { text, mode, optional, kind, .. } = parameter;
        match (kind, mode) {
            (Kind::Tensor(spec) | Kind::Elements(spec), Mode::Out | Mode::InOut)
                if spec.writable == Some(false) =>
            {
                self.malformed(text, "what C writes to is not read-only")
            }
            (Kind::Tensor(_), Mode::New) if *optional => {
                self.malformed(text, "what C makes is not optional")
            }
            (Kind::Elements(_), Mode::New) => self.malformed(
                text,
                "what C makes is a DLManagedTensorVersioned **, without the asterisk here",
            ),
            (Kind::Tensor(_) | Kind::Elements(_), _) => Ok(()),
            (Kind::Scalar(_), Mode::In | Mode::Out) if !optional => Ok(()),
            (Kind::Text, Mode::In) => Ok(()),
            (Kind::Stream, Mode::In) if !optional => Ok(()),
            _ => self.malformed(
                text,
                "inout, new and optional are for tensors, out for tensors and numbers, and optional \
                 for str",
            ),
        }
    }

    fn value(
        &mut self,
        parameters: &[Parameter],
        place: usize,
        text: Option<&'a str>,
    ) -> Result<Value> {
        let Some(text) = text else {
            return Ok(Value::Required);
        };
        let Parameter { kind, mode, .. } = &parameters[place];
        let literal = match kind {
            Kind::Scalar(Scalar::Pointer) | Kind::Stream => None,
            Kind::Scalar(Scalar::Bool) => text.parse().ok().map(Literal::Bool),
            Kind::Scalar(Scalar::Int { .. }) => text.parse().ok().map(Literal::Int),
            Kind::Scalar(_) => text.parse().ok().map(Literal::Float),
            Kind::Text => quoted(text).map(|text| Literal::Text(text.to_owned())),
            Kind::Tensor(_) | Kind::Elements(_) => None,
        };
        match (literal, kind) {
            _ if *mode != Mode::In => self.malformed(text, "what C writes has no value before"),
            (Some(literal), _) => Ok(Value::Default(literal)),
            (None, Kind::Scalar(Scalar::Int { .. })) => self.product(parameters, text),
            _ => {
                self.malformed(text, "a default is a number, true, false or \"text\", as its type")
            }
        }
    }

    fn product(&self, parameters: &[Parameter], text: &str) -> Result<Value> {
        let factors = text.split('*').map(|factor| self.factor(parameters, factor.trim()));
        Ok(Value::Product(factors.collect::<Result<_>>()?))
    }

    fn factor(&self, parameters: &[Parameter], text: &str) -> Result<Factor> {
        if let Ok(number) = text.parse() {
            return Ok(Factor::Number(number));
        }
        if let Some(place) = self.names.iter().position(|name| name == text) {
            return Ok(Factor::Extent(place));
        }
        let must = "an integer is a number, the name of an extent, or x.size, x.nbytes or x.ndim of a \
                    tensor x, or a product of these, like 4 * n";
        let Some((name, measure)) = text.split_once('.') else {
            return self.malformed(text, must);
        };
        let place = parameters.iter().position(|it| it.name == name && it.kind.spec().is_some());
        let measure = match measure {
            "size" => Measure::Size,
            "nbytes" => Measure::Bytes,
            "ndim" => Measure::Ndim,
            _ => return self.malformed(text, must),
        };
        match place.filter(|place| parameters[*place].mode != Mode::New) {
            Some(place) => Ok(Factor::Of(place, measure)),
            None => self.malformed(text, must),
        }
    }

    fn result(&mut self, text: &'a str) -> Result<Outcome> {
        match text {
            "void" => Ok(Outcome::Void),
            "status" => Ok(Outcome::Status),
            "dlbridge_status" => Ok(Outcome::OwnStatus),
            "str" => Ok(Outcome::Text),
            _ if text.contains('[') => self.spec(text, "result").map(Box::new).map(Outcome::Tensor),
            _ => match Scalar::named(text) {
                Some(scalar) => Ok(Outcome::Scalar(scalar, text.to_owned())),
                None => self.malformed(text, RESULTS),
            },
        }
    }

    fn check(&self, parameters: &[Parameter]) -> Result<()> {
        for (place, parameter) in parameters.iter().enumerate() {
            if parameters[..place].iter().any(|other| other.name == parameter.name) {
                return self.malformed(&parameter.name, "each parameter has a name of its own");
            }
            let is_extent = self.names.iter().any(|name| **name == *parameter.name);
            if is_extent && !matches!(parameter.kind, Kind::Scalar(Scalar::Int { .. })) {
                let must = format!("{} is an extent too, and must be an integer", parameter.name);
                return self.malformed(&parameter.text, &must);
            }
            if let Some(spec) = parameter.kind.spec() {
                // Inputs are read first, in their order.
                let is_late = matches!(parameter.mode, Mode::Out | Mode::New);
                let earlier = if is_late { parameters } else { &parameters[..place] };
                self.check_same(earlier, spec)?;
                if parameter.mode == Mode::Out && !parameter.optional {
                    self.check_allocated(parameters, parameter, spec)?;
                }
            }
        }
        Ok(())
    }

    /// The dtype of another must be known by then, from one of these.
    fn check_same(&self, earlier: &[Parameter], spec: &Spec<'static>) -> Result<()> {
        let Types::Same(name) = &spec.types else {
            return Ok(());
        };
        let is_input =
            |it: &Parameter| matches!(it.mode, Mode::In | Mode::InOut) && it.kind.spec().is_some();
        match earlier.iter().any(|it| it.name == *name && is_input(it)) {
            true => Ok(()),
            false => {
                let must = format!("a tensor {name} must be an input before this one");
                self.malformed(&format!("{name}.dtype"), &must)
            }
        }
    }

    /// What an output that nobody gives is to be must follow from the rest.
    fn check_allocated(
        &self,
        parameters: &[Parameter],
        parameter: &Parameter,
        spec: &Spec<'static>,
    ) -> Result<()> {
        let is_one = match &spec.types {
            Types::Any => false,
            Types::OneOf(dtypes) => dtypes.len() == 1,
            Types::Same(_) => true,
        };
        let is_known = |extent: &Extent| match extent {
            Extent::Fixed(_) => true,
            Extent::Named(place) => parameters.iter().any(|it| self.gives(it, *place)),
            Extent::Any | Extent::Rest => false,
        };
        let has_shape = spec.shape.as_ref().is_some_and(|shape| shape.iter().all(is_known));
        if is_one && has_shape && spec.alignment <= ALIGNMENT as u64 {
            return Ok(());
        }
        let must = "what an output is to be must follow from the inputs: one element type, like f32 \
                    or src.dtype, and extents that are numbers or occur in an input, at most 64 bytes \
                    of alignment; else say inout, for an array that the caller always gives";
        self.malformed(&parameter.text, must)
    }

    /// Whether the parameter says what extent the name at a place has.
    fn gives(&self, parameter: &Parameter, place: usize) -> bool {
        match &parameter.kind {
            Kind::Scalar(Scalar::Int { .. }) => {
                parameter.is_given() && *self.names[place] == *parameter.name
            }
            kind => {
                let shape = kind.spec().and_then(|spec| spec.shape.as_ref());
                let is_input = matches!(parameter.mode, Mode::In | Mode::InOut);
                is_input && shape.is_some_and(|shape| shape.contains(&Extent::Named(place)))
            }
        }
    }
}

/// That of the smallest element, without which compiled C code may crash; what is not
/// known here may be bytes.
fn natural_alignment(types: &Types<'_>) -> u64 {
    let of = |dtype: &DType| match Scalar::of_dtype(*dtype) {
        Some(Scalar::ComplexFloat | Scalar::ComplexDouble) => u64::from(dtype.item_bits()) / 16,
        Some(_) => u64::from(dtype.item_bits()) / 8,
        None => 1,
    };
    match types {
        Types::OneOf(dtypes) => dtypes.iter().map(of).min().unwrap_or(1),
        _ => 1,
    }
}

fn quoted(text: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

const KINDS: &str = "a parameter is a tensor with brackets, like f32[h, w], *f32[n] for a plain \
                     pointer, a number like f64, int or size_t, or bool, str, pointer or stream";
const RESULTS: &str = "a result is void, status, dlbridge_status, a number like f64 or int, str, \
                       pointer, or a tensor with brackets, which C gives away";
