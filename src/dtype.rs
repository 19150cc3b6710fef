//! Element types: their checks, their text names and their NumPy typestrs.

use std::fmt;
use std::str::FromStr;

use crate::abi::{DLDataType, DLDataTypeCode};
use crate::error::{Error, Result, fail};
use crate::memory;
use crate::text::{Joined, Text};

/// An element type that DLPack 1.3 defines: a [`DLDataType`] whose code, bits
/// and lanes have been checked.
///
/// Its text name is NumPy's and `ml_dtypes`' (`float32`, `bfloat16`,
/// `float8_e4m3fn`), with `xN` after it for N lanes (`float32x4`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct DType(DLDataType);

/// How the name of a kind is written.
enum Name {
    /// The stem with the bits after it: `int32`.
    Bits(&'static str),
    /// The whole name: the kind has one width.
    Whole(&'static str),
}

/// A code of DLPack with the widths in bits that it may have.
struct Kind {
    code: u8,
    name: Name,
    bits: &'static [u8],
    /// The letter of a NumPy typestr; `V` where NumPy has no such type.
    letter: char,
}

const KINDS: &[Kind] = {
    const INTEGER: &[u8] = &[8, 16, 32, 64, 1, 2, 4];
    use Name::{Bits, Whole};
    const fn kind(code: u8, name: Name, bits: &'static [u8], letter: char) -> Kind {
        Kind { code, name, bits, letter }
    }
    &[
        kind(0, Bits("int"), INTEGER, 'i'),
        kind(1, Bits("uint"), INTEGER, 'u'),
        kind(2, Bits("float"), &[16, 32, 64], 'f'),
        kind(3, Bits("opaque"), &[8, 16, 32, 64], 'V'),
        kind(4, Whole("bfloat16"), &[16], 'V'),
        kind(5, Bits("complex"), &[32, 64, 128], 'c'),
        kind(6, Whole("bool"), &[8], 'b'),
        kind(7, Whole("float8_e3m4"), &[8], 'V'),
        kind(8, Whole("float8_e4m3"), &[8], 'V'),
        kind(9, Whole("float8_e4m3b11fnuz"), &[8], 'V'),
        kind(10, Whole("float8_e4m3fn"), &[8], 'V'),
        kind(11, Whole("float8_e4m3fnuz"), &[8], 'V'),
        kind(12, Whole("float8_e5m2"), &[8], 'V'),
        kind(13, Whole("float8_e5m2fnuz"), &[8], 'V'),
        kind(14, Whole("float8_e8m0fnu"), &[8], 'V'),
        kind(15, Whole("float6_e2m3fn"), &[6], 'V'),
        kind(16, Whole("float6_e3m2fn"), &[6], 'V'),
        kind(17, Whole("float4_e2m1fn"), &[4], 'V'),
    ]
};

const fn scalar(code: DLDataTypeCode, bits: u8) -> DType {
    DType(DLDataType { code, bits, lanes: 1 })
}

impl DType {
    /// Truth values, one byte each.
    pub const BOOL: DType = scalar(DLDataTypeCode::BOOL, 8);
    /// Signed integers of 8 bits.
    pub const INT8: DType = scalar(DLDataTypeCode::INT, 8);
    /// Signed integers of 16 bits.
    pub const INT16: DType = scalar(DLDataTypeCode::INT, 16);
    /// Signed integers of 32 bits.
    pub const INT32: DType = scalar(DLDataTypeCode::INT, 32);
    /// Signed integers of 64 bits.
    pub const INT64: DType = scalar(DLDataTypeCode::INT, 64);
    /// Unsigned integers of 8 bits.
    pub const UINT8: DType = scalar(DLDataTypeCode::UINT, 8);
    /// Unsigned integers of 16 bits.
    pub const UINT16: DType = scalar(DLDataTypeCode::UINT, 16);
    /// Unsigned integers of 32 bits.
    pub const UINT32: DType = scalar(DLDataTypeCode::UINT, 32);
    /// Unsigned integers of 64 bits.
    pub const UINT64: DType = scalar(DLDataTypeCode::UINT, 64);
    /// IEEE half precision.
    pub const FLOAT16: DType = scalar(DLDataTypeCode::FLOAT, 16);
    /// IEEE single precision.
    pub const FLOAT32: DType = scalar(DLDataTypeCode::FLOAT, 32);
    /// IEEE double precision.
    pub const FLOAT64: DType = scalar(DLDataTypeCode::FLOAT, 64);
    /// The upper half of an IEEE single.
    pub const BFLOAT16: DType = scalar(DLDataTypeCode::BFLOAT, 16);
    /// Two IEEE singles.
    pub const COMPLEX64: DType = scalar(DLDataTypeCode::COMPLEX, 64);
    /// Two IEEE doubles.
    pub const COMPLEX128: DType = scalar(DLDataTypeCode::COMPLEX, 128);

    /// Checks an element type that comes from outside.
    ///
    /// # Errors
    /// `Dtype` if the code is not one of DLPack 1.3, the bits are not among
    /// the widths of that code, or there are no lanes.
    pub fn new(raw: DLDataType) -> Result<DType> {
        let Some(kind) = KINDS.get(usize::from(raw.code.0)) else {
            fail!(
                Dtype,
                "dtype.code is {}; it must be 0 to {}, the codes of DLPack 1.3",
                raw.code.0,
                KINDS.len() - 1
            );
        };
        if !kind.bits.contains(&raw.bits) {
            fail!(
                Dtype,
                "dtype.bits is {} with dtype.code {} ({}); it must be {}",
                raw.bits,
                raw.code.0,
                kind.stem(),
                Joined(kind.bits.iter(), ", ")
            );
        }
        if raw.lanes == 0 {
            fail!(Dtype, "dtype.lanes is 0; it must be 1 or more");
        }
        Ok(DType(raw))
    }

    /// As `new`, of what most elements are: None for what takes a closer look.
    #[inline]
    pub(crate) fn usual(raw: DLDataType) -> Option<DType> {
        let DLDataType { code, bits, lanes: 1 } = raw else {
            return None;
        };
        let is_usual = match code {
            DLDataTypeCode::INT | DLDataTypeCode::UINT => matches!(bits, 8 | 16 | 32 | 64),
            DLDataTypeCode::FLOAT => matches!(bits, 16 | 32 | 64),
            DLDataTypeCode::BOOL => bits == 8,
            _ => false,
        };
        is_usual.then_some(DType(raw))
    }

    /// An element type that `new` accepted before.
    pub(crate) fn trusted(raw: DLDataType) -> DType {
        DType(raw)
    }

    /// The element type as DLPack's struct.
    pub fn raw(self) -> DLDataType {
        self.0
    }

    /// The bits of one element, all lanes together.
    pub fn item_bits(self) -> u32 {
        u32::from(self.0.bits) * u32::from(self.0.lanes)
    }

    /// The bytes of one element, or `None` where elements are packed into
    /// parts of bytes (`float4_e2m1fn`, `int4`, ...).
    pub fn item_bytes(self) -> Option<usize> {
        let bits = self.item_bits();
        bits.is_multiple_of(8).then_some((bits / 8) as usize)
    }

    /// The NumPy typestr in native byte order, for example `<f4` or `|b1`.
    ///
    /// Types that NumPy does not have (`bfloat16`, the fp8 kinds, `complex32`)
    /// become `|V2`, `|V1` and so on, as `ml_dtypes` writes them: the width is
    /// right and the meaning is lost, so [`DType::from_typestr`] refuses those.
    ///
    /// # Errors
    /// `Dtype` if the type has lanes, or elements that are not whole bytes; `Memory`.
    pub fn typestr(self) -> Result<String> {
        Ok(memory::format(format_args!("{}", self.short_typestr()?))?)
    }

    /// As `typestr`, on the stack.
    pub(crate) fn short_typestr(self) -> Result<Text<8>> {
        let Some(bytes) = self.item_bytes().filter(|_| self.0.lanes == 1) else {
            fail!(
                Dtype,
                "dtype {self} has no NumPy typestr; it must have one lane and whole bytes"
            );
        };
        let known = !(self.0.code == DLDataTypeCode::COMPLEX && bytes < 8);
        let letter = if known { self.kind().letter } else { 'V' };
        let order = if bytes == 1 || letter == 'V' { '|' } else { NATIVE_ORDER };
        // At most 16 bytes of one element.
        Ok(Text::of(format_args!("{order}{letter}{bytes}")).unwrap_or_default())
    }

    /// Reads a NumPy typestr: a byte order (`<`, `>`, `=`, `|` or none), a
    /// letter, and the size in bytes.
    ///
    /// # Errors
    /// `ByteOrder` for the byte order of another machine, `Dtype` for types
    /// that DLPack does not have, `Interface` for text that is no typestr.
    pub fn from_typestr(text: &str) -> Result<DType> {
        match DType::from_typestr_of_any_order(text)? {
            (dtype, false) => Ok(dtype),
            (_, true) => fail!(
                ByteOrder,
                "typestr is {text:?}, in the byte order of another machine; DLPack has native order \
                 only ({NATIVE_ORDER}): convert first, in NumPy by x.astype(x.dtype.newbyteorder('='))"
            ),
        }
    }

    /// As [`DType::from_typestr`], and whether the elements are in the byte order of
    /// another machine.
    ///
    /// # Errors
    /// Those of [`DType::from_typestr`] but for `ByteOrder`.
    pub fn from_typestr_of_any_order(text: &str) -> Result<(DType, bool)> {
        let (order, rest) = match text.chars().next() {
            Some(order @ ('<' | '>' | '=' | '|')) => (order, &text[1..]),
            _ => ('=', text),
        };
        let letter = rest.chars().next();
        let bytes = rest
            .get(1..)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u8>().ok());
        let (Some(letter), Some(bytes)) = (letter, bytes) else {
            return Err(refused_typestr(text, letter));
        };
        let kind = KINDS.iter().find(|kind| kind.letter == letter && letter != 'V');
        let (Some(kind), Some(bits)) = (kind, bytes.checked_mul(8)) else {
            return Err(refused_typestr(text, Some(letter)));
        };
        // NumPy has no complex type of 4 bytes.
        if !kind.bits.contains(&bits) || letter == 'c' && bits == 32 {
            return Err(refused_typestr(text, Some(letter)));
        }
        Ok((scalar(DLDataTypeCode(kind.code), bits), order == FOREIGN_ORDER && bytes > 1))
    }

    /// The element type of that name, without the sentence that says which there are.
    pub(crate) fn named(text: &str) -> Option<DType> {
        if let Some(raw) = parse_scalar(text) {
            return Some(DType(raw));
        }
        let (name, lanes) = text.rsplit_once('x')?;
        let lanes = canonical_number(lanes).filter(|lanes| *lanes > 1)?;
        parse_scalar(name).map(|raw| DType(DLDataType { lanes, ..raw }))
    }

    fn kind(self) -> &'static Kind {
        // In range: `new` checked the code, the constants are codes of the table.
        &KINDS[usize::from(self.0.code.0)]
    }
}

const NATIVE_ORDER: char = if cfg!(target_endian = "little") { '<' } else { '>' };
const FOREIGN_ORDER: char = if cfg!(target_endian = "little") { '>' } else { '<' };

#[cold]
fn refused_typestr(text: &str, letter: Option<char>) -> Error {
    let (status, what) = match letter {
        Some('O') => (crate::Status::Dtype, "Python objects, which DLPack does not have"),
        Some('m' | 'M') => (
            crate::Status::Dtype,
            "dates or time differences, which DLPack does not have: \
             share the integers under them instead, in NumPy by x.view('int64')",
        ),
        Some('S' | 'a' | 'U') => (crate::Status::Dtype, "text, which DLPack does not have"),
        Some('V') => {
            (crate::Status::Dtype, "raw bytes or a struct: it does not say which type they are")
        }
        Some('f' | 'c' | 'i' | 'u' | 'b') => {
            (crate::Status::Dtype, "of a size that DLPack does not have")
        }
        _ => (crate::Status::Interface, "not a NumPy typestr"),
    };
    Error::format(
        status,
        format_args!(
            "typestr is {text:?}, {what}; it must be one of b1, i1, i2, i4, i8, u1, u2, u4, u8, \
             f2, f4, f8, c8, c16 in native byte order"
        ),
    )
}

impl Kind {
    fn stem(&self) -> &'static str {
        match self.name {
            Name::Bits(stem) => stem,
            Name::Whole(name) => name,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind().name {
            Name::Bits(stem) => write!(f, "{stem}{}", self.0.bits)?,
            Name::Whole(name) => f.write_str(name)?,
        }
        match self.0.lanes {
            1 => Ok(()),
            lanes => write!(f, "x{lanes}"),
        }
    }
}

impl fmt::Debug for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DType({self})")
    }
}

impl FromStr for DType {
    type Err = Error;

    fn from_str(text: &str) -> Result<DType> {
        match DType::named(text) {
            Some(dtype) => Ok(dtype),
            None => fail!(
                Dtype,
                "dtype is {text:?}; it must be one of {}, with x and a number after it for lanes",
                Joined(all(), ", ")
            ),
        }
    }
}

/// Every element type with one lane.
pub fn all() -> impl Iterator<Item = DType> + Clone {
    KINDS
        .iter()
        .flat_map(|kind| kind.bits.iter().map(|bits| scalar(DLDataTypeCode(kind.code), *bits)))
}

fn parse_scalar(text: &str) -> Option<DLDataType> {
    all().map(DType::raw).find(|raw| match KINDS[usize::from(raw.code.0)].name {
        Name::Whole(name) => text == name,
        Name::Bits(stem) => {
            text.strip_prefix(stem).and_then(canonical_number) == Some(u16::from(raw.bits))
        }
    })
}

/// A number without sign and leading zeros, so that each type has one name.
fn canonical_number(digits: &str) -> Option<u16> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn what_is_usual_is_accepted_anyhow() {
        let mut usual = 0;
        for (code, bits) in (0..=255).flat_map(|code| (0..=255).map(move |bits| (code, bits))) {
            let raw = DLDataType { code: DLDataTypeCode(code), bits, lanes: 1 };
            if let Some(dtype) = DType::usual(raw) {
                assert_eq!(DType::new(raw).unwrap(), dtype);
                usual += 1;
            }
        }
        assert_eq!(usual, 12);
    }

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert_eq!(usize::from(kind.code), index);
            assert!(DLDataTypeCode(kind.code).is_known());
        }
        assert!(!DLDataTypeCode(KINDS.len() as u8).is_known());
    }

    #[test]
    fn names_go_both_ways() {
        for dtype in all() {
            let name = dtype.to_string();
            assert_eq!(name.parse::<DType>().unwrap(), dtype, "{name}");
            let wide = DType::new(DLDataType { lanes: 4, ..dtype.raw() }).unwrap();
            assert_eq!(wide.to_string(), format!("{name}x4"));
            assert_eq!(wide.to_string().parse::<DType>().unwrap(), wide);
        }
        for text in [
            "",
            "float",
            "float8",
            "float032",
            "float32x",
            "float32x0",
            "float32x1",
            "x4",
            "float32x+4",
            "int128",
            "int+8",
            "bool8",
            "Float32",
            "float32 ",
            "float32x99999",
        ] {
            assert!(text.parse::<DType>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn typestrs_are_numpys() {
        for (dtype, typestr) in [
            (DType::BOOL, "|b1"),
            (DType::INT8, "|i1"),
            (DType::UINT64, "<u8"),
            (DType::FLOAT16, "<f2"),
            (DType::FLOAT64, "<f8"),
            (DType::COMPLEX64, "<c8"),
            (DType::COMPLEX128, "<c16"),
        ] {
            assert_eq!(dtype.typestr().unwrap(), typestr);
            assert_eq!(DType::from_typestr(typestr).unwrap(), dtype);
            assert_eq!(DType::from_typestr(&typestr[1..]).unwrap(), dtype);
        }
        assert_eq!(DType::from_typestr("=i4").unwrap(), DType::INT32);
        assert_eq!(DType::from_typestr(">u1").unwrap(), DType::UINT8);
    }

    #[test]
    fn what_numpy_does_not_have_becomes_raw_bytes() {
        for (name, typestr) in [("bfloat16", "|V2"), ("float8_e5m2", "|V1"), ("complex32", "|V4")] {
            assert_eq!(name.parse::<DType>().unwrap().typestr().unwrap(), typestr);
            assert_eq!(DType::from_typestr(typestr).unwrap_err().status(), Status::Dtype);
        }
        for name in ["float4_e2m1fn", "float6_e2m3fn", "int4", "float32x4"] {
            let error = name.parse::<DType>().unwrap().typestr().unwrap_err();
            assert!(error.message().contains(name));
        }
    }

    #[test]
    fn bad_typestrs_say_what_they_are() {
        for (text, status, needle) in [
            (">f4", Status::ByteOrder, "newbyteorder"),
            ("|O8", Status::Dtype, "objects"),
            ("<M8[ns]", Status::Dtype, "dates"),
            ("<m8", Status::Dtype, "time differences"),
            ("|S5", Status::Dtype, "text"),
            ("<U5", Status::Dtype, "text"),
            ("|V12", Status::Dtype, "struct"),
            ("<f16", Status::Dtype, "size"),
            ("<c4", Status::Dtype, "size"),
            ("<f3", Status::Dtype, "size"),
            ("<f+4", Status::Dtype, "size"),
            ("<f400", Status::Dtype, "size"),
            ("", Status::Interface, "not a NumPy typestr"),
            ("<", Status::Interface, "not a NumPy typestr"),
            ("é", Status::Interface, "not a NumPy typestr"),
            ("<x4", Status::Interface, "not a NumPy typestr"),
        ] {
            let error = DType::from_typestr(text).unwrap_err();
            assert_eq!(error.status(), status, "{text}: {error}");
            assert!(error.message().contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn bad_types_name_the_field_and_the_value() {
        let bad = |code, bits, lanes, needle: &str| {
            let raw = DLDataType { code: DLDataTypeCode(code), bits, lanes };
            let error = DType::new(raw).unwrap_err();
            assert_eq!(error.status(), Status::Dtype);
            assert!(error.message().contains(needle), "{error}");
        };
        bad(18, 8, 1, "dtype.code is 18");
        bad(255, 8, 1, "dtype.code is 255");
        bad(2, 80, 1, "dtype.bits is 80");
        bad(2, 128, 1, "dtype.bits is 128");
        bad(6, 1, 1, "dtype.bits is 1");
        bad(0, 0, 1, "dtype.bits is 0");
        bad(17, 8, 1, "dtype.bits is 8");
        bad(2, 32, 0, "dtype.lanes is 0");
    }
}
