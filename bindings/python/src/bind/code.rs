//! The machine code of a C function, and how it is called.

use std::ffi::c_void;

use libffi::middle::{Cif, Type};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use smallvec::SmallVec;

use super::registers::Registers;
use super::scalar::Word;
use super::signature::{Kind, Mode, Outcome, Parameter, Signature};
use crate::errors;

/// An address, and what libffi knows of the function there.
pub struct Code {
    address: *const c_void,
    description: Cif,
    registers: Option<Registers>,
}

// SAFETY: the description is only read after it was made, and the address is one of code.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

impl Code {
    pub fn new(address: usize, signature: &Signature) -> PyResult<Code> {
        if address == 0 {
            return Err(errors::new::<PyValueError>("the address of the function is 0"));
        }
        let argument = |parameter: &Parameter| match (&parameter.kind, parameter.mode) {
            (Kind::Scalar(scalar), Mode::In) => scalar.ffi_type(),
            _ => Type::pointer(),
        };
        let result = match &signature.result {
            Outcome::Void => Type::void(),
            Outcome::Status | Outcome::OwnStatus => Type::i32(),
            Outcome::Scalar(scalar, _) => scalar.ffi_type(),
            Outcome::Text | Outcome::Tensor(_) => Type::pointer(),
        };
        let types = signature.parameters.iter().map(argument);
        Ok(Code {
            address: address as *const c_void,
            description: Cif::new(types.collect::<Vec<_>>(), result),
            registers: Registers::of(signature),
        })
    }

    /// Calls the C function.
    ///
    /// # Safety
    /// There is one word for each parameter, of its type. The C function has the
    /// signature.
    #[inline]
    pub unsafe fn call(&self, words: &mut [Word]) -> Word {
        // SAFETY: the caller's promise.
        unsafe {
            match &self.registers {
                Some(registers) => registers.call(self.address, words),
                None => self.call_described(words),
            }
        }
    }

    /// # Safety
    /// As `call`.
    unsafe fn call_described(&self, words: &mut [Word]) -> Word {
        let mut pointers = SmallVec::<[*mut c_void; 8]>::new();
        words.iter_mut().for_each(|word| pointers.push(word.as_mut_ptr()));
        let mut result = Word::default();
        // SAFETY: the caller's promise; a word has room for any result.
        unsafe {
            let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(self.address);
            libffi::raw::ffi_call(
                self.description.as_raw_ptr(),
                Some(code),
                result.as_mut_ptr(),
                pointers.as_mut_ptr(),
            );
        }
        result
    }
}
