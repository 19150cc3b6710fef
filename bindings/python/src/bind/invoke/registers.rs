//! Calls whose arguments all go in registers, which is nearly every call: the processor's
//! calling convention is then a plain call, and libffi's description need not be followed.

use std::ffi::c_void;

use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Kind, Mode, Outcome, Signature};
use crate::bind::signature::scalar::Scalar;

/// The registers for integers and addresses, and those for floating point numbers, of
/// the calling conventions that fill each kind in order, whatever lies between: System V
/// on x86-64, and AAPCS64, which has two more of the first.
const INTEGERS: usize = 6;
const FLOATS: usize = 8;
const IS_KNOWN: bool = cfg!(all(
    unix,
    target_endian = "little",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
));

/// Which words go in which registers. What is in the others is not looked at.
pub struct Registers {
    integers: Box<[usize]>,
    floats: Box<[usize]>,
    /// Whether the result is a floating point number.
    gives_float: bool,
}

/// The bits of a `f32` are the low ones of its register, as in its word.
type Bits = f64;
type Integers<R> = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64) -> R;
#[rustfmt::skip]
type Both<R> = unsafe extern "C" fn(
    u64, u64, u64, u64, u64, u64, Bits, Bits, Bits, Bits, Bits, Bits, Bits, Bits,
) -> R;

impl Registers {
    /// None for what does not fit, or is passed in another way.
    pub fn of(signature: &Signature) -> Option<Registers> {
        let gives_float = match signature.result {
            Outcome::Scalar(Scalar::ComplexFloat | Scalar::ComplexDouble, _) => return None,
            Outcome::Scalar(Scalar::Float | Scalar::Double, _) => true,
            _ => false,
        };
        let (mut integers, mut floats) = (Vec::new(), Vec::new());
        for (place, parameter) in signature.parameters.iter().enumerate() {
            match (&parameter.kind, parameter.mode) {
                (Kind::Scalar(Scalar::ComplexFloat | Scalar::ComplexDouble), Mode::In) => {
                    return None;
                }
                // Their words are not extended to the 32 bits that some compilers expect.
                (Kind::Scalar(Scalar::Int { bits: 8 | 16, signed: true }), Mode::In) => {
                    return None;
                }
                (Kind::Scalar(Scalar::Float | Scalar::Double), Mode::In) => {
                    floats.push(place);
                }
                _ => integers.push(place),
            }
        }
        let fits = integers.len() <= INTEGERS && floats.len() <= FLOATS;
        let [integers, floats] = [integers, floats].map(Vec::into_boxed_slice);
        (IS_KNOWN && fits).then_some(Registers { integers, floats, gives_float })
    }

    /// Calls the function at an address.
    ///
    /// # Safety
    /// The function has the signature, and each parameter has got a value.
    #[inline]
    pub unsafe fn call(&self, address: *const c_void, words: &[CValue]) -> CValue {
        let mut integers = [0; INTEGERS];
        for (register, place) in integers.iter_mut().zip(&self.integers) {
            // SAFETY: each parameter has a value, written to 8 bytes at least.
            *register = unsafe { words[*place].bits() };
        }
        // SAFETY: the caller's promise; arguments and result are in the registers of the
        // types that the function has.
        unsafe {
            match (self.floats.is_empty(), self.gives_float) {
                (true, false) => CValue::new(call_integers::<u64>(address, integers)),
                (true, true) => CValue::new(call_integers::<Bits>(address, integers)),
                (false, false) => CValue::new(self.call_both::<u64>(address, integers, words)),
                (false, true) => CValue::new(self.call_both::<Bits>(address, integers, words)),
            }
        }
    }

    /// # Safety
    /// As `call`; an `R` is in the register of the result.
    unsafe fn call_both<R>(
        &self,
        address: *const c_void,
        integers: [u64; INTEGERS],
        words: &[CValue],
    ) -> R {
        let mut floats = [0.0; FLOATS];
        for (register, place) in floats.iter_mut().zip(&self.floats) {
            // SAFETY: as in `call`.
            *register = Bits::from_bits(unsafe { words[*place].bits() });
        }
        let ([a, b, c, d, e, f], [s, t, u, v, w, x, y, z]) = (integers, floats);
        // SAFETY: the caller's promise.
        unsafe {
            let function = std::mem::transmute::<*const c_void, Both<R>>(address);
            function(a, b, c, d, e, f, s, t, u, v, w, x, y, z)
        }
    }
}

/// # Safety
/// As `Registers::call`; an `R` is in the register of the result.
#[inline]
unsafe fn call_integers<R>(address: *const c_void, integers: [u64; INTEGERS]) -> R {
    let [a, b, c, d, e, f] = integers;
    // SAFETY: the caller's promise.
    unsafe {
        let function = std::mem::transmute::<*const c_void, Integers<R>>(address);
        function(a, b, c, d, e, f)
    }
}
