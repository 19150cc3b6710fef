//! The usual call: arrays of NumPy or PyTorch on the host, as the signature wants them,
//! given by position. It is checked and made in one go, without room for what is rare.
//!
//! What differs in anything is left to a [`super::frame::Frame`], which begins anew: that
//! may take it too, or says what is wrong. So nothing here makes an error, and nothing
//! that others can see happens before it is sure that the call is made.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use dlbridge::abi::{DLDataType, DLTensor};
use dlbridge::spec::{Extent, Order, Place, Spec, Types};
use dlbridge::{DType, Device};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};
use smallvec::SmallVec;

use super::arguments::Argument;
use super::function::Function;
use super::grammar::{
    Factor, Kind, Measure, Mode, Outcome, Parameter, Signature, Value, extent_of,
};
use super::output::{self, Wanted};
use super::results::packed;
use super::scalar::{Scalar, Word};
use crate::framework::{self, Framework};
use crate::{audit, numpy, torch};

/// The most that there is room for: parameters, arrays, axes of an array, names.
const PARAMETERS: usize = 12;
const ARRAYS: usize = 6;
const AXES: usize = 6;
const NAMES: usize = 8;

/// What takes a closer look: more elements than these, or further from the first one.
const MANY: u64 = 1 << 26;
/// Elements with more bits than these.
const WIDE: u32 = 128;

/// How the calls of a function are made.
pub struct Quick {
    /// In this order: what has extents, then what needs them.
    steps: Vec<Step>,
    /// How many arguments are given.
    given: usize,
    parameters: usize,
    like: Option<&'static Framework>,
}

/// A parameter.
struct Step {
    /// Among those of C.
    place: usize,
    read: Read,
}

/// Where the word of a parameter comes from.
enum Read {
    /// The array at that position.
    Given(usize, Array),
    /// A new array.
    Made(Array, Box<Spec<'static>>),
    /// The number at that position, which may be an extent.
    Number(usize, Scalar, Option<usize>),
    Product(Scalar, Vec<Factor>),
}

/// What an array must be.
struct Array {
    /// Among those of the call.
    index: usize,
    dtypes: Dtypes,
    /// None for any shape.
    shape: Option<SmallVec<[Extent; 8]>>,
    is_c: bool,
    alignment: u64,
    is_written: bool,
    /// Whether C gets the address of the first element only.
    is_bare: bool,
}

enum Dtypes {
    Any,
    OneOf(SmallVec<[DLDataType; 4]>),
    /// That of the array with this index.
    Same(usize),
}

impl Quick {
    /// None for a function with something that is not usual.
    pub fn of(
        signature: &Signature,
        arguments: &[Argument],
        positional: usize,
        like: Option<&'static Framework>,
    ) -> Option<Quick> {
        let position = |place| arguments[..positional].iter().position(|it| it.place == place);
        let mut steps = Vec::new();
        for (place, parameter) in signature.parameters.iter().enumerate() {
            let read = match (&parameter.kind, parameter.mode) {
                (Kind::Tensor(spec) | Kind::Elements(spec), mode) => {
                    let array = Array::of(signature, place, spec)?;
                    match mode {
                        Mode::Out if parameter.optional || !output::is_plain(spec) => return None,
                        Mode::Out => Read::Made(array, Box::new(spec.clone())),
                        _ => Read::Given(position(place)?, array),
                    }
                }
                (Kind::Scalar(scalar), Mode::In) => match &parameter.value {
                    Value::Product(factors) => {
                        let own = |factor| own_factor(signature, factor);
                        Read::Product(*scalar, factors.iter().map(own).collect())
                    }
                    _ => {
                        let extent = extent_of(parameter, &signature.names);
                        Read::Number(position(place)?, *scalar, extent)
                    }
                },
                _ => return None,
            };
            steps.push(Step { place, read });
        }
        steps.sort_by_key(|step| step.read.rank());
        let arrays = index_of(signature, steps.len());
        let fits = steps.len() <= PARAMETERS && arrays <= ARRAYS && signature.names.len() <= NAMES;
        let is_usual = !matches!(signature.result, Outcome::Text | Outcome::Tensor(_))
            && like.is_none_or(|like| matches!(like.name, "numpy" | "torch"));
        let parameters = steps.len();
        (fits && is_usual).then_some(Quick { steps, given: positional, parameters, like })
    }

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
        let mut words = [Word::default(); PARAMETERS];
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
                    *word = scalar.word(room.product(factors)?).ok()?
                }
                Read::Made(array, spec) => {
                    let object = room.make(py, array, spec, self.like)?;
                    word.set(room.take(array, &object)?);
                    made.push(object);
                }
            }
        }
        // SAFETY: all words are filled, of the arrays whose objects the caller and `made`
        // hold. That the C function has this signature is what the caller of `bind` said.
        let result = unsafe { function.call(py, &mut words[..self.parameters]) };
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
}

impl Read {
    fn rank(&self) -> u8 {
        match self {
            Read::Given(..) => 0,
            Read::Number(..) => 1,
            Read::Made(..) => 2,
            Read::Product(..) => 3,
        }
    }
}

/// How many arrays there are before the parameter at a place: the index of its own.
fn index_of(signature: &Signature, place: usize) -> usize {
    signature.parameters[..place].iter().filter(|it| it.kind.spec().is_some()).count()
}

/// With the index of an array instead of its place.
fn own_factor(signature: &Signature, factor: &Factor) -> Factor {
    match factor {
        Factor::Of(place, measure) => Factor::Of(index_of(signature, *place), *measure),
        other => other.clone(),
    }
}

impl Array {
    fn of(signature: &Signature, place: usize, spec: &Spec<'static>) -> Option<Array> {
        let parameter = &signature.parameters[place];
        let dtypes = match &spec.types {
            Types::Any => Dtypes::Any,
            Types::OneOf(dtypes) => Dtypes::OneOf(dtypes.iter().map(|dtype| dtype.raw()).collect()),
            Types::Same(name) => {
                // Those that are taken before.
                let before = match parameter.mode {
                    Mode::Out => &signature.parameters[..],
                    _ => &signature.parameters[..place],
                };
                let is_named = |it: &Parameter| it.name == **name && it.mode != Mode::Out;
                let named = before.iter().position(is_named)?;
                Dtypes::Same(index_of(signature, named))
            }
        };
        let shape = spec.shape.clone().filter(|shape| shape[..] != [Extent::Rest]);
        let is_on_host = match spec.place {
            None | Some(Place::Anywhere | Place::Host) => true,
            Some(Place::Type(device) | Place::Device(device)) => device == Device::CPU,
        };
        let is_usual = is_on_host
            && !shape.as_ref().is_some_and(|shape| shape.contains(&Extent::Rest))
            && spec.order != Some(Order::Fortran)
            && spec.writable != Some(false);
        is_usual.then(|| Array {
            index: index_of(signature, place),
            dtypes,
            shape,
            is_c: spec.order.is_some(),
            alignment: spec.alignment,
            is_written: parameter.mode != Mode::In || spec.writable == Some(true),
            is_bare: matches!(parameter.kind, Kind::Elements(_)),
        })
    }
}

/// What a call needs until it returns. It is read through shared references: what C gets
/// are addresses in here.
struct Room {
    tensors: [Cell<MaybeUninit<DLTensor>>; ARRAYS],
    /// The extents of each array, then its strides.
    numbers: [[Cell<MaybeUninit<i64>>; 2 * AXES]; ARRAYS],
    /// Negative until it is known.
    extents: [Cell<i64>; NAMES],
    /// The framework of the first array.
    first: Cell<Option<&'static Framework>>,
}

/// What an array is, in the words of its own framework.
struct Seen<Axis> {
    dtype: DLDataType,
    data: *mut c_void,
    ndim: usize,
    /// The extent and the stride of an axis.
    axis: Axis,
    /// The strides are in units of so many bits less than an element.
    shift: u32,
    is_writable: bool,
}

impl Room {
    #[inline(always)]
    fn new() -> Room {
        Room {
            tensors: [const { Cell::new(MaybeUninit::uninit()) }; ARRAYS],
            numbers: [const { [const { Cell::new(MaybeUninit::uninit()) }; 2 * AXES] }; ARRAYS],
            extents: [const { Cell::new(-1) }; NAMES],
            first: Cell::new(None),
        }
    }

    /// Takes an array as it is now, and gives what C gets of it.
    #[inline]
    fn take(&self, array: &Array, object: &Bound<'_, PyAny>) -> Option<NonNull<c_void>> {
        let is_numpy = numpy::ARRAY.is_exact_type_of(object);
        if self.first.get().is_none() {
            let framework = if is_numpy { framework::NUMPY } else { framework::TORCH };
            self.first.set(Some(framework));
        }
        match is_numpy {
            true => self.take_numpy(array, object),
            false => self.take_torch(array, object),
        }
    }

    #[inline]
    fn take_numpy(&self, array: &Array, object: &Bound<'_, PyAny>) -> Option<NonNull<c_void>> {
        let fields = numpy::Fields::of(object);
        let dtype = fields.plain_dtype()?.raw();
        let (shape, strides) = (fields.shape(), fields.strides());
        self.see(
            array,
            Seen {
                dtype,
                data: fields.data(),
                ndim: shape.len(),
                axis: |axis: usize| (shape[axis] as i64, strides[axis] as i64),
                shift: u32::from(dtype.bits / 8).trailing_zeros(),
                is_writable: fields.is_writable(),
            },
        )
    }

    #[inline]
    fn take_torch(&self, array: &Array, object: &Bound<'_, PyAny>) -> Option<NonNull<c_void>> {
        let mut found = torch::NOTHING;
        if !torch::borrow(object, &mut found).ok()? || found.device != Device::CPU.raw() {
            return None;
        }
        let ndim = usize::try_from(found.ndim).ok().filter(|ndim| *ndim <= AXES)?;
        // SAFETY: PyTorch's table gives as many extents and strides as it says.
        let (shape, strides) = unsafe { (dims(found.shape, ndim)?, dims(found.strides, ndim)?) };
        self.see(
            array,
            Seen {
                dtype: found.dtype,
                data: found.data.cast::<u8>().wrapping_add(found.byte_offset as usize).cast(),
                ndim,
                axis: |axis: usize| (shape[axis], strides[axis]),
                shift: 0,
                is_writable: true,
            },
        )
    }

    /// Checks an array, and writes what C sees of it.
    #[inline(always)]
    fn see(
        &self,
        array: &Array,
        seen: Seen<impl Fn(usize) -> (i64, i64)>,
    ) -> Option<NonNull<c_void>> {
        let Seen { dtype, data, ndim, axis, shift, is_writable } = seen;
        let is_shape_wanted = array.shape.as_ref().is_none_or(|shape| shape.len() == ndim);
        if ndim > AXES
            || !is_shape_wanted
            || !self.is_dtype_wanted(array, dtype)
            || (array.is_written && !is_writable)
            || !is_amid(data)
            || data as usize as u64 & (array.alignment - 1) != 0
        {
            return None;
        }
        let (shape, strides) = self.numbers[array.index].split_at(ndim);
        let (mut count, mut far) = (1_u64, 0_u64);
        for place in (0..ndim).rev() {
            let (extent, stride) = axis(place);
            let (stride, steps) = (stride >> shift, (extent as u64).wrapping_sub(1));
            // Neither without elements, nor of a size that could overflow.
            if stride << shift != axis(place).1 || steps >= MANY || stride.unsigned_abs() > MANY {
                return None;
            }
            if array.is_c && steps > 0 && stride as u64 != count {
                return None;
            }
            (count, far) = (count * extent as u64, far + steps * stride.unsigned_abs());
            if count > MANY || far > MANY {
                return None;
            }
            if let Some(wanted) = &array.shape {
                self.meet(wanted[place], extent)?;
            }
            shape[place].set(MaybeUninit::new(extent));
            strides[place].set(MaybeUninit::new(stride));
        }
        let tensor = DLTensor {
            data,
            device: Device::CPU.raw(),
            ndim: ndim as i32,
            dtype,
            shape: shape.as_ptr().cast_mut().cast(),
            strides: strides.as_ptr().cast_mut().cast(),
            byte_offset: 0,
        };
        let cell = &self.tensors[array.index];
        cell.set(MaybeUninit::new(tensor));
        NonNull::new(if array.is_bare { data } else { cell.as_ptr().cast() })
    }

    #[inline]
    fn is_dtype_wanted(&self, array: &Array, dtype: DLDataType) -> bool {
        match &array.dtypes {
            Dtypes::OneOf(wanted) => wanted.contains(&dtype),
            Dtypes::Any => DType::new(dtype).is_ok_and(|dtype| dtype.item_bits() <= WIDE),
            Dtypes::Same(index) => self.tensor(*index).dtype == dtype,
        }
    }

    /// An array that was taken before.
    fn tensor(&self, index: usize) -> DLTensor {
        // SAFETY: it was written when the array was taken.
        unsafe { self.tensors[index].get().assume_init() }
    }

    #[inline]
    fn meet(&self, wanted: Extent, extent: i64) -> Option<()> {
        let holds = match wanted {
            Extent::Any => true,
            Extent::Fixed(wanted) => wanted == extent,
            Extent::Named(name) if self.extents[name].get() < 0 => {
                self.extents[name].set(extent);
                extent >= 0
            }
            Extent::Named(name) => self.extents[name].get() == extent,
            Extent::Rest => false,
        };
        holds.then_some(())
    }

    fn known(&self, extent: Extent) -> Option<i64> {
        match extent {
            Extent::Fixed(extent) => Some(extent),
            Extent::Named(name) => Some(self.extents[name].get()).filter(|extent| *extent >= 0),
            Extent::Any | Extent::Rest => None,
        }
    }

    /// A number of Python's own types: others run code of their own to become one.
    #[inline]
    fn number(
        &self,
        object: &Bound<'_, PyAny>,
        scalar: Scalar,
        extent: Option<usize>,
    ) -> Option<Word> {
        if !object.is_exact_instance_of::<PyFloat>() && !object.is_exact_instance_of::<PyInt>() {
            return None;
        }
        let word = scalar.read(object).ok()?;
        if let Some(name) = extent {
            self.meet(Extent::Named(name), scalar.as_extent(&word).ok()?)?;
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
        let wanted = Wanted { dtype, shape: &shape, spec, device: Device::CPU };
        wanted.make(py, like.or(self.first.get())).ok()
    }
}

/// Whether a small array at that address is far from both ends of the address space.
#[inline]
fn is_amid(data: *mut c_void) -> bool {
    (1 << 32..1 << 62).contains(&(data as usize as u64))
}

/// # Safety
/// `pointer` is NULL or points to `count` integers for `'a`.
#[inline]
unsafe fn dims<'a>(pointer: *const i64, count: usize) -> Option<&'a [i64]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer, count) })
}

fn results<'py>(
    py: Python<'py>,
    function: &Function,
    result: &Word,
    made: SmallVec<[Bound<'py, PyAny>; 2]>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut results = SmallVec::<[Bound<'py, PyAny>; 4]>::new();
    if let Outcome::Scalar(scalar) = function.signature.result {
        // SAFETY: the C function returned such a value.
        let value = unsafe { scalar.to_python(py, &scalar.in_register(result)) }?;
        results.push(value.into_bound(py));
    }
    results.extend(made);
    packed(py, results)
}
