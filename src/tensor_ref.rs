//! A tensor that somebody else keeps alive, after its descriptor was checked.

use std::ffi::c_void;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::abi::{
    DANGLING, DLDeviceType, DLManagedTensorVersioned, DLPACK_VERSION, DLTensor, Flags, MAX_NDIM,
};
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Result, fail};
use crate::inline_dims::InlineDims;
use crate::layout::{Layout, check_extents};

/// A checked view of a [`DLTensor`]: every field has been validated, the
/// memory behind `data` has not been (nothing can do that).
#[derive(Clone, Copy)]
pub struct TensorRef<'a> {
    pub(crate) data: *mut c_void,
    pub(crate) byte_offset: u64,
    pub(crate) device: Device,
    pub(crate) dtype: DType,
    pub(crate) flags: Flags,
    pub(crate) layout: Layout<'a>,
}

// SAFETY: its shape and strides stay as they are, and its memory is only reached through
// unsafe code.
unsafe impl Send for TensorRef<'_> {}
// SAFETY: as above.
unsafe impl Sync for TensorRef<'_> {}

impl<'a> TensorRef<'a> {
    /// Checks every field of a descriptor that comes from outside. `flags` are
    /// those of the managed tensor around it, or empty.
    ///
    /// NULL strides are accepted, as C order (DLPack before 1.2 allowed them).
    ///
    /// # Errors
    /// One status for each field, in this order: `Flags`, `Ndim`, `Shape`,
    /// `Dtype`, `Device`, `Size`, `Strides`, `Data`, `ByteOffset`.
    ///
    /// # Safety
    /// `shape` and `strides`, where they are not NULL, point to `ndim` readable
    /// integers that stay as they are for `'a`.
    // Else its large result is copied through memory, which takes longer than the checks.
    #[inline(always)]
    pub unsafe fn new(tensor: &'a DLTensor, flags: Flags) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            match TensorRef::usual(tensor, flags) {
                Some(usual) => Ok(usual),
                None => TensorRef::examined(tensor, flags),
            }
        }
    }

    /// As `new`, of what nearly all tensors are: None for what takes a closer look.
    ///
    /// # Safety
    /// As `new`.
    #[inline]
    unsafe fn usual(tensor: &'a DLTensor, flags: Flags) -> Option<Self> {
        let dtype = DType::usual(tensor.dtype)?;
        let is_usual = (1..=MAX_NDIM as i32).contains(&tensor.ndim)
            && !tensor.shape.is_null()
            && !tensor.strides.is_null()
            && tensor.device.device_type == DLDeviceType::CPU
            && tensor.device.device_id == 0
            && (Flags::READ_ONLY | Flags::IS_COPIED).contains(flags);
        if !is_usual {
            return None;
        }
        let ndim = tensor.ndim as usize;
        // SAFETY: not NULL, and readable as the caller promises.
        let (shape, strides) = unsafe { (dims(tensor.shape, ndim), dims(tensor.strides, ndim)) };
        let (data, byte_offset, device) = (tensor.data, tensor.byte_offset, Device::CPU);
        let layout = near(device, data, byte_offset, dtype.item_bits(), shape, Some(strides))?;
        Some(TensorRef { data, byte_offset, device, dtype, flags, layout })
    }

    /// # Safety
    /// As `new`.
    #[inline(never)]
    unsafe fn examined(tensor: &'a DLTensor, flags: Flags) -> Result<Self> {
        check_flags(flags)?;
        let ndim = match usize::try_from(tensor.ndim) {
            Ok(ndim) if ndim <= MAX_NDIM => ndim,
            _ => fail!(Ndim, "ndim is {}; it must be 0 to {MAX_NDIM}", tensor.ndim),
        };
        if tensor.shape.is_null() && ndim > 0 {
            fail!(Shape, "shape is NULL with ndim {ndim}; it must point to {ndim} extents");
        }
        // SAFETY: not NULL if `ndim` is not 0, and readable as the caller promises.
        let shape = unsafe { dims(tensor.shape, ndim) };
        // Before the dtype, which the size of the elements is a matter of.
        check_extents(shape)?;
        let strides = (ndim > 0 && !tensor.strides.is_null())
            // SAFETY: as for the shape.
            .then(|| unsafe { dims(tensor.strides, ndim) });
        let dtype = DType::new(tensor.dtype)?;
        let device = Device::new(tensor.device)?;
        let (data, byte_offset) = (tensor.data, tensor.byte_offset);
        let layout = Layout::new(storage_bits(dtype, flags), shape, strides)?;
        let tensor = TensorRef { data, byte_offset, device, dtype, flags, layout };
        tensor.check_addresses()?;
        Ok(tensor)
    }

    /// As [`TensorRef::new`], of parts: the first element is at `data`, and no strides
    /// mean C order.
    ///
    /// # Errors
    /// `Flags`, `Ndim`, `Shape`, `Size`, `Strides`, `Data`, `ByteOffset`.
    // As above.
    #[inline(always)]
    pub fn of_parts(
        dtype: DType,
        device: Device,
        flags: Flags,
        data: *mut c_void,
        shape: &'a [i64],
        strides: Option<&'a [i64]>,
    ) -> Result<Self> {
        check_flags(flags)?;
        let bits = storage_bits(dtype, flags);
        if let Some(layout) = near(device, data, 0, bits, shape, strides) {
            return Ok(TensorRef { data, byte_offset: 0, device, dtype, flags, layout });
        }
        let layout = Layout::new(bits, shape, strides)?;
        let tensor = TensorRef { data, byte_offset: 0, device, dtype, flags, layout };
        tensor.check_addresses()?;
        Ok(tensor)
    }

    /// Checks a managed tensor from outside, without taking it over.
    ///
    /// # Errors
    /// `Null`, `Version` for another major version of DLPack, and those of
    /// [`TensorRef::new`].
    ///
    /// # Safety
    /// `raw` is NULL or points to a managed tensor that stays as it is for `'a`.
    pub unsafe fn from_managed(raw: *const DLManagedTensorVersioned) -> Result<Self> {
        if raw.is_null() {
            fail!(Null, "tensor is NULL; it must be a managed tensor");
        }
        // SAFETY: the version may be read whatever it is; the rest has the layout
        // known here only if the major version is the same.
        unsafe {
            let version = (*raw).version;
            if version.major != DLPACK_VERSION.major {
                fail!(
                    Version,
                    "version is {}.{}; its major version must be {}, else the struct has another layout",
                    version.major,
                    version.minor,
                    DLPACK_VERSION.major
                );
            }
            // Another thread may be sharing a tensor made here, which writes to them.
            let flags = AtomicU64::from_ptr((&raw const (*raw).flags).cast_mut().cast());
            let flags = Flags::from_bits_retain(flags.load(Ordering::Relaxed));
            TensorRef::new(&(*raw).dl_tensor, flags)
        }
    }

    fn check_addresses(&self) -> Result<()> {
        let count = self.layout.count();
        if count == 0 {
            return Ok(());
        }
        if self.data.is_null() {
            fail!(
                Data,
                "data is NULL although shape {:?} has {count} elements; it must be their address",
                self.shape()
            );
        }
        let range = self.layout.byte_range();
        let has_addresses = self.device.has_addresses();
        // With a handle there is no base, and the sum may go down to 0.
        let base = if has_addresses { self.data as usize as u64 } else { 0 };
        let first = i128::from(base) + i128::from(self.byte_offset);
        let lowest = first + i128::from(range.start);
        // An offset from NULL: PyTorch has that where it emptied a storage.
        if has_addresses && (0..DANGLING as usize as i128).contains(&lowest) {
            fail!(
                Data,
                "data is {:p} with byte_offset {}, and the elements begin at {lowest:#x}, where no memory \
                 is; it must be their address",
                self.data,
                self.byte_offset
            );
        }
        if lowest < 0 || first + i128::from(range.end) > i128::from(u64::MAX) {
            fail!(
                ByteOffset,
                "byte_offset is {} with data {:p}, and the elements reach from {} to {} bytes beyond; \
                 all of that must be within the address space",
                self.byte_offset,
                self.data,
                range.start,
                range.end
            );
        }
        Ok(())
    }

    /// The extents.
    pub fn shape(&self) -> &'a [i64] {
        self.layout.shape()
    }

    /// Shape and strides, with the questions that they answer.
    pub fn layout(&self) -> Layout<'a> {
        self.layout
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The device of the memory.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The flags of the managed tensor.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Whether the data must not be written to.
    pub fn is_read_only(&self) -> bool {
        self.flags.contains(Flags::READ_ONLY)
    }

    /// The same tensor with its shape and strides in `rooms`, for when those that it has
    /// may change.
    pub fn copied_to(self, rooms: &mut [InlineDims; 2]) -> TensorRef<'_> {
        let [shape, strides] = rooms;
        let shape = shape.fill(self.shape().iter().copied());
        let strides = self.layout.strides_in(strides);
        TensorRef { layout: self.layout.with_dims(shape, strides), ..self }
    }

    /// The address of the first element, `byte_offset` added; NULL without
    /// elements. On devices whose `data` is a handle the sum means nothing.
    pub fn first(&self) -> *mut c_void {
        match self.layout.count() {
            0 => std::ptr::null_mut(),
            _ => self.place(),
        }
    }

    /// As [`TensorRef::first`], but also without elements, where nothing may be reached.
    pub fn place(&self) -> *mut c_void {
        self.data.cast::<u8>().wrapping_add(self.byte_offset as usize).cast()
    }
}

/// The shape, dtype and strides in words, for error texts:
/// `float32 [480, 640] with strides [640, 1] on cpu`.
impl fmt::Display for TensorRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} with strides {:?} on {}",
            self.dtype,
            self.shape(),
            self.layout.strides(),
            self.device
        )
    }
}

/// The bits that one element takes in memory.
pub(crate) fn storage_bits(dtype: DType, flags: Flags) -> u32 {
    match flags.contains(Flags::IS_SUBBYTE_TYPE_PADDED) {
        true => dtype.item_bits().next_multiple_of(8),
        false => dtype.item_bits(),
    }
}

/// The layout, if it is near and its addresses are far from both ends of the address
/// space: no more is to be checked then.
#[inline]
fn near<'a>(
    device: Device,
    data: *mut c_void,
    byte_offset: u64,
    bits: u32,
    shape: &'a [i64],
    strides: Option<&'a [i64]>,
) -> Option<Layout<'a>> {
    /// No system maps memory below.
    const LOWEST: u64 = 1 << 16;
    let first = (data as usize as u64).checked_add(byte_offset)?;
    let (layout, reach) = Layout::near(bits, shape, strides?)?;
    let is_amid = first >= LOWEST + reach && first.checked_add(reach).is_some();
    (is_amid && !data.is_null() && device.has_addresses()).then_some(layout)
}

/// A later minor version may give other bits a meaning that must not be missed.
fn check_flags(flags: Flags) -> Result<()> {
    let unknown = flags.difference(Flags::all());
    if !unknown.is_empty() {
        fail!(
            Flags,
            "flags is {:#x}; it must have no bits but {:#x}, those of DLPack 1.3",
            flags.bits(),
            Flags::all().bits()
        );
    }
    Ok(())
}

/// # Safety
/// `pointer` points to `count` readable integers, unless `count` is 0.
unsafe fn dims<'a>(pointer: *const i64, count: usize) -> &'a [i64] {
    match count {
        0 => &[],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(pointer, count) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::abi::{DLDataType, DLDataTypeCode, DLDevice};

    fn good(shape: &mut [i64], strides: &mut [i64]) -> DLTensor {
        DLTensor {
            data: 0x1000 as *mut c_void,
            device: DLDevice::CPU,
            ndim: shape.len() as i32,
            dtype: DLDataType::F32,
            shape: shape.as_mut_ptr(),
            strides: strides.as_mut_ptr(),
            byte_offset: 0,
        }
    }

    fn refused(change: impl FnOnce(&mut DLTensor)) -> (Status, String) {
        let (mut shape, mut strides) = ([2, 3], [3, 1]);
        let mut tensor = good(&mut shape, &mut strides);
        change(&mut tensor);
        // SAFETY: shape and strides are the arrays above, or NULL.
        let error = unsafe { TensorRef::new(&tensor, Flags::empty()) }.err().expect("was accepted");
        (error.status(), error.message().to_owned())
    }

    #[test]
    fn each_field_has_its_status_and_sentence() {
        type Change = Box<dyn FnOnce(&mut DLTensor)>;
        let cases: Vec<(Change, Status, &str)> = vec![
            (Box::new(|t| t.ndim = -1), Status::Ndim, "ndim is -1"),
            (Box::new(|t| t.ndim = 65), Status::Ndim, "ndim is 65"),
            (Box::new(|t| t.ndim = i32::MIN), Status::Ndim, "must be 0 to 64"),
            (Box::new(|t| t.shape = std::ptr::null_mut()), Status::Shape, "shape is NULL"),
            (Box::new(|t| t.dtype.lanes = 0), Status::Dtype, "dtype.lanes is 0"),
            (Box::new(|t| t.dtype.code = DLDataTypeCode(99)), Status::Dtype, "dtype.code is 99"),
            (Box::new(|t| t.dtype.bits = 7), Status::Dtype, "dtype.bits is 7"),
            (Box::new(|t| t.device.device_type = DLDeviceType(6)), Status::Device, "is 6"),
            (Box::new(|t| t.device.device_id = -2), Status::Device, "is -2"),
            (Box::new(|t| t.data = std::ptr::null_mut()), Status::Data, "data is NULL"),
            (
                Box::new(|t| t.data = 8 as *mut c_void),
                Status::Data,
                "data is 0x8 with byte_offset 0",
            ),
            (Box::new(|t| t.byte_offset = u64::MAX), Status::ByteOffset, "byte_offset is 1844"),
            (Box::new(|t| t.data = usize::MAX as *mut c_void), Status::ByteOffset, "data 0x"),
        ];
        for (change, status, needle) in cases {
            let (actual, sentence) = refused(change);
            assert_eq!(actual, status, "{sentence}");
            assert!(sentence.contains(needle), "{sentence}");
        }
    }

    #[test]
    fn what_is_usual_is_accepted_anyhow() {
        let extents = [-1, 0, 1, 2, 1 << 20, 1 << 36, 1 << 37, i64::MAX];
        let steps = [0, 1, -1, 3, 1 << 20, -(1 << 36), 1 << 37, i64::MIN, i64::MAX];
        let addresses = [0, 64, 1 << 39, 1 << 41, 1 << 47, usize::MAX - 64, usize::MAX];
        let offsets = [0, 1 << 41, u64::MAX];
        let axes = || extents.iter().flat_map(|extent| steps.map(|stride| (*extent, stride)));
        let layouts = || axes().flat_map(|first| axes().map(move |second| (first, second)));
        let places = addresses.iter().flat_map(|address| offsets.map(|offset| (*address, offset)));
        let cases = places.flat_map(|place| layouts().map(move |layout| (place, layout)));
        let mut usual = 0;
        let ids = [0, 0, 0, 1, 0, -1, 0, i32::MIN].into_iter().cycle();
        for (((address, byte_offset), (first, second)), device_id) in cases.zip(ids) {
            let (mut shape, mut strides) = ([first.0, second.0], [first.1, second.1]);
            let mut tensor = good(&mut shape, &mut strides);
            tensor.device.device_id = device_id;
            tensor.data = std::ptr::without_provenance_mut(address);
            tensor.byte_offset = byte_offset;
            // SAFETY: shape and strides are the arrays above.
            let (quick, thorough) = unsafe {
                let flags = Flags::READ_ONLY;
                (TensorRef::usual(&tensor, flags), TensorRef::examined(&tensor, flags))
            };
            if let Some(quick) = quick {
                let thorough = thorough.unwrap_or_else(|error| panic!("{tensor:?}: {error}"));
                assert_eq!(quick.layout.count(), thorough.layout.count());
                assert_eq!(quick.first(), thorough.first());
                usual += 1;
            }
        }
        assert!(usual > 100, "{usual}");
    }

    #[test]
    fn parts_are_checked_too() {
        let data = 0x1000_0000_0000 as *mut c_void;
        let of = |shape: &[i64], strides: &[i64]| {
            TensorRef::of_parts(
                DType::INT8,
                Device::CPU,
                Flags::empty(),
                data,
                shape,
                Some(strides),
            )
            .map(|tensor| tensor.layout.count())
            .map_err(|error| error.status())
        };
        assert_eq!(of(&[2, 3], &[3, 1]), Ok(6));
        assert_eq!(of(&[1; 65], &[1; 65]), Err(Status::Ndim));
        assert_eq!(of(&[2, 3], &[1]), Err(Status::Strides));
        assert_eq!(of(&[-1], &[1]), Err(Status::Shape));
        assert_eq!(of(&[i64::MAX, 3], &[3, 1]), Err(Status::Size));
    }

    #[test]
    fn negative_strides_must_stay_above_address_zero() {
        let (mut shape, mut strides) = ([3], [-1]);
        let mut tensor = good(&mut shape, &mut strides);
        tensor.data = 4 as *mut c_void;
        // SAFETY: shape and strides are the arrays above.
        let error = unsafe { TensorRef::new(&tensor, Flags::empty()) }.err().unwrap();
        assert_eq!(error.status(), Status::ByteOffset);
    }

    #[test]
    fn null_is_fine_where_nothing_is_reached() {
        let mut tensor = good(&mut [], &mut []);
        tensor.shape = std::ptr::null_mut();
        tensor.strides = std::ptr::null_mut();
        // SAFETY: there are no dimensions.
        let scalar = unsafe { TensorRef::new(&tensor, Flags::empty()) }.unwrap();
        assert_eq!(scalar.layout().count(), 1);

        let mut shape = [0, 3];
        let mut tensor = good(&mut shape, &mut []);
        tensor.strides = std::ptr::null_mut();
        tensor.data = std::ptr::null_mut();
        // SAFETY: the shape is the array above.
        let empty = unsafe { TensorRef::new(&tensor, Flags::empty()) }.unwrap();
        assert!(empty.first().is_null());
    }

    #[test]
    fn handles_keep_their_offset() {
        let (mut shape, mut strides) = ([3], [1]);
        let mut tensor = good(&mut shape, &mut strides);
        tensor.data = usize::MAX as *mut c_void;
        tensor.device.device_type = DLDeviceType::METAL;
        // SAFETY: shape and strides are the arrays above.
        assert!(unsafe { TensorRef::new(&tensor, Flags::empty()) }.is_ok());
    }

    #[test]
    fn unknown_flags_are_refused_and_padding_counts() {
        let (mut shape, mut strides) = ([3], [1]);
        let mut tensor = good(&mut shape, &mut strides);
        tensor.dtype = DLDataType::F4E2M1FN;
        // SAFETY: shape and strides are the arrays above.
        let bytes = |flags| unsafe { TensorRef::new(&tensor, flags) }.map(|t| t.layout().bytes());
        assert_eq!(bytes(Flags::empty()).unwrap(), 2);
        assert_eq!(bytes(Flags::IS_SUBBYTE_TYPE_PADDED).unwrap(), 3);
        let unknown = bytes(Flags::from_bits_retain(8)).unwrap_err();
        assert_eq!(unknown.status(), Status::Flags);
    }

    #[test]
    fn low_addresses_take_no_closer_look() {
        // Where programs at fixed addresses have their heap.
        let is_near = |first: usize| {
            let data = std::ptr::without_provenance_mut(first);
            near(Device::CPU, data, 0, 32, &[4, 5], Some(&[5, 1])).is_some()
        };
        assert!([0x2_0000, 0x100_0000, 0x7f00_0000_0000].iter().all(|first| is_near(*first)));
        assert!(![0, 8, 0x1_0000, usize::MAX - 8].iter().any(|first| is_near(*first)));
    }
}
