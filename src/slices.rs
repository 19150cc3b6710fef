//! The elements of a tensor as Rust slices.

use std::mem::align_of;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use crate::abi::Flags;
use crate::block::Description;
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::layout::Layout;
use crate::memory;
use crate::tensor::Tensor;

/// A Rust type that is an element type of DLPack.
pub use dlpark::DlpackElement as Element;

impl Tensor {
    /// A tensor over the elements of a vector, which moves in and is not copied. On an
    /// error it is dropped.
    ///
    /// # Errors
    /// `Size` if the shape does not have as many elements as the vector, and
    /// those of [`Tensor::zeros`].
    pub fn from_vec<T: Element + Send + Sync>(elements: Vec<T>, shape: &[i64]) -> Result<Tensor> {
        let dtype = DType::new(T::DTYPE)?;
        let layout = Layout::new(dtype.item_bits(), shape, None)?;
        if usize::try_from(layout.count()) != Ok(elements.len()) {
            fail!(
                Size,
                "shape {shape:?} has {} elements; the vector has {}",
                layout.count(),
                elements.len()
            );
        }
        let mut owner = Box::write(memory::room_for()?, elements);
        let description = Description {
            data: owner.as_mut_ptr().cast(),
            byte_offset: 0,
            device: Device::CPU,
            dtype,
            flags: Flags::empty(),
            shape,
            strides: None,
        };
        let deleter = Deleter::owner(owner, true);
        // SAFETY: on error no block has taken the deleter.
        Tensor::with_deleter(&description, deleter).inspect_err(|_| unsafe { deleter.release() })
    }

    /// The elements of a contiguous tensor on the host.
    ///
    /// # Errors
    /// `Dtype` if the elements are no `T`, `Device` off the host, `Layout` if
    /// they are not in C order without gaps, or not aligned for `T`.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        let (first, count) = self.elements::<T>()?;
        // SAFETY: checked by `elements`. That nobody writes meanwhile is promised
        // where foreign memory came in or a raw handle went out.
        Ok(unsafe { std::slice::from_raw_parts(first, count) })
    }

    /// The elements of a contiguous tensor on the host, to write to.
    ///
    /// # Errors
    /// Those of [`Tensor::as_slice`]; `ReadOnly`; `Shared` if there are other
    /// owners, or the memory came from elsewhere, where owners cannot be known.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        if self.is_read_only() {
            fail!(ReadOnly, "the tensor is read-only; it must be writable");
        }
        // Acquire: what other owners wrote before they went away is seen.
        if !self.is_sole() || self.count_of_owners().load(Ordering::Acquire) != 1 {
            fail!(
                Shared,
                "the tensor has {} owners here, and its memory was made {}; it must have one owner \
                 and memory made here (zeros, from_vec)",
                self.owners(),
                if self.is_sole() { "here" } else { "elsewhere" }
            );
        }
        let (first, count) = self.elements::<T>()?;
        // SAFETY: checked by `elements`, and nobody else has the memory.
        Ok(unsafe { std::slice::from_raw_parts_mut(first, count) })
    }

    fn elements<T: Element>(&self) -> Result<(*mut T, usize)> {
        let tensor = self.view();
        if tensor.dtype.raw() != T::DTYPE {
            fail!(Dtype, "the tensor is {tensor}; its dtype must be {}", DType::trusted(T::DTYPE));
        }
        if !tensor.device.is_host_accessible() {
            fail!(Device, "the tensor is {tensor}; it must be on the host");
        }
        let first = tensor.first().cast::<T>();
        if !tensor.layout.is_c_contiguous() || !first.is_aligned() {
            fail!(
                Layout,
                "the tensor is {tensor} at {first:p}; it must be contiguous and aligned to {} bytes",
                align_of::<T>()
            );
        }
        match tensor.layout.count() {
            0 => Ok((NonNull::dangling().as_ptr(), 0)),
            count => Ok((first, count as usize)),
        }
    }
}
