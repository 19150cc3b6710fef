//! The little language that says what a tensor must be: `f32[h, w, 3] c cpu`.
//!
//! ```text
//! specs  = spec { "," spec }
//! spec   = [ name ":" ] [ types ] [ shape ] { word }
//! types  = "any" | type { "|" type }
//! type   = a name of [`DType`], or short: i8 u8 f32 bf16 c64 f8_e4m3fn ...
//! shape  = "[" [ extent { "," extent } ] "]"
//! extent = number | name | "_" | "..."
//! word   = "c" | "f" | "contiguous"         order of the elements
//!        | "host" | a device: cpu cuda cuda:1
//!        | "align=" number                  bytes
//!        | "readonly" | "writable"
//! ```
//!
//! A name stands for the same extent wherever it occurs, also in other
//! arguments. `_` is any extent, `...` any number of axes; what is not named may
//! be anything.

use smallvec::SmallVec;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};

/// What one tensor must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec<'a> {
    /// The text that it was read from.
    pub text: &'a str,
    /// The name of the argument.
    pub name: Option<&'a str>,
    /// The element types allowed; none: all.
    pub dtypes: SmallVec<[DType; 4]>,
    /// The axes, if they matter.
    pub shape: Option<SmallVec<[Extent<'a>; 8]>>,
    /// The order of the elements.
    pub order: Option<Order>,
    /// Where the memory must be.
    pub place: Option<Place>,
    /// The alignment of the first element in bytes.
    pub alignment: u64,
    /// Whether the tensor must be read-only (`false`) or writable (`true`).
    pub writable: Option<bool>,
}

/// What an axis must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// This extent.
    Fixed(i64),
    /// The extent that the name has everywhere.
    Named(&'a str),
    /// Any extent.
    Any,
    /// Any number of axes; at most once in a shape.
    Rest,
}

/// An order of elements without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last axis is the fastest.
    C,
    /// The first axis is the fastest.
    Fortran,
    /// Either of the two.
    Either,
}

/// Where memory must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where code on the host can use it.
    Host,
    /// On a device of this type.
    Type(Device),
    /// On this device.
    Device(Device),
}

impl<'a> Spec<'a> {
    /// Reads what one tensor must be.
    ///
    /// # Errors
    /// `Spec`, with the text and the part of it that is not understood.
    pub fn parse(text: &'a str) -> Result<Spec<'a>> {
        let text = text.trim();
        let mut spec = Spec {
            text,
            name: None,
            dtypes: SmallVec::new(),
            shape: None,
            order: None,
            place: None,
            alignment: 1,
            writable: None,
        };
        let mut rest = text;
        if let Some((name, after)) =
            text.split_once(':').filter(|(name, after)| is_label(name, after))
        {
            spec.name = Some(name.trim());
            rest = after.trim_start();
        }
        let types = rest.find(|c: char| c == '[' || c.is_whitespace()).unwrap_or(rest.len());
        if spec.read_types(&rest[..types], rest[types..].starts_with('['))? {
            rest = rest[types..].trim_start();
        }
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((shape, after)) = inside.split_once(']') else {
                return spec.malformed("[", "a shape ends with ]");
            };
            spec.read_shape(shape)?;
            rest = after;
        }
        rest.split_whitespace().try_for_each(|word| spec.read_word(word))?;
        Ok(spec)
    }

    /// Whether `text` is element types, which it must be before a shape. Else it
    /// may be a word, and is read later.
    fn read_types(&mut self, text: &str, before_shape: bool) -> Result<bool> {
        if text == "any" || text.is_empty() {
            return Ok(true);
        }
        for name in text.split('|') {
            match parse_type(name) {
                Some(dtype) => self.dtypes.push(dtype),
                None if name == text && !before_shape => return Ok(false),
                None => {
                    return self.malformed(name, "it must be an element type, like f32 or uint8");
                }
            }
        }
        Ok(true)
    }

    fn read_shape(&mut self, text: &'a str) -> Result<()> {
        let mut shape = SmallVec::new();
        let parts = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
        for part in parts {
            shape.push(match part {
                "_" => Extent::Any,
                "..." if !shape.contains(&Extent::Rest) => Extent::Rest,
                name if is_name(name) => Extent::Named(name),
                number => match number.parse::<i64>() {
                    Ok(extent) if extent >= 0 => Extent::Fixed(extent),
                    _ => {
                        let must = "an extent is a number, a name, _ or, once, ...";
                        return self.malformed(number, must);
                    }
                },
            });
        }
        self.shape = Some(shape);
        Ok(())
    }

    fn read_word(&mut self, word: &str) -> Result<()> {
        let first = match word {
            "c" => self.order.replace(Order::C).is_none(),
            "f" => self.order.replace(Order::Fortran).is_none(),
            "contiguous" => self.order.replace(Order::Either).is_none(),
            "host" => self.place.replace(Place::Host).is_none(),
            "readonly" => self.writable.replace(false).is_none(),
            "writable" => self.writable.replace(true).is_none(),
            _ => match (word.strip_prefix("align="), word.parse::<Device>()) {
                (Some(bytes), _) => match bytes.parse::<u64>() {
                    Ok(bytes) if bytes.is_power_of_two() => {
                        std::mem::replace(&mut self.alignment, bytes) == 1
                    }
                    _ => return self.malformed(word, "an alignment is a power of two, in bytes"),
                },
                (_, Ok(device)) if word.contains(':') => {
                    self.place.replace(Place::Device(device)).is_none()
                }
                (_, Ok(device)) => self.place.replace(Place::Type(device)).is_none(),
                _ => {
                    let must = "the words are c, f, contiguous, host, a device like cpu or cuda:0, \
                                align=64, readonly and writable, after element type and shape";
                    return self.malformed(word, must);
                }
            },
        };
        match first {
            true => Ok(()),
            false => self.malformed(word, "order, device, alignment and access are said once"),
        }
    }

    fn malformed<T>(&self, part: &str, must: &str) -> Result<T> {
        fail!(Spec, "{part:?} in the check {:?} is not understood; {must}", self.text)
    }
}

/// Reads what several tensors must be, with commas between them; nothing is for
/// no tensor.
///
/// # Errors
/// Those of [`Spec::parse`].
pub fn parse_all(text: &str) -> Result<Vec<Spec<'_>>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut inside = false;
    let separates = |c: char| {
        inside = c == '[' || (inside && c != ']');
        c == ',' && !inside
    };
    text.split(separates).map(Spec::parse).collect()
}

/// A name and its colon; the colon of `cuda:1` is none.
fn is_label(name: &str, after: &str) -> bool {
    is_name(name.trim()) && !after.starts_with(|c: char| c.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn parse_type(text: &str) -> Option<DType> {
    let digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let long = [("bf", "bfloat"), ("i", "int"), ("u", "uint"), ("f", "float"), ("c", "complex")]
        .into_iter()
        .find_map(|(short, long)| {
            text.strip_prefix(short).filter(|rest| digit(rest)).map(|rest| format!("{long}{rest}"))
        });
    long.as_deref().unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    fn parse(text: &str) -> Spec<'_> {
        Spec::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn everything_at_once() {
        let spec = parse(" src : f32|uint8 [ h, 3,_, ... ] c cuda:1 align=64 writable ");
        assert_eq!(spec.name, Some("src"));
        assert_eq!(spec.dtypes[..], [DType::FLOAT32, DType::UINT8]);
        let shape = [Extent::Named("h"), Extent::Fixed(3), Extent::Any, Extent::Rest];
        assert_eq!(spec.shape.unwrap()[..], shape);
        assert_eq!(spec.order, Some(Order::C));
        assert_eq!(spec.place, Some(Place::Device(Device::cuda(1).unwrap())));
        assert_eq!((spec.alignment, spec.writable), (64, Some(true)));
    }

    #[test]
    fn every_part_may_be_missing() {
        assert_eq!(parse("").shape, None);
        assert!(parse("any").dtypes.is_empty());
        assert_eq!(parse("[]").shape, Some(SmallVec::new()));
        assert_eq!(parse("cpu").place, Some(Place::Type(Device::CPU)));
        assert_eq!(parse("x: c").order, Some(Order::C));
        assert_eq!(parse("cuda:1").name, None);
        assert_eq!(parse("a: host").place, Some(Place::Host));
    }

    #[test]
    fn types_have_long_and_short_names() {
        for (short, long) in [
            ("i8", "int8"),
            ("u64", "uint64"),
            ("f16", "float16"),
            ("bf16", "bfloat16"),
            ("c128", "complex128"),
            ("f8_e4m3fn", "float8_e4m3fn"),
            ("f4_e2m1fn", "float4_e2m1fn"),
            ("f32x4", "float32x4"),
            ("bool", "bool"),
        ] {
            assert_eq!(parse(short).dtypes, parse(long).dtypes, "{short}");
        }
    }

    #[test]
    fn several_with_commas() {
        let specs = parse_all("src: f32[h, w], dst: f32[h, w] c,u8").unwrap();
        let names: Vec<_> = specs.iter().map(|spec| spec.name).collect();
        assert_eq!(names, [Some("src"), Some("dst"), None]);
        assert_eq!(specs[1].text, "dst: f32[h, w] c");
        assert!(parse_all(" ").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, needle) in [
            ("f33[h]", "\"f33\""),
            ("f32|x", "\"x\""),
            ("f32[h", "ends with ]"),
            ("f32[h,,w]", "\"\""),
            ("f32[-1]", "\"-1\""),
            ("f32[..., ...]", "\"...\""),
            ("f32[h] C", "\"C\""),
            ("f32[h] align=3", "power of two"),
            ("f32[h] align=", "power of two"),
            ("f32[h] gpu", "\"gpu\""),
            ("f32[h] f64", "\"f64\""),
            ("f32]h[", "\"f32]h\""),
            ("f32 c f", "said once"),
            ("f32 cpu cuda:0", "said once"),
            ("f32 align=8 align=16", "said once"),
            ("f32 readonly writable", "said once"),
        ] {
            let error = Spec::parse(text).unwrap_err();
            assert_eq!(error.status(), Status::Spec, "{text}");
            assert!(error.message().contains(needle), "{text}: {error}");
        }
    }
}
