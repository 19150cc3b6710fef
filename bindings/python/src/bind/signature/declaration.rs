//! Declarations of C in the language of signatures: `const double *p, long n` is
//! `p: *f64[...], n: long`.

use crate::bind::signature::element_words::element;
use crate::bind::signature::parsed::Signature;
use crate::bind::signature::scalar::Scalar;

/// The signature of a function, or of its parameters alone. None for what is no declaration,
/// or has types that are not known here.
pub fn translated(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(';').trim_end();
    let (head, inside) = match text.strip_suffix(')') {
        Some(text) => text.split_once('(')?,
        None => ("", text),
    };
    let parts = inside.split(',').map(str::trim);
    let parts = parts.filter(|part| !matches!(*part, "" | "void"));
    let parameters = parts.map(parameter).collect::<Option<Vec<_>>>()?.join(", ");
    let translated = match head.trim() {
        "" if parameters.is_empty() => return None,
        "" => parameters,
        head => format!("{parameters} -> {}", result(head)?).trim_start().to_owned(),
    };
    Signature::parse(&translated).ok().map(|_| translated)
}

/// What is declared: its words without the name, how many pointers, and the extents behind.
struct Declared<'a> {
    words: Vec<&'a str>,
    name: Option<&'a str>,
    pointers: usize,
    /// Of what is pointed to.
    is_const: bool,
    extent: Option<&'a str>,
}

impl<'a> Declared<'a> {
    fn parse(text: &'a str) -> Option<Declared<'a>> {
        const IGNORED: [&str; 11] = [
            "const",
            "volatile",
            "restrict",
            "__restrict",
            "__restrict__",
            "struct",
            "enum",
            "extern",
            "static",
            "inline",
            "register",
        ];
        let (text, extent) = match text.strip_suffix(']') {
            Some(text) => text.split_once('[').map(|(text, extent)| (text, Some(extent.trim())))?,
            None => (text, None),
        };
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        if !text.chars().all(|it| is_word(it) || it.is_whitespace() || it == '*') {
            return None;
        }
        let (before, behind) = match text.find('*') {
            Some(place) => text.split_at(place),
            None => (text, ""),
        };
        let mut words: Vec<&str> = before.split_whitespace().collect();
        let is_const = words.contains(&"const");
        words.retain(|word| !IGNORED.contains(word));
        let last = behind.rsplit('*').next().unwrap_or_default();
        let mut name = last.split_whitespace().rfind(|word| !IGNORED.contains(word));
        if behind.is_empty() && words.len() > 1 && !is_type(words[words.len() - 1]) {
            name = words.pop();
        }
        let pointers = text.matches('*').count() + usize::from(extent.is_some());
        (!words.is_empty()).then_some(Declared { words, name, pointers, is_const, extent })
    }

    /// The name of a number in a signature.
    fn scalar(&self) -> Option<String> {
        let is_unsigned = self.words.contains(&"unsigned");
        let longs = self.words.iter().filter(|word| **word == "long").count();
        let rest: Vec<&str> = self
            .words
            .iter()
            .copied()
            .filter(|word| !matches!(*word, "unsigned" | "signed" | "long"))
            .collect();
        let word = match (longs, &rest[..]) {
            (0, ["_Bool"]) => "bool",
            (0, [] | ["int"]) => "int",
            (0, ["short", "int"]) => "short",
            (0, [word]) => word,
            (1, [] | ["int"]) => "long",
            (2, [] | ["int"]) => "longlong",
            _ => return None,
        };
        let word = match is_unsigned {
            true => format!("u{word}"),
            false => word.to_owned(),
        };
        let word = match word.as_str() {
            "int" | "long" | "char" | "short" | "size_t" | "ssize_t" | "double" | "float" => word,
            other if other.ends_with("_t") => element(other).map_or(word, str::to_owned),
            _ => word,
        };
        Scalar::named(&word).map(|_| word)
    }
}

/// The words that may be the whole of a type, or its end.
fn is_type(word: &str) -> bool {
    const TYPES: [&str; 10] =
        ["char", "short", "int", "long", "float", "double", "void", "bool", "_Bool", "unsigned"];
    TYPES.contains(&word) || (word.ends_with("_t") && Scalar::named(word).is_some())
}

fn parameter(text: &str) -> Option<String> {
    let declared = Declared::parse(text)?;
    let label = declared.name.map_or(String::new(), |name| format!("{name}: "));
    let inout = if declared.is_const { "" } else { "inout " };
    let words = &declared.words[..];
    Some(match (declared.pointers, words) {
        (0, _) => format!("{label}{}", declared.scalar()?),
        (1, ["void"]) => format!("{label}pointer"),
        (1, ["char"]) if declared.is_const => format!("{label}str"),
        (1, ["DLTensor"]) => format!("{inout}{label}any[...]"),
        (1, _) => {
            let scalar = declared.scalar()?;
            let extent = declared.extent.filter(|extent| !extent.is_empty()).unwrap_or("...");
            format!("{inout}{label}*{}[{extent}]", element(&scalar).unwrap_or(&scalar))
        }
        (2, ["DLManagedTensorVersioned"]) => format!("new {label}any[...]"),
        (2, ["void"]) => format!("{label}pointer"),
        (2, _) => declared.scalar().map(|_| format!("{label}pointer"))?,
        _ => return None,
    })
}

/// Of the type and the name of a function.
fn result(head: &str) -> Option<String> {
    let declared = Declared::parse(head)?;
    // Without a type it is no declaration.
    declared.name?;
    Some(match (declared.pointers, &declared.words[..]) {
        (0, ["void"]) => "void".to_owned(),
        (0, ["dlbridge_status"]) => "dlbridge_status".to_owned(),
        (0, _) => declared.scalar()?,
        (1, ["char"]) => "str".to_owned(),
        (1, ["DLManagedTensorVersioned"]) => "any[...]".to_owned(),
        _ => "pointer".to_owned(),
    })
}
