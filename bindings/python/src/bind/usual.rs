//! Arrays that are what nearly all are: NumPy's or PyTorch's, on the host, small, as a
//! signature wants them. They are read and checked in one go.
//!
//! What differs in anything is left to a closer look (`slot` and `dlbridge::check`), which
//! may take it too, or says what is wrong: nothing here makes an error.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use dlbridge::abi::{DLDataType, DLTensor};
use dlbridge::layout::{Dims, Layout};
use dlbridge::spec::{Extent, Order, Place, Types};
use dlbridge::{DType, Device};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::signature::{Kind, Mode, Parameter};
use crate::frameworks::framework::Framework;
use crate::frameworks::{numpy, registry, torch};
use crate::values::descriptor;

/// The most that there is room for: arrays, axes of each, names of extents.
pub const ARRAYS: usize = 6;
const AXES: usize = 6;
pub const NAMES: usize = 8;

/// What takes a closer look: more elements than these, or further from the first one.
const MANY: u64 = 1 << 26;
/// Elements with more bits than these.
const WIDE: u32 = 128;

/// What an array must be.
pub struct Array {
    /// Among those of the call.
    pub index: usize,
    pub dtypes: Dtypes,
    /// None for any shape.
    pub shape: Option<SmallVec<[Extent; 8]>>,
    is_c: bool,
    alignment: u64,
    pub is_written: bool,
    /// Whether C gets the address of the first element only.
    pub is_bare: bool,
}

pub enum Dtypes {
    Any,
    OneOf(SmallVec<[DLDataType; 4]>),
    /// That of the array with this index.
    Same(usize),
}

impl Array {
    /// What the parameter at a place wants; None if that is not usual.
    pub fn of(parameters: &[Parameter], place: usize) -> Option<Array> {
        let parameter = &parameters[place];
        let spec = parameter.kind.spec()?;
        let dtypes = match &spec.types {
            Types::Any => Dtypes::Any,
            Types::OneOf(dtypes) => Dtypes::OneOf(dtypes.iter().map(|dtype| dtype.raw()).collect()),
            Types::Same(name) => {
                // Those that are taken before.
                let before = match parameter.mode {
                    Mode::Out => parameters,
                    _ => &parameters[..place],
                };
                let is_named = |it: &Parameter| it.name == **name && it.mode != Mode::Out;
                let named = before.iter().position(is_named)?;
                Dtypes::Same(index_of(parameters, named))
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
            index: index_of(parameters, place),
            dtypes,
            shape,
            is_c: spec.order.is_some(),
            alignment: spec.alignment,
            is_written: parameter.is_written(),
            is_bare: matches!(parameter.kind, Kind::Elements(_)),
        })
    }
}

/// What a call needs until it returns. It is read through shared references: what C gets
/// are addresses in here.
pub struct Room {
    tensors: [Cell<MaybeUninit<DLTensor>>; ARRAYS],
    /// The extents of each array, then its strides.
    pub numbers: [[Cell<MaybeUninit<i64>>; 2 * AXES]; ARRAYS],
    /// Negative until it is known.
    extents: [Cell<i64>; NAMES],
    /// The framework of the first array.
    pub first: Cell<Option<&'static Framework>>,
    /// Whether one of the arrays is PyTorch's.
    pub has_torch: Cell<bool>,
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
    pub fn new() -> Room {
        Room {
            tensors: [const { Cell::new(MaybeUninit::uninit()) }; ARRAYS],
            numbers: [const { [const { Cell::new(MaybeUninit::uninit()) }; 2 * AXES] }; ARRAYS],
            extents: [const { Cell::new(-1) }; NAMES],
            first: Cell::new(None),
            has_torch: Cell::new(false),
        }
    }

    /// Takes an array as it is now, and gives what C gets of it.
    #[inline]
    pub fn take(&self, array: &Array, object: &Bound<'_, PyAny>) -> Option<NonNull<c_void>> {
        let is_numpy = numpy::ARRAY.is_exact_type_of(object);
        if self.first.get().is_none() {
            let framework = if is_numpy { registry::NUMPY } else { registry::TORCH };
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
        let mut found = descriptor::EMPTY;
        if !torch::borrow_directly(object, &mut found) {
            return None;
        }
        self.has_torch.set(true);
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
            || data as usize as u64 & (array.alignment - 1) != 0
        {
            return None;
        }
        let (shape, strides) = self.numbers[array.index].split_at(ndim);
        let (mut count, mut far, mut is_apart) = (1_u64, 0_u64, true);
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
            is_apart &= steps == 0 || stride.unsigned_abs() > far;
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
        if !is_amid(data, far) {
            return None;
        }
        if array.is_written && !is_apart && !is_injective(ndim, axis, shift) {
            return None;
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
    pub fn tensor(&self, index: usize) -> DLTensor {
        // SAFETY: it was written when the array was taken.
        unsafe { self.tensors[index].get().assume_init() }
    }

    #[inline]
    pub fn meet(&self, wanted: Extent, extent: i64) -> Option<()> {
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

    pub fn known(&self, extent: Extent) -> Option<i64> {
        match extent {
            Extent::Fixed(extent) => Some(extent),
            Extent::Named(name) => Some(self.extents[name].get()).filter(|extent| *extent >= 0),
            Extent::Any | Extent::Rest => None,
        }
    }
}

/// Whether no two indices reach one element, where the axes do not lie in the order of C.
#[cold]
fn is_injective(ndim: usize, axis: impl Fn(usize) -> (i64, i64), shift: u32) -> bool {
    let (shape, strides): (Dims, Dims) =
        (0..ndim).map(&axis).map(|(extent, stride)| (extent, stride >> shift)).unzip();
    Layout::new(8, &shape, Some(&strides)).is_ok_and(|layout| layout.is_injective())
}

/// Whether an array whose elements are as far from the first one is inside the address space.
#[inline]
fn is_amid(data: *mut c_void, far: u64) -> bool {
    /// No system maps memory below.
    const LOWEST: u64 = 1 << 16;
    let reach = (far + 1) * (WIDE / 8) as u64;
    (LOWEST + reach..1 << 62).contains(&(data as usize as u64))
}

/// # Safety
/// `pointer` is NULL or points to `count` integers for `'a`.
#[inline]
unsafe fn dims<'a>(pointer: *const i64, count: usize) -> Option<&'a [i64]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// How many arrays there are before the parameter at a place: the index of its own.
pub fn index_of(parameters: &[Parameter], place: usize) -> usize {
    parameters[..place].iter().filter(|it| it.kind.spec().is_some()).count()
}
