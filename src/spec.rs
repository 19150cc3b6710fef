//! The little language that says what a tensor must be: `f32[h, w, 3] c cpu`. Its
//! grammar, and that of the signatures that contain it, is in docs/signatures.md.
//!
//! A name stands for the same extent wherever it occurs, also in other
//! arguments. `_` is any extent, `...` any number of axes; what is not named may
//! be anything.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::memory;
use crate::text::Text;

/// What one tensor must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec<'a> {
    /// The text that it was read from.
    pub text: Cow<'a, str>,
    /// The name of the argument.
    pub name: Option<Cow<'a, str>>,
    /// The element types.
    pub types: Types<'a>,
    /// The axes, if they matter.
    pub shape: Option<SmallVec<[Extent; 8]>>,
    /// The order of the elements.
    pub order: Option<Order>,
    /// Where the memory must be.
    pub place: Option<Place>,
    /// The alignment of the first element in bytes.
    pub alignment: u64,
    /// Whether the tensor must be read-only (`false`) or writable (`true`).
    pub writable: Option<bool>,
}

/// The element types that a tensor may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Types<'a> {
    /// All.
    Any,
    /// One of these.
    OneOf(SmallVec<[DType; 4]>),
    /// That of the argument with this name, which stands before this one.
    Same(Cow<'a, str>),
}

/// The names of extents in some specs; an [`Extent::Named`] is a place here.
pub type Names<'a> = SmallVec<[Cow<'a, str>; 8]>;

/// What an axis must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// This extent.
    Fixed(i64),
    /// The extent that the name at this place has everywhere.
    Named(usize),
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
    /// On any device.
    Anywhere,
    /// On a device of this type.
    Type(Device),
    /// On this device.
    Device(Device),
}

impl<'a> Spec<'a> {
    /// Reads what one tensor must be. New names of extents are added to `names`.
    ///
    /// # Errors
    /// `Spec`, with the text and the part of it that is not understood.
    pub fn parse(text: &'a str, names: &mut Names<'a>) -> Result<Spec<'a>> {
        let text = text.trim();
        let mut spec = Spec {
            text: Cow::Borrowed(text),
            name: None,
            types: Types::Any,
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
            spec.name = Some(Cow::Borrowed(name.trim()));
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
            spec.read_shape(shape, names)?;
            rest = after;
        }
        rest.split_whitespace().try_for_each(|word| spec.read_word(word))?;
        Ok(spec)
    }

    /// The same, without a text that must live as long.
    ///
    /// # Errors
    /// `Memory`.
    pub fn into_owned(self) -> Result<Spec<'static>> {
        let owned = |text: Cow<'a, str>| -> Result<Cow<'static, str>> {
            Ok(Cow::Owned(memory::format(format_args!("{text}"))?))
        };
        Ok(Spec {
            text: owned(self.text)?,
            name: self.name.map(owned).transpose()?,
            types: match self.types {
                Types::Any => Types::Any,
                Types::OneOf(dtypes) => Types::OneOf(dtypes),
                Types::Same(name) => Types::Same(owned(name)?),
            },
            ..self
        })
    }

    /// Whether `text` is element types, which it must be before a shape. Else it
    /// may be a word, and is read later.
    fn read_types(&mut self, text: &'a str, before_shape: bool) -> Result<bool> {
        if text == "any" || text.is_empty() {
            return Ok(true);
        }
        if let Some(name) = text.strip_suffix(".dtype").filter(|name| is_name(name)) {
            self.types = Types::Same(Cow::Borrowed(name));
            return Ok(true);
        }
        let mut dtypes = SmallVec::new();
        for name in text.split('|') {
            match parse_type(name) {
                Some(dtype) => memory::push(&mut dtypes, dtype)?,
                None if name == text && !before_shape => return Ok(false),
                None => {
                    let must = "it must be an element type, like f32 or uint8, or that of another \
                                argument, like src.dtype";
                    return self.malformed(name, must);
                }
            }
        }
        self.types = Types::OneOf(dtypes);
        Ok(true)
    }

    fn read_shape(&mut self, text: &'a str, names: &mut Names<'a>) -> Result<()> {
        let mut shape = SmallVec::new();
        let parts = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
        for part in parts {
            let extent = match part {
                "_" => Extent::Any,
                "..." if !shape.contains(&Extent::Rest) => Extent::Rest,
                name if is_name(name) => Extent::Named(place_of(name, names)?),
                number => match number.parse::<i64>() {
                    Ok(extent) if extent >= 0 => Extent::Fixed(extent),
                    _ => {
                        let must = "an extent is a number, a name, _ or, once, ...";
                        return self.malformed(number, must);
                    }
                },
            };
            memory::push(&mut shape, extent)?;
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
            "anywhere" => self.place.replace(Place::Anywhere).is_none(),
            "readonly" => self.writable.replace(false).is_none(),
            "writable" => self.writable.replace(true).is_none(),
            _ => match (word.strip_prefix("align="), Device::named(word)) {
                (Some(bytes), _) => match bytes.parse::<u64>() {
                    Ok(bytes) if bytes.is_power_of_two() => {
                        std::mem::replace(&mut self.alignment, bytes) == 1
                    }
                    _ => return self.malformed(word, "an alignment is a power of two, in bytes"),
                },
                (_, Some(device)) if word.contains(':') => {
                    self.place.replace(Place::Device(device)).is_none()
                }
                (_, Some(device)) => self.place.replace(Place::Type(device)).is_none(),
                _ => {
                    let must = "the words are c, f, contiguous, host, anywhere, a device like cpu or \
                                cuda:0, align=64, readonly and writable, after element type and shape";
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

/// What several tensors must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specs<'a> {
    /// One for each tensor.
    pub each: SmallVec<[Spec<'a>; 4]>,
    /// The names of their extents.
    pub names: Names<'a>,
}

impl<'a> Specs<'a> {
    /// Reads what several tensors must be, with commas between them; nothing is
    /// for no tensor.
    ///
    /// # Errors
    /// Those of [`Spec::parse`], and `Spec` for the dtype of an argument that does
    /// not stand before.
    pub fn parse(text: &'a str) -> Result<Specs<'a>> {
        let mut specs = Specs::default();
        if text.trim().is_empty() {
            return Ok(specs);
        }
        for part in split(text) {
            let spec = Spec::parse(part, &mut specs.names)?;
            specs.check_same(&spec)?;
            memory::push(&mut specs.each, spec)?;
        }
        Ok(specs)
    }

    /// What one tensor must be.
    ///
    /// # Errors
    /// Those of [`Specs::parse`].
    pub fn parse_one(text: &'a str) -> Result<Specs<'a>> {
        let mut specs = Specs::default();
        let spec = Spec::parse(text, &mut specs.names)?;
        specs.check_same(&spec)?;
        memory::push(&mut specs.each, spec)?;
        Ok(specs)
    }

    fn check_same(&self, spec: &Spec<'a>) -> Result<()> {
        match &spec.types {
            Types::Same(name) if !self.each.iter().any(|it| it.name.as_ref() == Some(name)) => {
                fail!(
                    Spec,
                    "\"{name}.dtype\" in the check {:?} is not understood; an argument {name} must \
                     stand before this one",
                    spec.text
                )
            }
            _ => Ok(()),
        }
    }
}

/// The parts between the commas that are not in brackets or quotes.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut end = None;
    text.split(move |c: char| {
        if end.is_some() {
            end = end.filter(|end| *end != c);
            return false;
        }
        end = match c {
            '[' => Some(']'),
            '"' | '\'' => Some(c),
            _ => None,
        };
        c == ','
    })
}

/// The place of a name, which is new if it is none yet.
///
/// # Errors
/// `Memory`.
pub fn place_of<'a>(name: &'a str, names: &mut Names<'a>) -> Result<usize> {
    match names.iter().position(|known| known == name) {
        Some(place) => Ok(place),
        None => {
            memory::push(names, Cow::Borrowed(name))?;
            Ok(names.len() - 1)
        }
    }
}

/// A name and its colon; the colon of `cuda:1` is none.
fn is_label(name: &str, after: &str) -> bool {
    is_name(name.trim()) && !after.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text can be the name of an argument or an extent.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The element type of that long or short name.
pub fn parse_type(text: &str) -> Option<DType> {
    let digit = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let long = [("bf", "bfloat"), ("i", "int"), ("u", "uint"), ("f", "float"), ("c", "complex")]
        .into_iter()
        .find_map(|(short, long)| text.strip_prefix(short).filter(digit).map(|rest| (long, rest)));
    match long {
        // No name is longer.
        Some((long, rest)) => DType::named(&Text::<32>::of(format_args!("{long}{rest}"))?),
        None => DType::named(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    fn parse(text: &str) -> Spec<'_> {
        Spec::parse(text, &mut Names::new()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn one_of(dtypes: &[DType]) -> Types<'_> {
        Types::OneOf(dtypes.into())
    }

    #[test]
    fn everything_at_once() {
        let spec = parse(" src : f32|uint8 [ h, 3,_, ... ] c cuda:1 align=64 writable ");
        assert_eq!(spec.name.as_deref(), Some("src"));
        assert_eq!(spec.types, one_of(&[DType::FLOAT32, DType::UINT8]));
        let shape = [Extent::Named(0), Extent::Fixed(3), Extent::Any, Extent::Rest];
        assert_eq!(spec.shape.unwrap()[..], shape);
        assert_eq!(spec.order, Some(Order::C));
        assert_eq!(spec.place, Some(Place::Device(Device::cuda(1).unwrap())));
        assert_eq!((spec.alignment, spec.writable), (64, Some(true)));
    }

    #[test]
    fn every_part_may_be_missing() {
        assert_eq!(parse("").shape, None);
        assert_eq!(parse("any").types, Types::Any);
        assert_eq!(parse("[]").shape, Some(SmallVec::new()));
        assert_eq!(parse("cpu").place, Some(Place::Type(Device::CPU)));
        assert_eq!(parse("x: c").order, Some(Order::C));
        assert_eq!(parse("cuda:1").name, None);
        assert_eq!(parse("a: host").place, Some(Place::Host));
        assert_eq!(parse("anywhere").place, Some(Place::Anywhere));
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
            assert_eq!(parse(short).types, parse(long).types, "{short}");
        }
    }

    #[test]
    fn several_with_commas() {
        let specs = Specs::parse("src: f32[h, w], dst: src.dtype[w, h, k] c,u8").unwrap();
        let names: Vec<_> = specs.each.iter().map(|spec| spec.name.as_deref()).collect();
        assert_eq!(names, [Some("src"), Some("dst"), None]);
        assert_eq!(specs.each[1].text, "dst: src.dtype[w, h, k] c");
        assert_eq!(specs.each[1].types, Types::Same("src".into()));
        assert_eq!(specs.names[..], ["h", "w", "k"]);
        let shape = [Extent::Named(1), Extent::Named(0), Extent::Named(2)];
        assert_eq!(specs.each[1].shape.as_deref(), Some(&shape[..]));
        assert!(Specs::parse(" ").unwrap().each.is_empty());
    }

    #[test]
    fn the_dtype_of_another_argument_must_be_known() {
        for text in ["a: b.dtype[n], b: f32[n]", "a: a.dtype", "f32, src.dtype[n]"] {
            let error = Specs::parse(text).unwrap_err();
            assert!(error.message().contains("must stand before"), "{text}: {error}");
        }
        assert!(Specs::parse_one("src.dtype").is_err());
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
            let error = Spec::parse(text, &mut Names::new()).unwrap_err();
            assert_eq!(error.status(), Status::Spec, "{text}");
            assert!(error.message().contains(needle), "{text}: {error}");
        }
    }
}
