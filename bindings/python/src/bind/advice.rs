//! What was probably meant by a signature that is not understood.

use dlbridge::spec::{is_name, split};
use dlbridge::{Error, Status};

use crate::bind::declaration;
use crate::bind::signature::{Parameter, Signature};

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

/// The element type that other languages have another word for.
pub fn element(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let word = word.rsplit('.').next().unwrap_or_default();
    let word = word.trim_start_matches(['<', '=', '|']);
    let word = word.strip_prefix("c_").unwrap_or(word);
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.or_else(|| WORDS.iter().find(|(_, own)| *own == word)).map(|(_, own)| *own)
}

const WORDS: &[(&str, &str)] = &[
    ("double", "f64"),
    ("float", "f32"),
    ("single", "f32"),
    ("half", "f16"),
    ("float64", "f64"),
    ("float32", "f32"),
    ("float16", "f16"),
    ("f8", "f64"),
    ("f4", "f32"),
    ("f2", "f16"),
    ("int8", "i8"),
    ("int16", "i16"),
    ("int32", "i32"),
    ("int64", "i64"),
    ("uint8", "u8"),
    ("uint16", "u16"),
    ("uint32", "u32"),
    ("uint64", "u64"),
    ("int8_t", "i8"),
    ("int16_t", "i16"),
    ("int32_t", "i32"),
    ("int64_t", "i64"),
    ("uint8_t", "u8"),
    ("uint16_t", "u16"),
    ("uint32_t", "u32"),
    ("uint64_t", "u64"),
    ("i1", "i8"),
    ("i2", "i16"),
    ("i4", "i32"),
    ("u1", "u8"),
    ("u2", "u16"),
    ("u4", "u32"),
    ("char", "i8"),
    ("byte", "u8"),
    ("ubyte", "u8"),
    ("uchar", "u8"),
    ("short", "i16"),
    ("ushort", "u16"),
    ("int", "i32"),
    ("uint", "u32"),
    ("long", if size_of::<std::ffi::c_long>() == 8 { "i64" } else { "i32" }),
    ("ulong", if size_of::<std::ffi::c_ulong>() == 8 { "u64" } else { "u32" }),
    ("longlong", "i64"),
    ("ulonglong", "u64"),
    ("size_t", if size_of::<usize>() == 8 { "u64" } else { "u32" }),
    ("ssize_t", if size_of::<isize>() == 8 { "i64" } else { "i32" }),
    ("bfloat16", "bf16"),
    ("complex64", "c64"),
    ("complex128", "c128"),
    ("complex", "c128"),
    ("c8", "c64"),
    ("c16", "c128"),
    ("bool_", "bool"),
    ("boolean", "bool"),
    ("_bool", "bool"),
    ("b1", "bool"),
    ("string", "str"),
    ("usize", "size_t"),
    ("isize", "ssize_t"),
    ("ptr", "pointer"),
    ("void_p", "pointer"),
    ("char_p", "str"),
    ("ndarray", "any"),
    ("array", "any"),
    ("tensor", "any"),
];
