//! Arrays as NumPy describes them: strides in bytes, which need be no multiple of an
//! element, and elements in either byte order. DLPack can have such an array as it is, or
//! only as a copy.

use std::ffi::c_void;

use crate::abi::{DLDataTypeCode, Flags};
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::layout::{Dims, Layout, c_strides, dims};
use crate::memory;
use crate::strided::copy_elements;
use crate::tensor::Tensor;
use crate::tensor_ref::{TensorRef, storage_bits};

/// An array, on the host unless something else is said.
#[derive(Debug)]
pub struct RawArray {
    /// The element type.
    pub dtype: DType,
    /// Whether the elements are in the byte order of another machine.
    pub is_swapped: bool,
    /// The extents.
    pub shape: Dims,
    /// The strides in bytes, or `None` for C order.
    pub byte_strides: Option<Dims>,
    /// The first element.
    pub data: *mut c_void,
    /// `READ_ONLY`, `IS_SUBBYTE_TYPE_PADDED`.
    pub flags: Flags,
}

impl RawArray {
    /// Whether DLPack can have it as it is; if not, [`RawArray::copied`] helps.
    ///
    /// # Errors
    /// `ByteOrder` for that of another machine, `Strides` if one is not a multiple of the
    /// element size.
    pub fn check(&self) -> Result<()> {
        if self.is_swapped {
            fail!(
                ByteOrder,
                "the elements, {}, are in the byte order of another machine, and DLPack has native order \
                 only: in NumPy x.astype(x.dtype.newbyteorder(\"=\")) converts",
                self.dtype
            );
        }
        let mut strides = dims(self.byte_strides.as_deref().unwrap_or_default())?;
        scale_to_elements(self.item_bytes(), &self.shape, &mut strides)
    }

    /// A tensor on the memory.
    ///
    /// # Errors
    /// Those of [`RawArray::check`], and of [`TensorRef::new`]. The deleter then stays the
    /// caller's.
    ///
    /// # Safety
    /// The memory is as [`Tensor::wrap`] demands.
    pub unsafe fn wrap(&self, deleter: Deleter) -> Result<Tensor> {
        // SAFETY: the caller's promise.
        unsafe { self.wrap_on(Device::CPU, deleter) }
    }

    /// As [`RawArray::wrap`], for memory of another device.
    ///
    /// # Errors
    /// Those of [`RawArray::wrap`].
    ///
    /// # Safety
    /// The memory is as [`Tensor::wrap`] demands.
    pub unsafe fn wrap_on(&self, device: Device, deleter: Deleter) -> Result<Tensor> {
        self.check()?;
        let RawArray { dtype, shape, data, flags, .. } = self;
        let strides = self.byte_strides.as_deref();
        // SAFETY: the caller's promise.
        unsafe { from_values(*dtype, shape, strides, *data, device, *flags, deleter) }
    }

    /// A copy in C order and in native byte order, writable, which the caller alone owns
    /// (flag `IS_COPIED`).
    ///
    /// # Errors
    /// Those of [`TensorRef::new`], `Dtype` for elements that are parts of bytes, `Memory`.
    ///
    /// # Safety
    /// The memory is readable, and nobody writes to it meanwhile.
    pub unsafe fn copied(&self) -> Result<Tensor> {
        let bytes = AsBytes::of(self)?;
        // SAFETY: the caller's promise; all of the copy, which is new, is written.
        unsafe {
            let copy = Tensor::empty(self.dtype, &self.shape)?;
            let target = copy.data_ptr().cast::<u8>();
            let AsBytes { shape, strides, packed } = &bytes;
            copy_elements(shape, self.data.cast(), strides, target, packed, 1)?;
            self.swap(&copy);
            Ok(copy.mark_copied())
        }
    }

    /// Copies the elements of a tensor into the array.
    ///
    /// # Errors
    /// Nothing was written then. `Shape` or `Dtype` if it has others, `ReadOnly` and
    /// `Overlap` for an array that must not be written to, or that may reach an element
    /// twice, and those of [`Tensor::copy_of`].
    ///
    /// # Safety
    /// The memory of the array is writable, that of the tensor readable, and nobody else
    /// uses either meanwhile.
    pub unsafe fn write(&self, source: TensorRef<'_>) -> Result<()> {
        let bytes = AsBytes::of(self)?;
        if source.shape() != &self.shape[..] {
            fail!(Shape, "source is {source}; its shape must be {:?}", &self.shape[..]);
        }
        if source.dtype() != self.dtype {
            fail!(Dtype, "source is {source}; its dtype must be {}", self.dtype);
        }
        if self.flags.contains(Flags::READ_ONLY) {
            fail!(ReadOnly, "the array is read-only; it must be writable");
        }
        if !bytes.is_injective() {
            fail!(
                Overlap,
                "two indices of the array may reach the same bytes; each must have its own"
            );
        }
        // SAFETY: the caller's promise; the copy is in C order.
        unsafe {
            let copy = Tensor::copy_of(source)?;
            self.swap(&copy);
            let from = copy.data_ptr().cast::<u8>();
            let AsBytes { shape, strides, packed } = &bytes;
            copy_elements(shape, from, packed, self.data.cast(), strides, 1)?;
        }
        Ok(())
    }

    /// Whether no two indices reach the same bytes, as far as can be told: see
    /// [`Layout::is_injective`]. False also for what cannot be copied.
    pub fn is_injective(&self) -> bool {
        AsBytes::of(self).is_ok_and(|bytes| bytes.is_injective())
    }

    /// The bytes from one element to the next one without gaps.
    fn item_bytes(&self) -> i64 {
        i64::from(storage_bits(self.dtype, self.flags).div_ceil(8))
    }

    /// Reverses the bytes of each number of a copy in C order, if they are swapped.
    ///
    /// # Safety
    /// Nobody else uses the copy.
    unsafe fn swap(&self, copy: &Tensor) {
        if !self.is_swapped || copy.layout().count() == 0 {
            return;
        }
        // Both parts of a complex number are numbers.
        let parts = if self.dtype.raw().code == DLDataTypeCode::COMPLEX { 2 } else { 1 };
        let number = self.item_bytes() as usize / parts;
        let bytes = copy.layout().bytes() as usize;
        // SAFETY: the elements lie in a row, and the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts_mut(copy.data_ptr().cast::<u8>(), bytes) };
        match number {
            2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|it| it.reverse()),
            4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|it| it.reverse()),
            8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|it| it.reverse()),
            _ => bytes.chunks_exact_mut(number).for_each(<[u8]>::reverse),
        }
    }
}

/// A tensor over the memory that the values of an `__array_interface__`
/// dictionary describe, or one like it for other devices, with strides in bytes
/// or `None` for C order. With `IS_SUBBYTE_TYPE_PADDED` in the flags, elements
/// that are parts of bytes take a whole one each.
///
/// # Errors
/// `Strides` if a stride is not a multiple of the element size, and those of
/// [`TensorRef::new`]. The deleter then stays the caller's.
///
/// # Safety
/// The memory is as [`Tensor::wrap`] demands.
pub unsafe fn from_values(
    dtype: DType,
    shape: &[i64],
    byte_strides: Option<&[i64]>,
    data: *mut c_void,
    device: Device,
    flags: Flags,
    deleter: Deleter,
) -> Result<Tensor> {
    let size = i64::from(storage_bits(dtype, flags).div_ceil(8));
    let mut strides = byte_strides.map(dims).transpose()?;
    if let Some(strides) = &mut strides {
        scale_to_elements(size, shape, strides)?;
    }
    let tensor = TensorRef::of_parts(dtype, device, flags, data, shape, strides.as_deref())?;
    // SAFETY: the caller's promise.
    unsafe { Tensor::wrap(tensor, deleter) }
}

/// Strides in elements of `size` bytes, in place of strides in bytes.
///
/// # Errors
/// `Strides` if one is not a multiple of the element size, unless nothing is reached
/// through its axis.
pub fn scale_to_elements(size: i64, shape: &[i64], strides: &mut [i64]) -> Result<()> {
    // Shifts, since division takes long and all of NumPy's sizes are powers of two.
    let shift = size.trailing_zeros();
    for (axis, stride) in strides.iter_mut().enumerate() {
        let bytes = *stride;
        *stride = if size == 1 << shift { bytes >> shift } else { bytes / size };
        if *stride * size == bytes {
            continue;
        }
        // Nothing is reached through an axis of extent 0 or 1.
        if shape.get(axis).is_none_or(|extent| *extent > 1) && !shape.contains(&0) {
            fail!(
                Strides,
                "strides[{axis}] is {bytes} bytes; it must be a multiple of the element size, {size} bytes, \
                 since DLPack counts strides in elements"
            );
        }
    }
    Ok(())
}

/// The array and its copy as single bytes: one axis more, whose strides are in bytes as all
/// of them.
struct AsBytes {
    shape: Dims,
    strides: Dims,
    /// Those of the copy.
    packed: Dims,
}

impl AsBytes {
    /// Checks that no address overflows.
    fn of(array: &RawArray) -> Result<AsBytes> {
        let item = array.item_bytes();
        let mut packed = dims(&c_strides(&array.shape))?;
        packed.iter_mut().for_each(|stride| *stride = stride.saturating_mul(item));
        let mut strides = dims(array.byte_strides.as_deref().unwrap_or(&packed))?;
        let RawArray { data, flags, .. } = *array;
        // The bytes of the copy, then the distances in the array.
        Layout::new(8 * item as u32, &array.shape, None)?;
        let flags = flags & Flags::READ_ONLY;
        let (shape, between) = (&array.shape, Some(&strides[..]));
        let view = TensorRef::of_parts(DType::UINT8, Device::CPU, flags, data, shape, between)?;
        if view.layout().byte_range().end.checked_add(item).is_none() {
            fail!(Strides, "strides {:?} in bytes reach too far: addresses overflow", &strides[..]);
        }
        let mut shape = dims(&array.shape)?;
        memory::push(&mut shape, item)?;
        memory::push(&mut strides, 1)?;
        memory::push(&mut packed, 1)?;
        Ok(AsBytes { shape, strides, packed })
    }

    fn is_injective(&self) -> bool {
        Layout::trusted(8, &self.shape, &self.strides).is_injective()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    /// An array in bytes that the test keeps, whose first element is at that byte of them.
    fn array(
        dtype: DType,
        shape: &[i64],
        strides: Option<&[i64]>,
        is_swapped: bool,
        (bytes, first): (&mut [u8], usize),
    ) -> RawArray {
        RawArray {
            dtype,
            is_swapped,
            shape: Dims::from_slice(shape),
            byte_strides: strides.map(Dims::from_slice),
            data: bytes.as_mut_ptr().wrapping_add(first).cast(),
            flags: Flags::empty(),
        }
    }

    fn copied(array: &RawArray) -> Tensor {
        // SAFETY: the bytes live, and nobody writes to them.
        unsafe { array.copied() }.unwrap()
    }

    /// Numbers of five bytes each: one of padding, then four in that order.
    fn packed(numbers: &[u32], is_swapped: bool) -> Vec<u8> {
        let order = |number: &u32| match is_swapped {
            true => number.swap_bytes().to_ne_bytes(),
            false => number.to_ne_bytes(),
        };
        numbers.iter().flat_map(|number| [&[0xff], &order(number)[..]].concat()).collect()
    }

    #[test]
    fn copies_gather_elements_between_bytes_of_others() {
        for is_swapped in [false, true] {
            let mut bytes = packed(&[1, 2, 3, 4, 5, 6], is_swapped);
            let strides: Option<&[i64]> = Some(&[10, 5]);
            let whole = array(DType::UINT32, &[3, 2], strides, is_swapped, (&mut bytes, 1));
            assert!(whole.check().is_err());
            let copy = copied(&whole);
            assert_eq!(copy.as_slice::<u32>().unwrap(), [1, 2, 3, 4, 5, 6]);
            assert!(copy.flags().contains(Flags::IS_COPIED) && !copy.is_read_only());
            let transposed =
                array(DType::UINT32, &[2, 3], Some(&[5, 10]), is_swapped, (&mut bytes, 1));
            assert_eq!(copied(&transposed).as_slice::<u32>().unwrap(), [1, 3, 5, 2, 4, 6]);
            let reversed = array(DType::UINT32, &[6], Some(&[-5]), is_swapped, (&mut bytes, 26));
            assert_eq!(copied(&reversed).as_slice::<u32>().unwrap(), [6, 5, 4, 3, 2, 1]);
        }
    }

    #[test]
    fn each_part_of_a_complex_number_is_swapped() {
        let parts = [1.5_f64, -2.0, 3.0, 4.25];
        let mut bytes: Vec<u8> =
            parts.iter().flat_map(|part| part.to_bits().swap_bytes().to_ne_bytes()).collect();
        let copy = copied(&array(DType::COMPLEX128, &[2], None, true, (&mut bytes, 0)));
        // SAFETY: four numbers of 8 bytes.
        let found = unsafe { std::slice::from_raw_parts(copy.data_ptr().cast::<f64>(), 4) };
        assert_eq!(found, parts);
    }

    #[test]
    fn numbers_of_every_width_are_swapped() {
        for bytes in [1_i64, 2, 4, 8] {
            let dtype: DType = format!("uint{}", 8 * bytes).parse().unwrap();
            let mut memory: Vec<u8> = (0..24).collect();
            let copy = copied(&array(dtype, &[24 / bytes], None, true, (&mut memory, 0)));
            // SAFETY: 24 bytes.
            let found = unsafe { std::slice::from_raw_parts(copy.data_ptr().cast::<u8>(), 24) };
            let expected: Vec<u8> =
                memory.chunks(bytes as usize).flat_map(|it| it.iter().rev().copied()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn tensors_are_written_into_arrays() {
        let numbers = Tensor::from_vec(vec![7_u32, 8, 9], &[3]).unwrap();
        for is_swapped in [false, true] {
            let mut bytes = packed(&[1, 2, 3], is_swapped);
            let target = array(DType::UINT32, &[3], Some(&[5]), is_swapped, (&mut bytes, 1));
            // SAFETY: the bytes live, and nobody else uses them.
            unsafe { target.write(numbers.view()) }.unwrap();
            assert_eq!(bytes, packed(&[7, 8, 9], is_swapped));
        }
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let numbers = Tensor::from_vec(vec![7_u32, 8, 9], &[3]).unwrap();
        let bytes = packed(&[1, 2, 3], false);
        let refused = |change: &dyn Fn(&mut RawArray)| {
            let mut memory = bytes.clone();
            let mut target = array(DType::UINT32, &[3], Some(&[5]), false, (&mut memory, 1));
            change(&mut target);
            // SAFETY: nothing is written.
            unsafe { target.write(numbers.view()) }.unwrap_err().status()
        };
        assert_eq!(refused(&|array| array.shape = Dims::from_slice(&[2])), Status::Shape);
        assert_eq!(refused(&|array| array.dtype = DType::INT32), Status::Dtype);
        assert_eq!(refused(&|array| array.flags = Flags::READ_ONLY), Status::ReadOnly);
        assert_eq!(
            refused(&|array| array.byte_strides = Some(Dims::from_slice(&[3]))),
            Status::Overlap
        );
        assert_eq!(refused(&|array| array.data = std::ptr::null_mut()), Status::Data);
        let far = Some(Dims::from_slice(&[i64::MAX]));
        assert_eq!(refused(&|array| array.byte_strides.clone_from(&far)), Status::Strides);
    }

    #[test]
    fn what_dlpack_can_have_is_wrapped() {
        let mut bytes = packed(&[1, 2], false);
        let mut whole = array(DType::UINT8, &[2, 4], Some(&[5, 1]), true, (&mut bytes, 1));
        // Single bytes have no order.
        whole.is_swapped = false;
        // SAFETY: there is nothing to call, and the bytes live.
        let deleter = || unsafe { Deleter::callback(std::ptr::null_mut(), None) };
        // SAFETY: as above.
        let tensor = unsafe { whole.wrap(deleter()) }.unwrap();
        assert_eq!(tensor.strides(), [5, 1]);
        whole.is_swapped = true;
        // SAFETY: as above.
        let error = unsafe { whole.wrap(deleter()) }.unwrap_err();
        assert_eq!(error.status(), Status::ByteOrder);
        assert!(array(DType::UINT32, &[1], Some(&[5]), false, (&mut bytes, 0)).check().is_ok());
        assert!(
            array(DType::UINT32, &[0, 3], Some(&[5, 5]), false, (&mut bytes, 0)).check().is_ok()
        );
    }
}
