//! What `help` shows of a bound function.

use std::fmt::{self, Write};

use dlbridge::spec::{Spec, Types};

use crate::bind::signature::parsed::{Kind, Mode, Outcome, Parameter, Signature, Value};
use crate::bind::signature::scalar::Literal;
use crate::bind::signature::scalar::{Scalar, spelled};

/// How it is called in Python: `blur(src, sigma, *, dst=None)`.
pub fn call_text(
    name: &str,
    signature: &Signature,
    python_order: &[usize],
    positional: usize,
) -> String {
    let mut parts = Vec::new();
    for (index, place) in python_order.iter().enumerate() {
        if index == positional {
            parts.push("*".to_owned());
        }
        let parameter = &signature.parameters[*place];
        parts.push(match &parameter.value {
            // `inspect` reads literals only, and None is the same as to leave it away.
            Value::Default(Literal::Float(value)) if !value.is_finite() => {
                format!("{}=None", parameter.name)
            }
            Value::Default(literal) => format!("{}={}", parameter.name, python(literal)),
            _ if parameter.is_required() => parameter.name.clone(),
            _ => format!("{}=None", parameter.name),
        });
    }
    format!("{name}({})", parts.join(", "))
}

fn python(literal: &Literal) -> String {
    match literal {
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Bool(true) => "True".to_owned(),
        Literal::Bool(false) => "False".to_owned(),
        Literal::Text(text) => format!("\"{}\"", text.chars().map(escaped).collect::<String>()),
    }
}

/// In ASCII, which is all that `inspect` reads.
fn escaped(character: char) -> String {
    let code = u32::from(character);
    match character {
        '"' | '\\' => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        _ if code < 256 => format!("\\x{code:02x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// The documentation: what the caller wrote, the parameters, and the function in C.
pub fn describe(
    text: &mut impl Write,
    name: &str,
    signature: &Signature,
    doc: Option<&str>,
) -> fmt::Result {
    if let Some(doc) = doc {
        write!(text, "{}\n\n", doc.trim())?;
    }
    for parameter in &signature.parameters {
        let Parameter { name, text: kind, .. } = parameter;
        writeln!(text, "{}{name}: {kind}{}", modes(parameter), value(parameter, signature))?;
    }
    write!(text, "\nC: {}", prototype(name, signature))
}

fn modes(parameter: &Parameter) -> String {
    let mode = match parameter.mode {
        Mode::In => "",
        Mode::Out => "out ",
        Mode::InOut => "inout ",
        Mode::New => "new ",
    };
    format!("{}{mode}", if parameter.optional { "optional " } else { "" })
}

fn value(parameter: &Parameter, signature: &Signature) -> String {
    match &parameter.value {
        Value::Required => String::new(),
        Value::Default(literal) => format!(" = {}", python(literal)),
        Value::Product(factors) => {
            let factors: Vec<String> =
                factors.iter().map(|factor| factor.text(signature)).collect();
            format!(" = {}", factors.join(" * "))
        }
    }
}

/// The declaration that the signature stands for.
fn prototype(name: &str, signature: &Signature) -> String {
    let result = match &signature.result {
        Outcome::Void => "void ".to_owned(),
        Outcome::Status => "int ".to_owned(),
        Outcome::OwnStatus => "dlbridge_status ".to_owned(),
        Outcome::Scalar(scalar, name) => spaced(spelled(name, *scalar)),
        Outcome::Text => "const char *".to_owned(),
        Outcome::Tensor(_) => "DLManagedTensorVersioned *".to_owned(),
    };
    let parameters: Vec<String> = signature.parameters.iter().map(declaration).collect();
    let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
    format!("{result}{name}({parameters})")
}

fn declaration(parameter: &Parameter) -> String {
    let constant = if parameter.mode == Mode::In { "const " } else { "" };
    let class = match (&parameter.kind, parameter.mode) {
        (Kind::Tensor(_), Mode::New) => "DLManagedTensorVersioned **".to_owned(),
        (Kind::Tensor(_), _) => format!("{constant}DLTensor *"),
        (Kind::Elements(spec), _) => format!("{constant}{} *", element(spec)),
        (Kind::Scalar(scalar), Mode::In) => spaced(spelled(&parameter.text, *scalar)),
        (Kind::Scalar(scalar), _) => format!("{}*", spaced(spelled(&parameter.text, *scalar))),
        (Kind::Text, _) => "const char *".to_owned(),
        (Kind::Stream, _) => "void *".to_owned(),
    };
    format!("{class}{}", parameter.name)
}

fn element(spec: &Spec<'_>) -> &'static str {
    match &spec.types {
        Types::OneOf(dtypes) if dtypes.len() == 1 => {
            Scalar::of_dtype(dtypes[0]).map_or("void", Scalar::c_name)
        }
        _ => "void",
    }
}

fn spaced(class: &str) -> String {
    if class.ends_with('*') { class.to_owned() } else { format!("{class} ") }
}
