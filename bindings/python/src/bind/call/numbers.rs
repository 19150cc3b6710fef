//! C numbers and pointers to and from Python.

use std::ffi::{c_double, c_float};
use std::fmt::Display;

use dlbridge::Value;
use pyo3::exceptions::{
    PyException, PyMemoryError, PyOverflowError, PyRecursionError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex};

use crate::api::element;
use crate::bind::invoke::value::CValue;
use crate::bind::signature::scalar::{Literal, Scalar};
use crate::support::ask::Ask;
use crate::support::objects::{self, intern};
use crate::support::{errors, modules};

impl Scalar {
    /// The value as C has it, of a Python object.
    pub fn read(self, object: &Bound<'_, PyAny>) -> PyResult<CValue> {
        match self {
            Scalar::Int { bits: 64, signed: false } => {
                let value = object.extract::<u64>();
                value.map(CValue::new).map_err(|error| self.refused(object, error))
            }
            Scalar::Int { .. } => {
                let value = object.extract::<i64>();
                self.word(value.map_err(|error| self.refused(object, error))?)
            }
            Scalar::Double => self.float(object).map(CValue::new),
            Scalar::Float => self.narrow(self.float(object)?).map(CValue::new),
            Scalar::Bool => self.truth(object).map(CValue::new),
            Scalar::ComplexFloat => {
                let [re, im] = self.complex(object)?;
                Ok(CValue::new([self.narrow(re)?, self.narrow(im)?]))
            }
            Scalar::ComplexDouble => self.complex(object).map(CValue::new),
            Scalar::Pointer => self.pointer(object).map(CValue::new),
        }
    }

    /// An integer in the C type.
    pub fn word(self, value: i64) -> PyResult<CValue> {
        let Scalar::Int { bits, signed } = self else {
            return Ok(CValue::new(value as f64));
        };
        let (least, most) = range(bits, signed);
        if value < least || (value >= 0 && value as u64 > most) {
            return Err(self.beyond(value));
        }
        Ok(match bits {
            8 => CValue::new(value as u8),
            16 => CValue::new(value as u16),
            32 => CValue::new(value as u32),
            _ => CValue::new(value),
        })
    }

    /// Of a number that is not infinite none becomes that.
    fn narrow(self, value: f64) -> PyResult<f32> {
        let narrow = value as f32;
        match narrow.is_infinite() && value.is_finite() {
            true => Err(self.beyond(format!("{value:e}"))),
            false => Ok(narrow),
        }
    }

    #[cold]
    fn beyond(self, value: impl Display) -> PyErr {
        let name = self.c_name();
        let integers = |(least, most): (i64, u64)| format!("{least} to {most}");
        let wanted = match self {
            Scalar::Int { bits, signed } => integers(range(bits, signed)),
            Scalar::Pointer => integers(range(usize::BITS as u16, false)),
            Scalar::Bool => "False or True, or 0 or 1".to_owned(),
            Scalar::Float | Scalar::ComplexFloat => {
                format!("{:e} to {:e}", f32::MIN, f32::MAX)
            }
            _ => format!("{:e} to {:e}", f64::MIN, f64::MAX),
        };
        errors::new::<PyOverflowError>(format_args!("is {value} and must be {wanted}, for {name}"))
    }

    /// The value that a signature has as the default.
    pub fn default(self, literal: &Literal) -> PyResult<CValue> {
        Ok(match (self, literal) {
            (_, Literal::Int(value)) => self.word(*value)?,
            (Scalar::Float, Literal::Float(value)) => CValue::new(self.narrow(*value)?),
            (Scalar::ComplexFloat, Literal::Float(value)) => {
                CValue::new([self.narrow(*value)?, 0.0])
            }
            (Scalar::ComplexDouble, Literal::Float(value)) => CValue::new([*value, 0.0]),
            (_, Literal::Float(value)) => CValue::new(*value),
            (_, Literal::Bool(value)) => CValue::new(*value),
            (_, Literal::Text(_)) => CValue::default(),
        })
    }

    /// An integer that `read` made, as an extent.
    pub fn as_extent(self, word: &CValue) -> PyResult<i64> {
        // SAFETY: of any bits, which are those of `read`.
        Ok(unsafe {
            match self {
                Scalar::Int { bits: 8, signed: true } => word.get::<i8>().into(),
                Scalar::Int { bits: 16, signed: true } => word.get::<i16>().into(),
                Scalar::Int { bits: 32, signed: true } => word.get::<i32>().into(),
                Scalar::Int { bits: 8, .. } => word.get::<u8>().into(),
                Scalar::Int { bits: 16, .. } => word.get::<u16>().into(),
                Scalar::Int { bits: 32, .. } => word.get::<u32>().into(),
                Scalar::Int { signed: false, .. } => {
                    let value = word.get::<u64>();
                    let too_large = || format!("is {value}; an extent is at most {}", i64::MAX);
                    i64::try_from(value).map_err(|_| errors::new::<PyValueError>(too_large()))?
                }
                _ => word.get::<i64>(),
            }
        })
    }

    /// A returned value at its own address: integers come back as wide as a register.
    pub fn in_register(self, word: &CValue) -> CValue {
        let bits = match self {
            Scalar::Int { bits, .. } => bits,
            Scalar::Bool => 8,
            _ => 64,
        };
        match cfg!(target_endian = "big") && bits < 64 {
            // SAFETY: of any bits.
            true => CValue::new(unsafe { word.get::<u64>() } << (64 - bits)),
            false => *word,
        }
    }

    fn float(self, object: &Bound<'_, PyAny>) -> PyResult<f64> {
        object.extract::<f64>().map_err(|error| self.refused(object, error))
    }

    fn truth(self, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        if let Ok(truth) = object.cast::<PyBool>() {
            return Ok(truth.is_true());
        }
        if let Ok(value) = object.extract::<bool>() {
            return Ok(value);
        }
        // As C has it: 0 and 1, but nothing else that would become one of them.
        match object.extract::<i64>() {
            Ok(value @ 0..=1) => Ok(value == 1),
            Ok(value) => Err(self.beyond(value)),
            Err(error) => Err(self.refused(object, error)),
        }
    }

    fn complex(self, object: &Bound<'_, PyAny>) -> PyResult<[f64; 2]> {
        let class = object.py().get_type::<PyComplex>();
        let is_number = object.optional(intern!(object.py(), "__complex__")?)?.is_some()
            || object.optional(intern!(object.py(), "__float__")?)?.is_some();
        let value = match is_number {
            true => class.called([object]),
            false => Err(errors::new::<PyTypeError>("no number")),
        };
        let value = value.map_err(|error| self.refused(object, error))?;
        let part = |name| value.attribute(name)?.extract::<f64>();
        Ok([part(c"real")?, part(c"imag")?])
    }

    /// None, an address, or a pointer of ctypes.
    fn pointer(self, object: &Bound<'_, PyAny>) -> PyResult<usize> {
        if object.is_none() {
            return Ok(0);
        }
        let error = match object.extract::<usize>() {
            Ok(address) => return Ok(address),
            Err(error) => error,
        };
        // ctypes would cut integers off, and give the characters of texts no owner.
        for name in ["__index__", "encode", "decode"] {
            if object.optional(&objects::text(object.py(), name)?)?.is_some() {
                return Err(self.refused(object, error));
            }
        }
        let ctypes = modules::import(object.py(), c"ctypes")?;
        let cast = ctypes.method(c"cast", [object, &ctypes.attribute(c"c_void_p")?]);
        let address = cast.and_then(|pointer| pointer.attribute(c"value"));
        let address = address.map_err(|error| self.refused(object, error))?;
        if address.is_none() { Ok(0) } else { address.extract::<usize>() }
    }

    #[cold]
    fn refused(self, object: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
        let py = object.py();
        let is_about_it = error.is_instance_of::<PyException>(py)
            && !error.is_instance_of::<PyRecursionError>(py)
            && !error.is_instance_of::<PyMemoryError>(py);
        if !is_about_it {
            return error;
        }
        let wanted = match self {
            Scalar::Int { .. } => "an integer",
            Scalar::Float | Scalar::Double => "a number",
            Scalar::Bool => "True or False, or 1 or 0",
            Scalar::ComplexFloat | Scalar::ComplexDouble => "a complex number",
            Scalar::Pointer => "None, an address, bytes, an array or a ctypes pointer",
        };
        let shown = match errors::short_repr(object) {
            Ok(shown) => shown,
            Err(interrupt) => return errors::rather(py, error, interrupt),
        };
        if error.is_instance_of::<PyOverflowError>(py) {
            return self.beyond(shown);
        }
        let (class, name) = (errors::type_name(object), self.c_name());
        let text = format!("is {shown} (of type {class}); it must be {wanted}, for {name}");
        errors::new::<PyTypeError>(text)
    }

    /// A Python object of the value at that address.
    ///
    /// # Safety
    /// Such a value is there.
    pub unsafe fn to_python(self, py: Python<'_>, word: &CValue) -> PyResult<Py<PyAny>> {
        // SAFETY: the caller's promise, for each type.
        unsafe {
            let value = match self {
                Scalar::Int { bits: 8, signed: true } => Value::Int(word.get::<i8>().into()),
                Scalar::Int { bits: 16, signed: true } => Value::Int(word.get::<i16>().into()),
                Scalar::Int { bits: 32, signed: true } => Value::Int(word.get::<i32>().into()),
                Scalar::Int { signed: true, .. } => Value::Int(word.get()),
                Scalar::Int { bits: 8, .. } => Value::Uint(word.get::<u8>().into()),
                Scalar::Int { bits: 16, .. } => Value::Uint(word.get::<u16>().into()),
                Scalar::Int { bits: 32, .. } => Value::Uint(word.get::<u32>().into()),
                Scalar::Int { .. } => Value::Uint(word.get()),
                Scalar::Float => Value::Float(word.get::<c_float>().into()),
                Scalar::Double => Value::Float(word.get::<c_double>()),
                Scalar::Bool => Value::Bool(word.get::<u8>() != 0),
                Scalar::ComplexFloat => {
                    let [real, imaginary] = word.get::<[f32; 2]>().map(f64::from);
                    Value::Complex(real, imaginary)
                }
                Scalar::ComplexDouble => {
                    let [real, imaginary] = word.get();
                    Value::Complex(real, imaginary)
                }
                Scalar::Pointer => match word.get::<usize>() {
                    0 => return Ok(py.None()),
                    address => Value::Uint(address as u64),
                },
            };
            element::number(py, value).map(Bound::unbind)
        }
    }
}

/// The least and the most of an integer.
fn range(bits: u16, signed: bool) -> (i64, u64) {
    match signed {
        true => (i64::MIN >> (64 - bits), (i64::MAX >> (64 - bits)) as u64),
        false => (0, u64::MAX >> (64 - bits)),
    }
}
