//! One element as a number, of every type that DLPack has.

use crate::abi::DLDataTypeCode as Code;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::tensor_ref::TensorRef;

/// The number that an element stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating-point number, exactly: all that DLPack has fit.
    Float(f64),
    /// A real and an imaginary part.
    Complex(f64, f64),
}

/// How the bits of a floating-point number are divided up.
struct Format {
    exponent: u32,
    mantissa: u32,
    bias: i32,
    specials: Specials,
}

/// What the highest exponent stands for.
enum Specials {
    /// Infinity, and NaN with a mantissa.
    Ieee,
    /// Numbers, but for NaN where all bits are set.
    Nan,
    /// Numbers; what would be -0 is NaN.
    NegativeZero,
    /// Numbers.
    None,
}

impl TensorRef<'_> {
    /// The number at an index of each axis, which counts from 0. The memory need not be
    /// aligned.
    ///
    /// # Errors
    /// `Dtype` for vectors and handles, `Device` for memory that the host cannot reach,
    /// `Index` for an index that is out of range or missing.
    ///
    /// # Safety
    /// The memory can be read, and nobody writes to the element meanwhile.
    pub unsafe fn value(&self, index: &[i64]) -> Result<Value> {
        let (dtype, layout) = (self.dtype(), self.layout());
        if dtype.raw().lanes != 1 || dtype.raw().code == Code::OPAQUEHANDLE {
            fail!(Dtype, "dtype is {dtype}, whose elements are no numbers");
        }
        if !self.device().is_host_accessible() {
            fail!(Device, "the tensor is on {}, whose memory the host cannot read", self.device());
        }
        if index.len() != layout.ndim() {
            fail!(Index, "{} indices for {} axes; it must be one each", index.len(), layout.ndim());
        }
        let mut offset = 0;
        for (axis, (&at, stride)) in index.iter().zip(&layout.strides()[..]).enumerate() {
            let extent = layout.shape()[axis];
            if !(0..extent).contains(&at) {
                fail!(Index, "index is {at} on axis {axis}; it must be from 0 to {}", extent - 1);
            }
            offset += i128::from(at) * i128::from(*stride);
        }
        let bit = offset * i128::from(layout.item_bits());
        let first = self.place().cast::<u8>().wrapping_offset((bit >> 3) as isize);
        let shift = (bit & 7) as u32;
        let size = (shift + dtype.item_bits()).div_ceil(8) as usize;
        let mut bytes = [0; 16];
        // SAFETY: the bytes of an element, which can be read as the caller promises; none of
        // a type of DLPack with one lane has more than 16.
        unsafe { std::ptr::copy_nonoverlapping(first, bytes.as_mut_ptr(), size) };
        Ok(decode(dtype, bytes, shift))
    }
}

/// The number in these bytes. Elements that are parts of bytes begin `shift` bits above the
/// lowest one.
fn decode(dtype: DType, bytes: [u8; 16], shift: u32) -> Value {
    let (code, bits) = (dtype.raw().code, u32::from(dtype.raw().bits));
    if code == Code::COMPLEX {
        let half = (bits / 16) as usize;
        let part = |from: usize| float(Code::FLOAT, bits / 2, whole(&bytes[from..from + half]));
        return Value::Complex(part(0), part(half));
    }
    let raw = match dtype.item_bytes() {
        Some(size) => whole(&bytes[..size]),
        // Lowest bits first on every machine.
        None => u64::from(u16::from_le_bytes([bytes[0], bytes[1]]) >> shift) & ((1 << bits) - 1),
    };
    let unused = 64 - bits;
    match code {
        Code::BOOL => Value::Bool(raw != 0),
        Code::INT => Value::Int((raw << unused) as i64 >> unused),
        Code::UINT => Value::Uint(raw),
        _ => Value::Float(float(code, bits, raw)),
    }
}

/// An integer of 1, 2, 4 or 8 bytes in the order of this machine.
fn whole(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    match cfg!(target_endian = "little") {
        true => wide[..bytes.len()].copy_from_slice(bytes),
        false => wide[8 - bytes.len()..].copy_from_slice(bytes),
    }
    u64::from_ne_bytes(wide)
}

fn float(code: Code, bits: u32, raw: u64) -> f64 {
    const fn format(exponent: u32, mantissa: u32, bias: i32, specials: Specials) -> Format {
        Format { exponent, mantissa, bias, specials }
    }
    let format = match code {
        Code::FLOAT if bits == 64 => return f64::from_bits(raw),
        Code::FLOAT if bits == 32 => return f64::from(f32::from_bits(raw as u32)),
        Code::BFLOAT => return f64::from(f32::from_bits((raw as u32) << 16)),
        Code::FLOAT8_E8M0FNU if raw == 0xff => return f64::NAN,
        Code::FLOAT8_E8M0FNU => return power_of_two(raw as i32 - 127),
        Code::FLOAT8_E3M4 => format(3, 4, 3, Specials::Ieee),
        Code::FLOAT8_E4M3 => format(4, 3, 7, Specials::Ieee),
        Code::FLOAT8_E4M3B11FNUZ => format(4, 3, 11, Specials::NegativeZero),
        Code::FLOAT8_E4M3FN => format(4, 3, 7, Specials::Nan),
        Code::FLOAT8_E4M3FNUZ => format(4, 3, 8, Specials::NegativeZero),
        Code::FLOAT8_E5M2 => format(5, 2, 15, Specials::Ieee),
        Code::FLOAT8_E5M2FNUZ => format(5, 2, 16, Specials::NegativeZero),
        Code::FLOAT6_E2M3FN => format(2, 3, 1, Specials::None),
        Code::FLOAT6_E3M2FN => format(3, 2, 3, Specials::None),
        Code::FLOAT4_E2M1FN => format(2, 1, 1, Specials::None),
        _ => format(5, 10, 15, Specials::Ieee),
    };
    format.value(raw)
}

impl Format {
    fn value(&self, raw: u64) -> f64 {
        let sign = if raw >> (self.exponent + self.mantissa) & 1 == 1 { -1.0 } else { 1.0 };
        let highest = (1 << self.exponent) - 1;
        let exponent = raw >> self.mantissa & highest;
        let mantissa = raw & ((1 << self.mantissa) - 1);
        let is_nan = match self.specials {
            Specials::Ieee if exponent == highest && mantissa == 0 => return sign * f64::INFINITY,
            Specials::Ieee => exponent == highest,
            Specials::Nan => exponent == highest && mantissa == (1 << self.mantissa) - 1,
            Specials::NegativeZero => sign < 0.0 && exponent == 0 && mantissa == 0,
            Specials::None => false,
        };
        if is_nan {
            return f64::NAN;
        }
        let (significand, exponent) = match exponent {
            0 => (mantissa, 1),
            _ => (mantissa | 1 << self.mantissa, exponent as i32),
        };
        sign * significand as f64 * power_of_two(exponent - self.bias - self.mantissa as i32)
    }
}

/// Exactly; the exponent is one of a normal `f64`.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Flags;
    use crate::{Device, Status};

    fn read(dtype: &str, flags: Flags, bytes: &[u8], index: i64) -> Result<Value> {
        let dtype: DType = dtype.parse().unwrap();
        let bits = crate::tensor_ref::storage_bits(dtype, flags) as usize;
        let shape = [(bytes.len() * 8 / bits) as i64];
        let data = bytes.as_ptr().cast_mut().cast();
        let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, &shape, None).unwrap();
        // SAFETY: all elements lie in `bytes`.
        unsafe { view.value(&[index]) }
    }

    #[test]
    fn parts_of_bytes_are_packed_lowest_bits_first() {
        let packed = Flags::empty();
        for (index, value) in [(0, 1), (1, -2), (2, 7), (3, -8)] {
            assert_eq!(read("int4", packed, &[0xe1, 0x87], index).unwrap(), Value::Int(value));
        }
        for (index, value) in [(0, 1), (1, 0), (2, 1), (7, 1)] {
            assert_eq!(read("uint1", packed, &[0b1000_0101], index).unwrap(), Value::Uint(value));
        }
        // 6 bits each, over the borders of bytes: 1.0, 2.0, 7.5 and -7.5.
        let bits = 0b111111_011111_010000_001000_u32.to_le_bytes();
        for (index, value) in [(0, 1.0), (1, 2.0), (2, 7.5), (3, -7.5)] {
            let read = read("float6_e2m3fn", packed, &bits[..3], index);
            assert_eq!(read.unwrap(), Value::Float(value));
        }
    }

    #[test]
    fn the_unused_bits_of_padded_elements_do_not_matter() {
        let padded = Flags::IS_SUBBYTE_TYPE_PADDED;
        for byte in [0xfe, 0x0e, 0x7e] {
            assert_eq!(read("int4", padded, &[0, byte], 1).unwrap(), Value::Int(-2));
            assert_eq!(read("uint4", padded, &[0, byte], 1).unwrap(), Value::Uint(14));
        }
    }

    #[test]
    fn integers_have_their_sign() {
        let bytes = [0xff; 8];
        for bits in [8, 16, 32, 64] {
            let of = |kind| read(&format!("{kind}{bits}"), Flags::empty(), &bytes, 0).unwrap();
            assert_eq!(of("int"), Value::Int(-1));
            assert_eq!(of("uint"), Value::Uint(u64::MAX >> (64 - bits)));
        }
    }

    #[test]
    fn halves_make_complex_numbers() {
        let bytes = [0x00, 0x3c, 0x00, 0xc0];
        assert_eq!(
            read("complex32", Flags::empty(), &bytes, 0).unwrap(),
            Value::Complex(1.0, -2.0)
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for dtype in ["float32x2", "opaque64"] {
            let error = read(dtype, Flags::empty(), &[0; 8], 0).unwrap_err();
            assert_eq!(error.status(), Status::Dtype);
        }
        for index in [-1, 2] {
            let error = read("int32", Flags::empty(), &[0; 8], index).unwrap_err();
            assert_eq!(error.status(), Status::Index);
        }
    }
}
