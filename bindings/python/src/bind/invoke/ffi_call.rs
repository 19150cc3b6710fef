//! The machine code of a C function, and how it is called.

use std::ffi::c_void;

use libffi::low::{ffi_abi_FFI_DEFAULT_ABI as ABI, ffi_cif, ffi_type, prep_cif, types};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::invoke::registers::Registers;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Kind, Mode, Outcome, Parameter, Signature};
use crate::bind::signature::scalar::Scalar;
use crate::support::errors;

/// An address, and what libffi knows of the function there.
pub struct FfiCall {
    address: *const c_void,
    description: Box<Description>,
    registers: Option<Registers>,
}

/// Whether `DLBRIDGE_BIND_FFI=1` says that libffi makes all calls, when a function is bound: to
/// find out whether an error is one of the calls that are made here.
fn is_left_to_libffi() -> bool {
    std::env::var_os("DLBRIDGE_BIND_FFI").is_some_and(|value| value == "1")
}

/// What libffi knows of a signature. It points into itself: it stays in its box.
struct Description {
    cif: ffi_cif,
    arguments: Vec<*mut ffi_type>,
}

impl Description {
    fn of(signature: &Signature) -> PyResult<Box<Description>> {
        let argument = |parameter: &Parameter| match (&parameter.kind, parameter.mode) {
            (Kind::Scalar(scalar), Mode::In) => ffi_type(*scalar),
            _ => &raw mut types::pointer,
        };
        let result = match &signature.result {
            Outcome::Void => &raw mut types::void,
            Outcome::Status | Outcome::OwnStatus => &raw mut types::sint32,
            Outcome::Scalar(scalar, _) => ffi_type(*scalar),
            Outcome::Text | Outcome::Tensor(_) => &raw mut types::pointer,
        };
        let arguments = signature.parameters.iter().map(argument).collect();
        let mut own = Box::new(Description { cif: ffi_cif::default(), arguments });
        let (types, count) = (own.arguments.as_mut_ptr(), own.arguments.len());
        // SAFETY: the types are libffi's own, and their list stays where it is as long as the
        // description does.
        let made = unsafe { prep_cif(&mut own.cif, ABI, count, result, types) };
        match made {
            Ok(()) => Ok(own),
            Err(_) => Err(errors::new::<PyValueError>("libffi cannot call such a function here")),
        }
    }

    /// libffi only reads it.
    fn as_ptr(&self) -> *mut ffi_cif {
        (&raw const self.cif).cast_mut()
    }
}

// SAFETY: the description is only read after it was made, and the address is one of code.
unsafe impl Send for FfiCall {}
// SAFETY: as above.
unsafe impl Sync for FfiCall {}

impl FfiCall {
    pub fn new(address: usize, signature: &Signature) -> PyResult<FfiCall> {
        if address == 0 {
            return Err(errors::new::<PyValueError>("the address of the function is 0"));
        }
        Ok(FfiCall {
            address: address as *const c_void,
            description: Description::of(signature)?,
            registers: Registers::of(signature).filter(|_| !is_left_to_libffi()),
        })
    }

    /// Calls the C function.
    ///
    /// # Safety
    /// There is one word for each parameter, of its type. The C function has the
    /// signature.
    #[inline]
    pub unsafe fn call(&self, words: &mut [CValue]) -> CValue {
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
    unsafe fn call_described(&self, words: &mut [CValue]) -> CValue {
        let mut pointers = SmallVec::<[*mut c_void; 8]>::new();
        words.iter_mut().for_each(|word| pointers.push(word.as_mut_ptr()));
        let mut result = CValue::default();
        // SAFETY: the caller's promise; a word has room for any result.
        unsafe {
            let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(self.address);
            libffi::raw::ffi_call(
                self.description.as_ptr(),
                Some(code),
                result.as_mut_ptr(),
                pointers.as_mut_ptr(),
            );
        }
        result
    }
}

/// What libffi calls a C type.
fn ffi_type(scalar: Scalar) -> *mut ffi_type {
    match scalar {
        Scalar::Int { bits: 8, signed: true } => &raw mut types::sint8,
        Scalar::Int { bits: 16, signed: true } => &raw mut types::sint16,
        Scalar::Int { bits: 32, signed: true } => &raw mut types::sint32,
        Scalar::Int { signed: true, .. } => &raw mut types::sint64,
        Scalar::Int { bits: 8, .. } | Scalar::Bool => &raw mut types::uint8,
        Scalar::Int { bits: 16, .. } => &raw mut types::uint16,
        Scalar::Int { bits: 32, .. } => &raw mut types::uint32,
        Scalar::Int { .. } => &raw mut types::uint64,
        Scalar::Float => &raw mut types::float,
        Scalar::Double => &raw mut types::double,
        Scalar::ComplexFloat => &raw mut types::complex_float,
        Scalar::ComplexDouble => &raw mut types::complex_double,
        Scalar::Pointer => &raw mut types::pointer,
    }
}
