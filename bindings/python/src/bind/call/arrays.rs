//! The arrays of a call, as C gets them: their descriptors, and copies of their extents and
//! strides. Another thread may give an array another shape while C works, and C may write to
//! what it gets.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use dlbridge::abi::{DLDataType, DLTensor, Flags};
use dlbridge::layout::{Dims, Layout};
use dlbridge::spec::Extent;
use dlbridge::{DType, Device, TensorRef};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::bind::call::array_plan::{ArrayPlan, Dtypes};
use crate::bind::call::fill::{fill, fill_in_place};
use crate::engine::reader::Snapshot;
use crate::support::errors;

/// The arrays and names of extents that there is room for without an allocation.
const ARRAYS: usize = 16;
const NAMES: usize = 16;
/// The axes of an array that there is room for beside it.
const AXES: usize = 6;

/// What takes a closer look: more elements than these, or further from the first one.
const MANY: u64 = 1 << 26;
/// Elements with more bits than these.
const WIDE: u32 = 128;

/// What is known of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    /// The caller's object has the memory, and may get other memory.
    Borrowed,
    /// A tensor keeps the memory.
    Held,
}

/// One array. It is written to through shared references: C gets addresses in here.
pub struct Array {
    state: Cell<State>,
    flags: Cell<Flags>,
    /// The address of the first element, also where there is none: C code may not like NULL.
    first: Cell<*mut c_void>,
    /// What C gets. It is not read after the call.
    descriptor: Cell<MaybeUninit<DLTensor>>,
    /// The extents, then the strides.
    dims: [Cell<MaybeUninit<i64>>; 2 * AXES],
}

/// Where the arrays of a call lie, and the extents of names.
pub type ArrayStorage = SmallVec<[Array; ARRAYS]>;
pub type ExtentStorage = SmallVec<[Cell<i64>; NAMES]>;

/// The arrays of a call, and the extents that names have.
pub struct Arrays<'a> {
    arrays: &'a [Array],
    /// Negative until it is known.
    extents: &'a [Cell<i64>],
    /// The extents and strides of arrays with more axes.
    long: RefCell<Vec<Box<[Cell<i64>]>>>,
}

impl<'a> Arrays<'a> {
    /// So many arrays and names.
    #[inline(always)]
    pub fn new(
        (arrays, count): (&'a mut ArrayStorage, usize),
        (extents, names): (&'a mut ExtentStorage, usize),
    ) -> Arrays<'a> {
        Arrays {
            // SAFETY: `make_absent` writes all that is no MaybeUninit.
            arrays: unsafe { fill_in_place(arrays, count, |array| Array::make_absent(array)) },
            extents: fill(extents, names, || Cell::new(-1)),
            long: RefCell::default(),
        }
    }

    /// Takes an array as it is now, if it is what it must be, and returns what C gets. None for
    /// what takes a closer look: the names may have other extents then.
    #[inline]
    pub fn accept(&self, plan: &ArrayPlan, found: &Snapshot) -> Option<*mut c_void> {
        let &Snapshot { data, dtype, ndim, shift, is_writable, .. } = found;
        let is_shape_wanted = plan.shape.as_ref().is_none_or(|shape| shape.len() == ndim);
        if ndim > AXES
            || !is_shape_wanted
            || !self.is_dtype_wanted(plan, dtype)
            || (plan.is_written && !is_writable)
            || data as usize as u64 & (plan.alignment - 1) != 0
        {
            return None;
        }
        let array = &self.arrays[plan.index];
        let (shape, strides) = array.dims.split_at(ndim);
        let (mut count, mut far, mut is_apart) = (1_u64, 0_u64, true);
        for axis in (0..ndim).rev() {
            // SAFETY: the array has that axis, and nothing has run since it was looked at.
            let (extent, scaled) = unsafe { found.axis(axis) };
            let (stride, steps) = (scaled >> shift, (extent as u64).wrapping_sub(1));
            // Neither without elements, nor of a size that could overflow.
            if stride << shift != scaled || steps >= MANY || stride.unsigned_abs() > MANY {
                return None;
            }
            if plan.is_c && steps > 0 && stride as u64 != count {
                return None;
            }
            is_apart &= steps == 0 || stride.unsigned_abs() > far;
            (count, far) = (count * extent as u64, far + steps * stride.unsigned_abs());
            if count > MANY || far > MANY {
                return None;
            }
            if let Some(wanted) = &plan.shape
                && !self.meet(wanted[axis], extent)
            {
                return None;
            }
            shape[axis].set(MaybeUninit::new(extent));
            strides[axis].set(MaybeUninit::new(stride));
        }
        if !is_amid(data, far) || (plan.is_written && !is_apart && !is_injective(shape, strides)) {
            return None;
        }
        array.state.set(State::Borrowed);
        array.flags.set(if is_writable { Flags::empty() } else { Flags::READ_ONLY });
        array.first.set(data);
        array.descriptor.set(MaybeUninit::new(DLTensor {
            data,
            device: Device::CPU.raw(),
            ndim: ndim as i32,
            dtype,
            shape: shape.as_ptr().cast_mut().cast(),
            strides: strides.as_ptr().cast_mut().cast(),
            byte_offset: 0,
        }));
        Some(array.for_c(plan))
    }

    #[inline]
    fn is_dtype_wanted(&self, plan: &ArrayPlan, dtype: DLDataType) -> bool {
        match &plan.dtypes {
            Dtypes::OneOf(wanted) => wanted.contains(&dtype),
            Dtypes::Any => DType::new(dtype).is_ok_and(|dtype| dtype.item_bits() <= WIDE),
            Dtypes::Same(index) => self.dtype(*index) == Some(dtype),
        }
    }

    /// Whether an extent is as wanted. A name without an extent gets it.
    #[inline]
    fn meet(&self, wanted: Extent, extent: i64) -> bool {
        match wanted {
            Extent::Any => true,
            Extent::Fixed(wanted) => wanted == extent,
            Extent::Named(name) if self.extents[name].get() < 0 => {
                self.extents[name].set(extent);
                true
            }
            Extent::Named(name) => self.extents[name].get() == extent,
            Extent::Rest => false,
        }
    }

    /// The extent of a name, if that is known.
    #[inline]
    pub fn extent(&self, name: usize) -> Option<i64> {
        Some(self.extents[name].get()).filter(|extent| *extent >= 0)
    }

    /// Says the extent of a name, or that it is not known.
    #[inline]
    pub fn set_extent(&self, name: usize, extent: Option<i64>) {
        self.extents[name].set(extent.unwrap_or(-1));
    }

    /// Takes an array that was checked elsewhere, and returns what C gets. `data` and its offset
    /// in bytes are told as they are: an offset cannot be added to a handle.
    #[cold]
    pub fn store(
        &self,
        plan: &ArrayPlan,
        view: &TensorRef<'_>,
        (data, byte_offset): (*mut c_void, u64),
        is_held: bool,
    ) -> *mut c_void {
        let array = &self.arrays[plan.index];
        let (extents, strides) = (view.shape(), view.layout().strides());
        let ndim = extents.len();
        let numbers = extents.iter().chain(&strides[..]).copied();
        let shape: *mut i64 = if ndim > AXES {
            let long: Box<[Cell<i64>]> = numbers.map(Cell::new).collect();
            let start = long.as_ptr().cast_mut().cast();
            self.long.borrow_mut().push(long);
            start
        } else {
            array.dims.iter().zip(numbers).for_each(|(cell, it)| cell.set(MaybeUninit::new(it)));
            array.dims.as_ptr().cast_mut().cast()
        };
        array.state.set(if is_held { State::Held } else { State::Borrowed });
        array.flags.set(view.flags());
        array.first.set(view.place());
        // Without elements there is no address, as DLPack has it.
        let is_empty = extents.contains(&0);
        array.descriptor.set(MaybeUninit::new(DLTensor {
            data: if is_empty { ptr::null_mut() } else { data },
            device: view.device().raw(),
            ndim: ndim as i32,
            dtype: view.dtype().raw(),
            shape,
            strides: shape.wrapping_add(ndim),
            byte_offset,
        }));
        array.for_c(plan)
    }

    /// Whether C gets the array at that index.
    #[inline]
    pub fn is_there(&self, index: usize) -> bool {
        self.arrays[index].state.get() != State::Absent
    }

    /// Whether no tensor keeps the memory of that array, so that it may be given other memory.
    pub fn is_borrowed(&self, index: usize) -> bool {
        self.arrays[index].state.get() == State::Borrowed
    }

    /// What C gets of an array.
    pub fn descriptor(&self, index: usize) -> Option<DLTensor> {
        let array = &self.arrays[index];
        // SAFETY: it was written when the array was taken.
        self.is_there(index).then(|| unsafe { array.descriptor.get().assume_init() })
    }

    pub fn dtype(&self, index: usize) -> Option<DLDataType> {
        self.descriptor(index).map(|descriptor| descriptor.dtype)
    }

    /// The extents and the strides of an array, if it is there.
    pub fn dims(&self, index: usize) -> Option<(Dims, Dims)> {
        let DLTensor { shape, strides, ndim, .. } = self.descriptor(index)?;
        let read = |start: *mut i64| {
            // SAFETY: `accept` or `store` wrote as many numbers there, in cells that stay.
            let number = |axis| unsafe { *start.add(axis) };
            (0..ndim as usize).map(number).collect::<Dims>()
        };
        Some((read(shape), read(strides)))
    }

    /// Lets `then` see an array as it was taken, before the call.
    pub fn see<R>(&self, index: usize, then: impl FnOnce(&TensorRef<'_>) -> R) -> PyResult<R> {
        let (descriptor, dims) = (self.descriptor(index), self.dims(index));
        let (descriptor, (shape, strides)) = descriptor.zip(dims).expect("it was taken");
        let array = &self.arrays[index];
        let (first, flags) = (array.first.get(), array.flags.get());
        let view = DType::new(descriptor.dtype).and_then(|dtype| {
            let device = Device::new(descriptor.device)?;
            TensorRef::of_parts(dtype, device, flags, first, &shape, Some(&strides))
        });
        Ok(then(&view.map_err(errors::exchange)?))
    }

    /// Whether an array still is what was taken.
    pub fn is_still(&self, index: usize, now: &TensorRef<'_>) -> PyResult<bool> {
        self.see(index, |before| {
            now.place() == before.place()
                && (now.dtype(), now.device(), now.flags())
                    == (before.dtype(), before.device(), before.flags())
                && now.shape() == before.shape()
                && now.layout().strides()[..] == before.layout().strides()[..]
        })
    }

    /// As `is_still`, of an array on the host that was looked at now.
    pub fn is_still_at_once(&self, index: usize, now: &Snapshot) -> bool {
        let array = &self.arrays[index];
        let Some((shape, strides)) = self.dims(index) else { return false };
        let is_read_only = array.flags.get().contains(Flags::READ_ONLY);
        array.first.get() == now.data
            && self.dtype(index) == Some(now.dtype)
            && is_read_only != now.is_writable
            && shape.len() == now.ndim
            && (0..now.ndim).all(|axis| {
                // SAFETY: the array has that axis, and nothing has run since it was looked at.
                let found = unsafe { now.axis(axis) };
                found == (shape[axis], strides[axis] << now.shift)
            })
    }
}

impl Array {
    /// Makes an array that is absent: what C would get of it is left uninitialised.
    ///
    /// # Safety
    /// `place` is valid for writes of an array.
    #[inline(always)]
    unsafe fn make_absent(place: *mut Array) {
        // SAFETY: the fields are valid for writes.
        unsafe {
            (&raw mut (*place).state).write(Cell::new(State::Absent));
            (&raw mut (*place).flags).write(Cell::new(Flags::empty()));
            (&raw mut (*place).first).write(Cell::new(ptr::null_mut()));
        }
    }

    #[inline]
    fn for_c(&self, plan: &ArrayPlan) -> *mut c_void {
        match plan.is_bare {
            true => self.first.get(),
            false => self.descriptor.as_ptr().cast(),
        }
    }
}

/// Whether no two indices reach one element, where the axes do not lie in the order of C.
#[cold]
fn is_injective(shape: &[Cell<MaybeUninit<i64>>], strides: &[Cell<MaybeUninit<i64>>]) -> bool {
    let read = |cells: &[Cell<MaybeUninit<i64>>]| -> Dims {
        // SAFETY: `accept` has written the extents, and as many strides.
        let number = |cell: &Cell<MaybeUninit<i64>>| unsafe { cell.get().assume_init() };
        cells[..shape.len()].iter().map(number).collect()
    };
    let (shape, strides) = (read(shape), read(strides));
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
