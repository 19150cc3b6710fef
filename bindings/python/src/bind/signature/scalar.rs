//! C numbers and pointers: their names.

use std::ffi::{
    c_char, c_int, c_long, c_longlong, c_short, c_uchar, c_uint, c_ulong, c_ulonglong, c_ushort,
};

use dlbridge::DType;
use dlbridge::abi::DLDataTypeCode;
use dlbridge::spec::parse_type;

/// A C type of which one value is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Int { bits: u16, signed: bool },
    Float,
    Double,
    Bool,
    ComplexFloat,
    ComplexDouble,
    Pointer,
}

const fn int<T>(signed: bool) -> Scalar {
    Scalar::Int { bits: 8 * size_of::<T>() as u16, signed }
}

/// The names that C has beside those of element types, and how C spells them.
const NAMES: &[(&str, &str, Scalar)] = &[
    ("char", "char", int::<c_char>(c_char::MIN != 0)),
    ("uchar", "unsigned char", int::<c_uchar>(false)),
    ("short", "short", int::<c_short>(true)),
    ("ushort", "unsigned short", int::<c_ushort>(false)),
    ("int", "int", int::<c_int>(true)),
    ("uint", "unsigned int", int::<c_uint>(false)),
    ("long", "long", int::<c_long>(true)),
    ("ulong", "unsigned long", int::<c_ulong>(false)),
    ("longlong", "long long", int::<c_longlong>(true)),
    ("ulonglong", "unsigned long long", int::<c_ulonglong>(false)),
    ("size_t", "size_t", int::<usize>(false)),
    ("ssize_t", "ssize_t", int::<isize>(true)),
    ("ptrdiff_t", "ptrdiff_t", int::<isize>(true)),
    ("intptr_t", "intptr_t", int::<isize>(true)),
    ("uintptr_t", "uintptr_t", int::<usize>(false)),
    ("float", "float", Scalar::Float),
    ("double", "double", Scalar::Double),
    ("pointer", "void *", Scalar::Pointer),
];

/// How C spells a type of that name.
pub fn spelled(name: &str, scalar: Scalar) -> &'static str {
    let known = NAMES.iter().find(|(known, ..)| *known == name);
    known.map_or(scalar.c_name(), |(_, spelled, _)| spelled)
}

impl Scalar {
    pub fn named(name: &str) -> Option<Scalar> {
        match NAMES.iter().find(|(known, ..)| *known == name) {
            Some((.., scalar)) => Some(*scalar),
            None => Scalar::of_dtype(parse_type(name)?),
        }
    }

    /// The C type of an element, if C has one.
    pub fn of_dtype(dtype: DType) -> Option<Scalar> {
        let raw = dtype.raw();
        let scalar = match (raw.code, raw.bits) {
            (DLDataTypeCode::INT, bits @ (8 | 16 | 32 | 64)) => {
                Scalar::Int { bits: bits.into(), signed: true }
            }
            (DLDataTypeCode::UINT, bits @ (8 | 16 | 32 | 64)) => {
                Scalar::Int { bits: bits.into(), signed: false }
            }
            (DLDataTypeCode::FLOAT, 32) => Scalar::Float,
            (DLDataTypeCode::FLOAT, 64) => Scalar::Double,
            (DLDataTypeCode::BOOL, 8) => Scalar::Bool,
            (DLDataTypeCode::COMPLEX, 64) => Scalar::ComplexFloat,
            (DLDataTypeCode::COMPLEX, 128) => Scalar::ComplexDouble,
            _ => return None,
        };
        (raw.lanes == 1).then_some(scalar)
    }

    /// What C calls it.
    pub fn c_name(self) -> &'static str {
        match self {
            Scalar::Int { bits: 8, signed: true } => "int8_t",
            Scalar::Int { bits: 16, signed: true } => "int16_t",
            Scalar::Int { bits: 32, signed: true } => "int32_t",
            Scalar::Int { signed: true, .. } => "int64_t",
            Scalar::Int { bits: 8, .. } => "uint8_t",
            Scalar::Int { bits: 16, .. } => "uint16_t",
            Scalar::Int { bits: 32, .. } => "uint32_t",
            Scalar::Int { .. } => "uint64_t",
            Scalar::Float => "float",
            Scalar::Double => "double",
            Scalar::Bool => "bool",
            Scalar::ComplexFloat => "float _Complex",
            Scalar::ComplexDouble => "double _Complex",
            Scalar::Pointer => "void *",
        }
    }
}

/// A value in a signature.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}
