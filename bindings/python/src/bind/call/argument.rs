//! One array of a call: read once, passed as a descriptor.

use std::ffi::c_void;
use std::{fmt, ptr};

use dlbridge::abi::{DLTensor, Flags};
use dlbridge::{DType, Device, TensorRef};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::engine::acquire;
use crate::frameworks::{numpy, torch};
use crate::support::errors;
use crate::values::descriptor;
use crate::values::tensor::PyTensor;

/// The extents and strides of the arrays of a call. What C sees is a copy: another
/// thread may give an array another shape while C works, and C may write to it.
pub type Numbers = SmallVec<[i64; 32]>;

/// An array on its way to C.
pub struct Slot<'py> {
    /// What C gets, without shape and strides before `fix`. It is not read after the call.
    descriptor: DLTensor,
    dtype: DType,
    device: Device,
    flags: Flags,
    /// Where its extents are among the numbers; its strides follow.
    start: usize,
    /// What keeps the memory, where the caller's object does not.
    tensor: Option<Bound<'py, PyTensor>>,
}

impl<'py> Slot<'py> {
    /// One to read into. It is read where it lies: to copy it takes longer.
    pub fn empty() -> Slot<'py> {
        Slot {
            descriptor: descriptor::EMPTY,
            dtype: DType::UINT8,
            device: Device::CPU,
            flags: Flags::empty(),
            start: 0,
            tensor: None,
        }
    }

    /// Reads what an object is now. `copy` is as in `from_dlpack`.
    #[inline]
    pub fn read(
        &mut self,
        object: &Bound<'py, PyAny>,
        copy: Option<bool>,
        numbers: &mut Numbers,
    ) -> PyResult<()> {
        if numpy::ARRAY.is_exact_type_of(object) {
            return numpy::see(object, |view| {
                self.take(view, numbers);
                Ok(())
            });
        }
        let mut descriptor = descriptor::EMPTY;
        if torch::borrow(object, &mut descriptor)? {
            return self.read_descriptor(&descriptor, numbers);
        }
        self.hold(acquire::tensor_of(object, None, copy)?, numbers);
        Ok(())
    }

    /// Whether an array still is what was read: code of another argument, which ran since,
    /// may have given it other memory.
    pub fn is_still(&self, object: &Bound<'py, PyAny>, numbers: &Numbers) -> PyResult<bool> {
        if self.tensor.is_some() {
            return Ok(true);
        }
        let (mut now, mut found) = (Slot::empty(), Numbers::new());
        now.read(object, Some(false), &mut found)?;
        Ok(now.tensor.is_none()
            && now.descriptor.data == self.descriptor.data
            && (now.dtype, now.device, now.flags) == (self.dtype, self.device, self.flags)
            && found[..] == *self.dims(numbers))
    }

    /// Takes a tensor, which is kept alive. C gets a copy of its descriptor too: the tensor
    /// believes its own, in which C could write shapes that reach foreign memory.
    pub fn hold(&mut self, tensor: Bound<'py, PyTensor>, numbers: &mut Numbers) {
        let core = tensor.get().core();
        self.take(&core.view(), numbers);
        // Where data is a handle, the offset cannot be added to it.
        let DLTensor { data, byte_offset, .. } = *core.descriptor();
        self.descriptor = DLTensor { data, byte_offset, ..self.descriptor };
        self.tensor = Some(tensor);
    }

    /// Takes a descriptor of memory that somebody else keeps alive during the call, as it
    /// is now.
    pub fn read_descriptor(
        &mut self,
        descriptor: &DLTensor,
        numbers: &mut Numbers,
    ) -> PyResult<()> {
        // SAFETY: what has a table of C functions, or was checked by hand, gives
        // descriptors with shapes and strides.
        let view = unsafe { TensorRef::new(descriptor, Flags::empty()) };
        self.take(&view.map_err(errors::exchange)?, numbers);
        Ok(())
    }

    /// Takes what was seen, its data as an address.
    fn take(&mut self, view: &TensorRef<'_>, numbers: &mut Numbers) {
        self.start = numbers.len();
        numbers.extend_from_slice(view.shape());
        numbers.extend_from_slice(&view.layout().strides());
        (self.dtype, self.device, self.flags) = (view.dtype(), view.device(), view.flags());
        self.descriptor = DLTensor {
            data: view.place(),
            device: view.device().raw(),
            ndim: view.shape().len() as i32,
            dtype: view.dtype().raw(),
            ..descriptor::EMPTY
        };
    }

    /// Lets `then` see the tensor, checked.
    #[inline(always)]
    pub fn see<R>(&self, numbers: &Numbers, then: impl FnOnce(&TensorRef<'_>) -> R) -> PyResult<R> {
        if let Some(tensor) = &self.tensor {
            return Ok(then(&tensor.get().core().view()));
        }
        let (shape, strides) = self.dims(numbers).split_at(self.descriptor.ndim as usize);
        let Slot { dtype, device, flags, descriptor: DLTensor { data, .. }, .. } = *self;
        let view = TensorRef::of_parts(dtype, device, flags, data, shape, Some(strides));
        Ok(then(&view.map_err(errors::exchange)?))
    }

    /// Completes the descriptor: the numbers do not move from now on, nor does the slot.
    #[inline]
    pub fn fix(&mut self, numbers: &mut Numbers) -> *mut c_void {
        let ndim = self.descriptor.ndim as usize;
        let numbers = &mut numbers[self.start..self.start + 2 * ndim];
        if numbers[..ndim].contains(&0) {
            // As DLPack has it.
            self.descriptor.data = ptr::null_mut();
        }
        self.descriptor.shape = numbers.as_mut_ptr();
        self.descriptor.strides = self.descriptor.shape.wrapping_add(ndim);
        (&raw mut self.descriptor).cast()
    }

    /// The extents, then the strides.
    pub fn dims<'a>(&self, numbers: &'a Numbers) -> &'a [i64] {
        &numbers[self.start..self.start + 2 * self.descriptor.ndim as usize]
    }

    /// Without shape and strides before `fix`.
    pub fn descriptor(&self) -> &DLTensor {
        &self.descriptor
    }

    /// The address of the first element, also where there is none: C code may not
    /// like NULL.
    pub fn first(&self) -> *mut c_void {
        let DLTensor { data, byte_offset, .. } = self.descriptor;
        data.cast::<u8>().wrapping_add(byte_offset as usize).cast()
    }

    pub fn device(&self) -> Device {
        self.device
    }

    pub fn tensor(&self) -> Option<&Bound<'py, PyTensor>> {
        self.tensor.as_ref()
    }
}

/// An object in error texts: its type, and what is in it.
pub struct Came<'a, 'py>(pub &'a Bound<'py, PyAny>, pub &'a TensorRef<'a>);

impl fmt::Display for Came<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read_only = if self.1.is_read_only() { ", read-only" } else { "" };
        write!(f, "{}: {}{read_only}", errors::type_name(self.0), self.1)
    }
}
