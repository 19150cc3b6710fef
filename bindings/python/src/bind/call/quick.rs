//! The usual call: arrays of NumPy or PyTorch on the host, as the signature wants them,
//! given by position. It is checked and made in one go, without room for what is rare.
//!
//! What differs in anything is left to a [`super::call_state::CallState`], which begins anew: that
//! may take it too, or says what is wrong. So nothing here makes an error, and nothing
//! that others can see happens before it is sure that the call is made.

use dlbridge::abi::DLTensor;
use dlbridge::cuda::Stream;
use dlbridge::spec::{Extent, Spec};
use dlbridge::{DType, Device};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};
use smallvec::SmallVec;

use crate::bind::call::function::Function;
use crate::bind::call::outputs::Wanted;
use crate::bind::call::plan::{PARAMETERS, Quick, Read, Step};
use crate::bind::call::results::packed;
use crate::bind::call::usual::{Array, Dtypes, Room};
use crate::bind::invoke::value::CValue;
use crate::bind::signature::parsed::{Factor, Measure, Outcome};
use crate::bind::signature::scalar::Scalar;
use crate::frameworks::framework::Framework;
use crate::frameworks::torch;
use crate::support::errors;
use crate::values::audit;

impl Quick {
    /// Makes a call, unless it is not a usual one.
    #[inline(always)]
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        function: &Function,
        given: &[Bound<'py, PyAny>],
    ) -> Option<PyResult<Bound<'py, PyAny>>> {
        if given.len() != self.given || audit::is_on() {
            return None;
        }
        let mut words = [CValue::default(); PARAMETERS];
        let mut made = SmallVec::<[Bound<'py, PyAny>; 2]>::new();
        let room = Room::new();
        for Step { place, read } in &self.steps {
            let word = &mut words[*place];
            match read {
                Read::Given(position, array) => word.set(room.take(array, &given[*position])?),
                Read::Number(position, scalar, extent) => {
                    *word = room.number(&given[*position], *scalar, *extent)?;
                }
                Read::Product(scalar, factors) => {
                    *word = quietly(scalar.word(room.product(factors)?))?
                }
                Read::Acquired(array, spec) => {
                    let object = room.make(py, array, spec, self.like)?;
                    word.set(room.take(array, &object)?);
                    made.push(object);
                }
            }
        }
        if room.has_torch.get() && errors::or_else(py, torch::is_tracing(py), true) {
            return None;
        }
        if !made.is_empty() {
            self.take_again(&room, given, &mut words)?;
        }
        // SAFETY: all words are filled, of the arrays whose objects the caller and `made`
        // hold. That the C function has this signature is what the caller of `bind` said.
        let result = unsafe { function.call(py, &mut words[..self.parameters]) };
        // An array of NumPy has no version, and to find that out takes as long as to read it.
        let marked = if room.has_torch.get() { &self.written[..] } else { &[] };
        for position in marked {
            if let Err(error) = torch::mark_written(&given[*position]) {
                return Some(Err(error));
            }
        }
        if let Err(error) = function.check_status(py, &result) {
            return Some(Err(error));
        }
        match (&function.signature.result, made.is_empty()) {
            (Outcome::Void | Outcome::Status | Outcome::OwnStatus, true) => {
                Some(Ok(py.None().into_bound(py)))
            }
            _ => Some(results(py, function, &result, made)),
        }
    }

    /// Where outputs were made, code of others may have run, and changed what was given.
    #[inline(never)]
    fn take_again(
        &self,
        room: &Room,
        given: &[Bound<'_, PyAny>],
        words: &mut [CValue],
    ) -> Option<()> {
        for Step { place, read } in &self.steps {
            match read {
                Read::Given(position, array) => {
                    words[*place].set(room.take(array, &given[*position])?);
                }
                Read::Product(scalar, factors) => {
                    words[*place] = quietly(scalar.word(room.product(factors)?))?;
                }
                Read::Number(..) | Read::Acquired(..) => {}
            }
        }
        Some(())
    }
}

impl Room {
    /// A number of Python's own types: others run code of their own to become one.
    #[inline]
    fn number(
        &self,
        object: &Bound<'_, PyAny>,
        scalar: Scalar,
        extent: Option<usize>,
    ) -> Option<CValue> {
        if !object.is_exact_instance_of::<PyFloat>() && !object.is_exact_instance_of::<PyInt>() {
            return None;
        }
        let word = quietly(scalar.read(object))?;
        if let Some(name) = extent {
            self.meet(Extent::Named(name), quietly(scalar.as_extent(&word))?)?;
        }
        Some(word)
    }

    fn product(&self, factors: &[Factor]) -> Option<i64> {
        factors.iter().try_fold(1_i64, |product, factor| {
            product.checked_mul(match *factor {
                Factor::Number(number) => number,
                Factor::Extent(name) => self.known(Extent::Named(name))?,
                Factor::Of(index, measure) => self.measure(index, measure),
            })
        })
    }

    fn measure(&self, index: usize, measure: Measure) -> i64 {
        let DLTensor { ndim, dtype, .. } = self.tensor(index);
        let shape = &self.numbers[index][..ndim as usize];
        // SAFETY: as above.
        let size: i64 = shape.iter().map(|extent| unsafe { extent.get().assume_init() }).product();
        match measure {
            Measure::Size => size,
            Measure::Bytes => (size * i64::from(dtype.bits) * i64::from(dtype.lanes) + 7) / 8,
            Measure::Ndim => ndim.into(),
        }
    }

    /// A new array for C to write to.
    fn make<'py>(
        &self,
        py: Python<'py>,
        array: &Array,
        spec: &Spec<'_>,
        like: Option<&'static Framework>,
    ) -> Option<Bound<'py, PyAny>> {
        let mut shape = SmallVec::<[i64; 8]>::new();
        for extent in array.shape.as_ref()? {
            shape.push(self.known(*extent)?);
        }
        let dtype = match &array.dtypes {
            Dtypes::OneOf(dtypes) => dtypes[0],
            Dtypes::Same(index) => self.tensor(*index).dtype,
            Dtypes::Any => return None,
        };
        let dtype = DType::new(dtype).ok()?;
        let wanted =
            Wanted { dtype, shape: &shape, spec, device: Device::CPU, stream: Stream::LEGACY };
        let framework = like.or(self.first.get());
        wanted.is_quiet(py, framework).then(|| quietly(wanted.make(py, framework)))?
    }
}

fn results<'py>(
    py: Python<'py>,
    function: &Function,
    result: &CValue,
    made: SmallVec<[Bound<'py, PyAny>; 2]>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut results = SmallVec::<[Bound<'py, PyAny>; 4]>::new();
    if let Outcome::Scalar(scalar, _) = &function.signature.result {
        // SAFETY: the C function returned such a value.
        let value = unsafe { scalar.to_python(py, &scalar.in_register(result)) }?;
        results.push(value.into_bound(py));
    }
    results.extend(made);
    packed(py, results)
}

/// What a closer look will say again is dropped where PyO3 knows of the GIL, else it keeps
/// the objects for later.
fn quietly<T>(result: PyResult<T>) -> Option<T> {
    #[cold]
    fn forget(error: PyErr) {
        Python::attach(|py| match error.is_instance_of::<PyMemoryError>(py) {
            // The closer look wants the memory too.
            true => drop(error),
            false => errors::defer(py, error),
        });
    }
    result.map_err(forget).ok()
}
