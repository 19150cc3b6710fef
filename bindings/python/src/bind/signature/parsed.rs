//! What a C function takes and returns, as its signature says.

use dlbridge::spec::{Names, Spec};

use crate::bind::signature::scalar::{Literal, Scalar};

/// What a C function takes and returns.
pub struct Signature {
    /// In the order of C.
    pub parameters: Vec<Parameter>,
    pub result: Outcome,
    /// The names of extents.
    pub names: Names<'static>,
}

impl Signature {
    /// Whether C gives tensors away.
    pub fn gives(&self) -> bool {
        matches!(self.result, Outcome::Tensor(_))
            || self.parameters.iter().any(|it| it.mode == Mode::New)
    }
}

/// A parameter of a C function.
pub struct Parameter {
    /// Its own, or that of its place: `arg1`.
    pub name: String,
    /// What it was read from, without modes and name.
    pub text: String,
    pub mode: Mode,
    pub optional: bool,
    pub kind: Kind,
    pub value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// C only reads it.
    In,
    /// C writes to it, and it is a result.
    Out,
    /// C reads it and writes to it.
    InOut,
    /// C makes it, and gives it away.
    New,
}

pub enum Kind {
    /// `DLTensor *`
    Tensor(Spec<'static>),
    /// A pointer to the first element of a tensor.
    Elements(Spec<'static>),
    Scalar(Scalar),
    /// `const char *`
    Text,
    /// The stream that work is to be done on.
    Stream,
}

impl Kind {
    pub fn spec(&self) -> Option<&Spec<'static>> {
        match self {
            Kind::Tensor(spec) | Kind::Elements(spec) => Some(spec),
            _ => None,
        }
    }
}

/// What a parameter is if the caller does not say.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The caller must say.
    Required,
    /// The caller may say something else.
    Default(Literal),
    /// The caller has no say.
    Product(Vec<Factor>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Factor {
    Number(i64),
    /// The extent of the name at this place.
    Extent(usize),
    /// The parameter at this place, a tensor.
    Of(usize, Measure),
}

impl Factor {
    pub fn text(&self, signature: &Signature) -> String {
        match self {
            Factor::Number(number) => number.to_string(),
            Factor::Extent(place) => signature.names[*place].to_string(),
            Factor::Of(place, measure) => {
                let measure = match measure {
                    Measure::Size => "size",
                    Measure::Bytes => "nbytes",
                    Measure::Ndim => "ndim",
                };
                format!("{}.{measure}", signature.parameters[*place].name)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Size,
    Bytes,
    Ndim,
}

pub enum Outcome {
    Void,
    /// An int that is 0 on success.
    Status,
    /// One of dlbridge.h.
    OwnStatus,
    /// With its name in the signature.
    Scalar(Scalar, String),
    /// `const char *`, which stays C's.
    Text,
    /// `DLManagedTensorVersioned *`, which is given away.
    Tensor(Box<Spec<'static>>),
}

impl Parameter {
    /// Whether it is a char of C, of one byte.
    pub fn is_character(&self) -> bool {
        matches!(self.text.as_str(), "char" | "uchar")
    }

    /// Whether C may write to memory of the caller that it gets an address in.
    pub fn may_write(&self) -> bool {
        let is_pointer = matches!(self.kind, Kind::Scalar(Scalar::Pointer));
        self.is_given() && (is_pointer || self.kind.spec().is_some() && self.is_written())
    }

    /// Whether C writes to the elements of the array that it gets.
    pub fn is_written(&self) -> bool {
        let is_writable = |spec: &Spec<'_>| spec.writable == Some(true);
        self.mode != Mode::In || self.kind.spec().is_some_and(is_writable)
    }

    /// Whether the caller gives it.
    pub fn is_given(&self) -> bool {
        let is_made = matches!((self.mode, &self.kind), (Mode::Out, Kind::Scalar(_)));
        !is_made && self.mode != Mode::New && !matches!(self.value, Value::Product(_))
    }

    /// Whether the caller gives it by its name only.
    pub fn is_keyword_only(&self) -> bool {
        self.mode == Mode::Out || matches!(self.kind, Kind::Stream)
    }

    /// Whether the caller must give it.
    pub fn is_required(&self) -> bool {
        self.value == Value::Required && !self.optional && !self.is_keyword_only()
    }
}

/// The place of the extent that an integer of that name says.
pub fn extent_of(parameter: &Parameter, names: &Names<'_>) -> Option<usize> {
    let is_integer = matches!(parameter.kind, Kind::Scalar(Scalar::Int { .. }));
    let says = is_integer && parameter.mode == Mode::In && parameter.is_given();
    says.then(|| names.iter().position(|name| *name == *parameter.name)).flatten()
}
