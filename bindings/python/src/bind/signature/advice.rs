//! What was probably meant by a signature that is not understood.

use dlbridge::spec::{is_name, split};
use dlbridge::{Error, Status};

use crate::bind::signature::declaration;
use crate::bind::signature::element_words::element;
use crate::bind::signature::parsed::{Parameter, Signature};

/// The error of a signature, with what to write instead if that can be guessed.
#[cold]
pub fn of_signature(text: &str, error: Error) -> Error {
    let advice = declaration::translated(text).map(|translated| (text, declared(&translated)));
    match advice.or_else(|| in_parts(text)) {
        Some((part, advice)) => not_understood(part, text, &advice),
        None => error,
    }
}

fn declared(translated: &str) -> String {
    format!(
        "it is a declaration of C; here it is {translated:?}, with the extents that are known, and out \
         for what C only writes to"
    )
}

/// The same for a single parameter.
#[cold]
pub fn of_parameter(text: &str, error: Error) -> Error {
    let translated = declaration::translated(text).filter(|text| Parameter::parse(text).is_ok());
    let advice = translated.map(|translated| declared(&translated));
    match advice.or_else(|| in_parameter(text.trim())) {
        Some(advice) => not_understood(text, text, &advice),
        None => error,
    }
}

fn not_understood(part: &str, text: &str, advice: &str) -> Error {
    let message = format!("{part:?} in the signature {text:?} is not understood: {advice}");
    Error::new(Status::Spec, message)
}

/// The first part that is not understood, and what it may be.
fn in_parts(text: &str) -> Option<(&str, String)> {
    let (inside, result) = match text.rsplit_once("->") {
        Some((inside, result)) => (inside, Some(result.trim())),
        None => (text, None),
    };
    let wrong = split(inside).map(str::trim).find(|part| !part.is_empty() && !reads(part));
    match wrong {
        Some(part) => in_parameter(part).map(|advice| (part, advice)),
        None => result.and_then(|result| in_result(result).map(|advice| (result, advice))),
    }
}

fn in_parameter(text: &str) -> Option<String> {
    let (modes, rest) = split_modes(text);
    let named = rest.split_once(':').map(|(name, kind)| (name.trim(), kind.trim()));
    if let Some((name, kind)) = named.filter(|(name, _)| is_name(name)) {
        let (late, kind) = split_modes(kind);
        let kind = meant(kind)?;
        let corrected = joined(&[modes, late], &format!("{name}: {kind}"))?;
        return match late {
            "" => question(named?.1, &kind),
            _ => Some(format!("{late} stands before the name: write {corrected:?}")),
        };
    }
    if let Some(kind) = meant(rest) {
        return joined(&[modes], &kind).and_then(|_| question(rest, &kind));
    }
    let (name, kind) = rest.split_once(|it: char| it.is_whitespace() || it == '=')?;
    if !is_name(name) {
        return None;
    }
    let (late, kind) = split_modes(kind.trim_start_matches([' ', '=']));
    let corrected = joined(&[modes, late], &format!("{name}: {}", meant(kind)?))?;
    Some(format!("missing ':' after parameter name '{name}': write {corrected:?}"))
}

fn in_result(text: &str) -> Option<String> {
    let is_result = |text: &str| Signature::parse(&format!("-> {text}")).is_ok();
    let kind = candidates(text).into_iter().find(|kind| is_result(kind))?;
    question(text, &kind)
}

/// Whether something else was meant: only the type, if that is all that differs.
fn question(kind: &str, meant: &str) -> Option<String> {
    if kind == meant {
        return None;
    }
    let parts = |text: &str| {
        let text = text.trim_start_matches('*').to_owned();
        let end = text.find('[').unwrap_or(text.len());
        (text[..end].to_owned(), text[end..].to_owned())
    };
    let ((word, rest), (own, own_rest)) = (parts(kind), parts(meant));
    Some(match rest == own_rest && kind.starts_with('*') == meant.starts_with('*') {
        true => format!("unknown type {word:?}; did you mean {own:?}?"),
        false if rest.is_empty() && !own_rest.is_empty() => {
            format!("a tensor has brackets; did you mean {meant:?}?")
        }
        false => format!("did you mean {meant:?}?"),
    })
}

/// The words before a parameter, and the rest.
fn split_modes(text: &str) -> (&str, &str) {
    let mut rest = text;
    while let Some((word, after)) = rest.split_once(char::is_whitespace) {
        let is_mode = matches!(word, "in" | "out" | "inout" | "new" | "optional");
        if !is_mode || after.trim_start().starts_with(':') {
            break;
        }
        rest = after.trim_start();
    }
    (text[..text.len() - rest.len()].trim(), rest)
}

/// Modes and a parameter, if that is understood.
fn joined(modes: &[&str], parameter: &str) -> Option<String> {
    let words = modes.iter().copied().filter(|mode| !mode.is_empty());
    let text = words.chain([parameter]).collect::<Vec<_>>().join(" ");
    reads(&text).then_some(text)
}

/// Whether a parameter is understood, whatever its value.
fn reads(text: &str) -> bool {
    let kind = text.split_once('=').filter(|(kind, _)| !kind.contains('['));
    Parameter::parse(kind.map_or(text, |(kind, _)| kind.trim())).is_ok()
}

/// The kind that a text is, or that is meant by it.
fn meant(text: &str) -> Option<String> {
    let (kind, value) = match text.split_once('=').filter(|(kind, _)| !kind.contains('[')) {
        Some((kind, value)) => (kind.trim(), format!(" = {}", value.trim())),
        None => (text, String::new()),
    };
    let found = candidates(kind).into_iter().find(|kind| reads(kind))?;
    Some(found + &value)
}

/// What a kind may be, as it is first.
fn candidates(text: &str) -> Vec<String> {
    let plain = text.trim().trim_start_matches("const ").trim();
    let mut found = vec![text.to_owned(), plain.to_owned()];
    let (asterisk, plain) = match (plain.strip_prefix('*'), plain.strip_suffix('*')) {
        (Some(rest), _) | (None, Some(rest)) => ("*", rest.trim()),
        _ => ("", plain),
    };
    match (asterisk, plain) {
        ("*", "char") => found.push("str".to_owned()),
        ("*", "void") => found.push("pointer".to_owned()),
        _ => {}
    }
    let end = plain.find(['[', '(', '<', ' ']).unwrap_or(plain.len());
    let (word, rest) = plain.split_at(end);
    let rest = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((shape, words)) => format!("[{shape}]{words}"),
        None => rest.to_owned(),
    };
    let rest = if asterisk == "*" && !rest.contains('[') { "[...]".to_owned() } else { rest };
    for word in [Some(word), element(word)].into_iter().flatten() {
        found.push(format!("{asterisk}{word}{rest}"));
    }
    found
}
