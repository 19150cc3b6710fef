//! NumPy's array interface, version 3: the C struct behind `__array_struct__`
//! and the values of an `__array_interface__` dictionary.
//!
//! Rules: <https://numpy.org/doc/stable/reference/arrays.interface.html>

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomPinned;

use crate::abi::{DLDataType, DLDataTypeCode, Flags, MAX_NDIM};
use crate::deleter::Deleter;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::inline_dims::InlineDims;
use crate::layout::Dims;
use crate::memory;
use crate::raw_array::RawArray;
pub use crate::raw_array::{from_values, scale_to_elements};
use crate::tensor::Tensor;
use crate::tensor_ref::TensorRef;
use crate::text::Text;

/// The `PyArrayInterface` of NumPy: what the capsule of `__array_struct__`
/// points to. `shape` and `strides` have `nd` entries, strides in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ArrayInterface {
    /// 2, as a check that it is this struct.
    pub two: c_int,
    /// The number of dimensions.
    pub nd: c_int,
    /// The letter of the typestr.
    pub typekind: c_char,
    /// The bytes of one element.
    pub itemsize: c_int,
    /// `DLBRIDGE_ARRAY_...` bits.
    pub flags: c_int,
    /// The extents.
    pub shape: *mut isize,
    /// The strides in bytes.
    pub strides: *mut isize,
    /// The first element.
    pub data: *mut c_void,
    /// A Python object that describes fields, or NULL: not read here.
    pub descr: *mut c_void,
}

/// The elements lie in C order without gaps.
pub const ARRAY_C_CONTIGUOUS: c_int = 0x1;
/// The elements lie in Fortran order without gaps.
pub const ARRAY_F_CONTIGUOUS: c_int = 0x2;
/// The data and the strides are multiples of the element's alignment.
pub const ARRAY_ALIGNED: c_int = 0x100;
/// The elements are in native byte order.
pub const ARRAY_NOTSWAPPED: c_int = 0x200;
/// The data may be written to.
pub const ARRAY_WRITEABLE: c_int = 0x400;
/// `descr` is set.
pub const ARRAY_HAS_DESCR: c_int = 0x800;

impl ArrayInterface {
    /// What the struct describes, in whatever byte order and with whatever strides.
    ///
    /// # Errors
    /// `Interface` if `two` is not 2, `Ndim`, `Dtype`, `Shape`.
    ///
    /// # Safety
    /// `shape` and `strides` have `nd` entries.
    pub unsafe fn describe(&self) -> Result<RawArray> {
        if self.two != 2 {
            fail!(Interface, "two is {}; it must be 2, else this is no array interface", self.two);
        }
        let Some(ndim) = usize::try_from(self.nd).ok().filter(|ndim| *ndim <= MAX_NDIM) else {
            fail!(Ndim, "nd is {}; it must be 0 to {MAX_NDIM}", self.nd);
        };
        let kind = char::from(self.typekind as u8);
        let swapped = self.flags & ARRAY_NOTSWAPPED == 0 && self.itemsize > 1;
        let order = match (swapped, cfg!(target_endian = "little")) {
            (false, _) => '=',
            (true, true) => '>',
            (true, false) => '<',
        };
        let typestr = Text::<24>::of(format_args!("{order}{kind}{}", self.itemsize));
        let typestr = typestr.as_deref().unwrap_or_default();
        let (dtype, is_swapped) = DType::from_typestr_of_any_order(typestr)?;
        let read_only = self.flags & ARRAY_WRITEABLE == 0;
        // SAFETY: the caller's promise.
        let [shape, strides] = unsafe {
            [
                integers(self.shape, ndim, "shape")?,
                match self.strides.is_null() {
                    true => Dims::new(),
                    false => integers(self.strides, ndim, "strides")?,
                },
            ]
        };
        Ok(RawArray {
            dtype,
            is_swapped,
            shape,
            byte_strides: (!self.strides.is_null()).then_some(strides),
            data: self.data,
            flags: if read_only { Flags::READ_ONLY } else { Flags::empty() },
        })
    }
}

/// A tensor over the memory of an array interface struct. Shape and strides are
/// copied; `deleter` is released after the last owner, and stays the caller's on
/// error.
///
/// # Errors
/// `ByteOrder` without the flag `ARRAY_NOTSWAPPED`, `Strides` if a stride is not a
/// multiple of the element size, those of [`ArrayInterface::describe`] and of
/// [`TensorRef::new`].
///
/// # Safety
/// `shape` and `strides` have `nd` entries, and the memory is as
/// [`Tensor::wrap`] demands.
pub unsafe fn from_struct(interface: &ArrayInterface, deleter: Deleter) -> Result<Tensor> {
    // SAFETY: the caller's promise.
    unsafe { interface.describe()?.wrap(deleter) }
}

/// An array interface struct with its shape, its strides, and an owner of the
/// tensor that it describes.
#[repr(C)]
pub struct ArrayStruct {
    /// First, so that its address is that of the whole.
    interface: ArrayInterface,
    shape: [isize; MAX_NDIM],
    strides: [isize; MAX_NDIM],
    tensor: Tensor,
    /// `interface` points to `shape` and `strides`. A box of an `Unpin` type claims its
    /// memory alone whenever it moves, which would make these pointers invalid.
    _pinned: PhantomPinned,
}

impl ArrayStruct {
    /// Describes a tensor on the host; the result is one of its owners.
    ///
    /// # Errors
    /// `Device` off the host, `Dtype` if NumPy's interface has no such type, `Memory`.
    pub fn new(tensor: &Tensor) -> Result<Box<ArrayStruct>> {
        let view = tensor.view();
        check_host(&view)?;
        let typestr = view.dtype().short_typestr()?;
        let mut strides = InlineDims::new();
        let strides = view.layout.strides_in(&mut strides);
        view.layout.scale_to_bytes(strides)?;
        let mut flags = ARRAY_NOTSWAPPED;
        for (bit, set) in [
            (ARRAY_C_CONTIGUOUS, view.layout.is_c_contiguous()),
            (ARRAY_F_CONTIGUOUS, view.layout.is_f_contiguous()),
            (ARRAY_ALIGNED, is_aligned(&view, strides)),
            (ARRAY_WRITEABLE, !tensor.is_read_only()),
        ] {
            flags |= bit * c_int::from(set);
        }
        let room = memory::room_for()?;
        let whole = ArrayStruct {
            interface: ArrayInterface {
                two: 2,
                nd: view.shape().len() as c_int,
                typekind: typestr.chars().nth(1).unwrap_or('V') as c_char,
                itemsize: view.dtype().item_bytes().unwrap_or(0) as c_int,
                flags,
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                data: view.first(),
                descr: std::ptr::null_mut(),
            },
            shape: [0; MAX_NDIM],
            strides: [0; MAX_NDIM],
            tensor: tensor.share()?,
            _pinned: PhantomPinned,
        };
        let mut whole = Box::write(room, whole);
        for (axis, (extent, stride)) in view.shape().iter().zip(&*strides).enumerate() {
            whole.shape[axis] = *extent as isize;
            whole.strides[axis] = *stride as isize;
        }
        whole.interface.shape = whole.shape.as_mut_ptr();
        whole.interface.strides = whole.strides.as_mut_ptr();
        Ok(whole)
    }

    /// The tensor that the struct keeps alive.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }
}

/// The values of an `__array_interface__` dictionary that a tensor's own fields
/// do not have.
pub struct Values {
    /// For example `<f4`.
    pub typestr: String,
    /// The strides in bytes.
    pub byte_strides: Dims,
}

impl Values {
    /// # Errors
    /// `Device` off the host, `Dtype` if there is no typestr, `Memory`.
    pub fn of(tensor: &TensorRef<'_>) -> Result<Values> {
        check_host(tensor)?;
        Ok(Values {
            typestr: tensor.dtype().typestr()?,
            byte_strides: tensor.layout().byte_strides()?,
        })
    }
}

pub(crate) fn check_host(tensor: &TensorRef<'_>) -> Result<()> {
    if !tensor.device().is_host_accessible() {
        fail!(
            Device,
            "the tensor is {tensor}; it must be on the host, since the array interface has no devices"
        );
    }
    Ok(())
}

fn is_aligned(tensor: &TensorRef<'_>, byte_strides: &[i64]) -> bool {
    // A complex number is aligned as its parts; no element needs more than 16.
    let DLDataType { code, bits, .. } = tensor.dtype().raw();
    let parts = if code == DLDataTypeCode::COMPLEX { 2 } else { 1 };
    let alignment = i64::from(bits / 8 / parts).clamp(1, 16);
    let moving = tensor.shape().iter().zip(byte_strides).filter(|(extent, _)| **extent > 1);
    tensor.first() as usize as i64 % alignment == 0
        && moving.into_iter().all(|(_, stride)| stride % alignment == 0)
}

/// # Safety
/// `pointer` is NULL or points to `count` readable integers.
unsafe fn integers(pointer: *const isize, count: usize, field: &str) -> Result<Dims> {
    if count == 0 {
        return Ok(Dims::new());
    }
    if pointer.is_null() {
        fail!(Shape, "{field} is NULL with nd {count}; it must point to {count} integers");
    }
    // SAFETY: the caller's promise.
    let values = unsafe { std::slice::from_raw_parts(pointer, count) };
    Ok(memory::collect(values.iter().map(|value| *value as i64))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{DLDevice, DLTensor};
    use crate::device::Device;
    use crate::{Slice, Status};

    fn numbers() -> Tensor {
        Tensor::from_vec((0..6).collect::<Vec<i32>>(), &[2, 3]).unwrap()
    }

    /// A deleter that needs no release: the test keeps the memory.
    fn borrowed() -> Deleter {
        // SAFETY: there is nothing to call.
        unsafe { Deleter::callback(std::ptr::null_mut(), None) }
    }

    fn back(interface: &ArrayInterface) -> Result<Tensor> {
        // SAFETY: the struct belongs to a tensor that the test keeps.
        unsafe { from_struct(interface, borrowed()) }
    }

    #[test]
    fn the_struct_has_numpys_layout() {
        use std::mem::{offset_of, size_of};
        assert_eq!(size_of::<ArrayInterface>(), 56);
        assert_eq!(offset_of!(ArrayInterface, flags), 16);
        assert_eq!(offset_of!(ArrayInterface, shape), 24);
        assert_eq!(offset_of!(ArrayInterface, descr), 48);
        assert_eq!(offset_of!(ArrayStruct, interface), 0);
    }

    #[test]
    fn tensors_go_there_and_back() {
        let base = numbers();
        let reversed = base.slice(&[Slice { step: -1, ..Slice::FULL }]).unwrap();
        let transposed = base.permute(&[1, 0]).unwrap();
        let scalar = base.select(0, 1).unwrap().select(0, 2).unwrap();
        let read_only = base.share_read_only().unwrap();
        for tensor in [base, reversed, transposed, scalar, read_only] {
            let whole = ArrayStruct::new(&tensor).unwrap();
            let other = back(&whole.interface).unwrap();
            assert_eq!(other.data_ptr(), tensor.data_ptr());
            assert_eq!(other.shape(), tensor.shape());
            assert_eq!(other.strides(), tensor.strides());
            assert_eq!(other.dtype(), tensor.dtype());
            assert_eq!(other.is_read_only(), tensor.is_read_only());
        }
    }

    #[test]
    fn the_flags_say_what_holds() {
        let base = numbers();
        let flags = |tensor: &Tensor| ArrayStruct::new(tensor).unwrap().interface.flags;
        let always = ARRAY_ALIGNED | ARRAY_NOTSWAPPED;
        assert_eq!(flags(&base), always | ARRAY_WRITEABLE | ARRAY_C_CONTIGUOUS);
        let transposed = base.permute(&[1, 0]).unwrap();
        assert_eq!(flags(&transposed), always | ARRAY_WRITEABLE | ARRAY_F_CONTIGUOUS);
        let both = always | ARRAY_C_CONTIGUOUS | ARRAY_F_CONTIGUOUS;
        assert_eq!(flags(&base.select(0, 0).unwrap().share_read_only().unwrap()), both);
    }

    #[test]
    fn malformed_structs_are_refused() {
        let base = numbers();
        let whole = ArrayStruct::new(&base).unwrap();
        let refused = |change: &dyn Fn(&mut ArrayInterface)| {
            let mut interface = whole.interface;
            change(&mut interface);
            back(&interface).unwrap_err().status()
        };
        assert_eq!(refused(&|array| array.two = 3), Status::Interface);
        assert_eq!(refused(&|array| array.nd = -1), Status::Ndim);
        assert_eq!(refused(&|array| array.nd = 65), Status::Ndim);
        assert_eq!(refused(&|array| array.shape = std::ptr::null_mut()), Status::Shape);
        assert_eq!(refused(&|array| array.data = std::ptr::null_mut()), Status::Data);
        assert_eq!(refused(&|array| array.flags = 0), Status::ByteOrder);
        assert_eq!(refused(&|array| array.typekind = b'O' as c_char), Status::Dtype);
        assert_eq!(refused(&|array| array.itemsize = 3), Status::Dtype);
        assert_eq!(refused(&|array| array.itemsize = -4), Status::Dtype);
        // Strides of 4 bytes are no whole number of elements of 8.
        assert_eq!(refused(&|array| array.itemsize = 8), Status::Strides);
    }

    #[test]
    fn short_axes_may_have_any_stride() {
        let mut element = 1_i32;
        let data = (&raw mut element).cast();
        // SAFETY: one element is reached, and it lives.
        let make = |shape: &[i64], strides: Option<&[i64]>| unsafe {
            let (device, flags) = (Device::CPU, Flags::empty());
            from_values(DType::INT32, shape, strides, data, device, flags, borrowed())
        };
        assert_eq!(make(&[1, 1], Some(&[3, -7])).unwrap().shape(), [1, 1]);
        assert!(make(&[0, 2], Some(&[3, 3])).unwrap().data_ptr().is_null());
        assert_eq!(make(&[2], Some(&[6])).unwrap_err().status(), Status::Strides);
        assert_eq!(make(&[2], Some(&[4, 4])).unwrap_err().status(), Status::Strides);
        assert_eq!(make(&[2], None).unwrap().strides(), [1]);
    }

    #[test]
    fn padded_elements_take_a_byte_each() {
        let mut bytes = [1_u8, 2, 3];
        let dtype = "int4".parse().unwrap();
        let (data, flags) = (bytes.as_mut_ptr().cast(), Flags::IS_SUBBYTE_TYPE_PADDED);
        // SAFETY: the bytes live.
        let padded = unsafe {
            from_values(dtype, &[3], Some(&[1]), data, Device::CPU, flags, borrowed()).unwrap()
        };
        assert_eq!((padded.strides(), padded.layout().bytes()), (&[1][..], 3));
        assert_eq!(padded.flags(), flags);
    }

    #[test]
    fn other_devices_have_no_array_interface() {
        let mut shape = [2];
        let tensor = DLTensor {
            data: 0x1000 as *mut c_void,
            device: DLDevice::cuda(0),
            ndim: 1,
            dtype: DType::FLOAT32.raw(),
            shape: shape.as_mut_ptr(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        };
        // SAFETY: the address is never followed.
        let tensor =
            unsafe { Tensor::wrap(TensorRef::new(&tensor, Flags::empty()).unwrap(), borrowed()) };
        let error = ArrayStruct::new(&tensor.unwrap()).err().unwrap();
        assert_eq!(error.status(), Status::Device);
        assert!(error.message().contains("cuda:0"), "{error}");
    }
}
