//! NumPy's array interface, for any language.

use std::ffi::{c_char, c_void};

use super::argument::{Output, fill, input, list, own, text};
use super::status::{dlbridge_status, guard, guard_infallible};
use crate::abi::{DLManagedTensorVersioned, Flags, MAX_NDIM};
use crate::array_interface::{ArrayInterface, ArrayStruct, check_host, from_struct, from_values};
use crate::deleter::Deleter;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::fail;

/// The values of an `__array_interface__` dictionary, version 3.
#[repr(C)]
pub struct dlbridge_array_interface {
    /// The element type, for example "<f4", with a zero byte.
    pub typestr: [c_char; 8],
    /// The number of dimensions, up to DLBRIDGE_MAX_NDIM.
    pub ndim: i32,
    /// The first half of `data`: the address of the first element.
    pub data: *mut c_void,
    /// The second half of `data`: whether it must not be written to.
    pub read_only: bool,
    /// Whether `strides` counts. False is Python's None: C order without gaps.
    pub has_strides: bool,
    /// The extents.
    pub shape: [i64; 64],
    /// The strides in bytes.
    pub strides: [i64; 64],
}

const _: () = assert!(MAX_NDIM == 64);

/// The values of the `__array_interface__` dictionary of a tensor.
///
/// tensor: borrowed; made by this library (else import it first), on the host.
/// out: has strides always. It describes the tensor's memory and does not keep
///   it alive.
/// Errors: DEVICE off the host, DTYPE as in dlbridge_dtype_typestr(), FOREIGN,
///   NULL.
/// Lifetime: out is good for as long as the tensor has an owner.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_to_array_interface(
    tensor: *const DLManagedTensorVersioned,
    out: *mut dlbridge_array_interface,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        let view = tensor.view();
        check_host(&view)?;
        let typestr = view.dtype().short_typestr()?;
        let mut interface = dlbridge_array_interface {
            typestr: [0; 8],
            ndim: tensor.shape().len() as i32,
            data: tensor.data_ptr(),
            read_only: tensor.is_read_only(),
            has_strides: true,
            shape: [0; 64],
            strides: [0; 64],
        };
        fill(interface.typestr.as_mut_ptr(), interface.typestr.len(), &typestr)?;
        let strides = &mut interface.strides[..tensor.shape().len()];
        strides.copy_from_slice(tensor.strides());
        view.layout.scale_to_bytes(strides)?;
        interface.shape[..tensor.shape().len()].copy_from_slice(tensor.shape());
        out.set(interface)
    })
}

/// A tensor over the memory that the values of an `__array_interface__`
/// dictionary describe, without a copy.
///
/// array: borrowed; copied.
/// context, release: as in dlbridge_wrap().
/// out: the caller owns it. On an error release is not called.
/// Errors: BYTE_ORDER, DTYPE and INTERFACE as in dlbridge_dtype_from_typestr(),
///   STRIDES if one is not a multiple of the element size, those of
///   dlbridge_validate(), NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_from_array_interface(
    array: *const dlbridge_array_interface,
    context: *mut c_void,
    release: Option<unsafe extern "C" fn(context: *mut c_void)>,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let interface = input(array, "array")?;
        if !interface.typestr.contains(&0) {
            fail!(Interface, "typestr has no zero byte at its end; it must have one");
        }
        let dtype = DType::from_typestr(text(interface.typestr.as_ptr(), "typestr")?)?;
        let shape = list(interface.shape.as_ptr(), interface.ndim, "shape")?;
        let strides = list(interface.strides.as_ptr(), interface.ndim, "strides")?;
        let strides = interface.has_strides.then_some(strides);
        let deleter = Deleter::callback(context, release);
        let flags = if interface.read_only { Flags::READ_ONLY } else { Flags::empty() };
        let data = interface.data;
        let tensor = from_values(dtype, shape, strides, data, Device::CPU, flags, deleter)?;
        out.set(tensor.into_raw())
    })
}

/// The struct behind `__array_struct__` (NumPy's PyArrayInterface) of a tensor.
///
/// tensor: borrowed; made by this library (else import it first), on the host.
/// out: the caller owns it; it shares the tensor's memory and keeps it alive
///   until dlbridge_release_array_struct().
/// Errors: DEVICE off the host, DTYPE as in dlbridge_dtype_typestr(), FOREIGN,
///   NULL, MEMORY.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_to_array_struct(
    tensor: *const DLManagedTensorVersioned,
    out: *mut *mut ArrayInterface,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let tensor = own(tensor)?;
        out.set(Box::into_raw(ArrayStruct::new(&tensor)?).cast())
    })
}

/// Releases what dlbridge_to_array_struct() gave out.
///
/// array: the caller owned it; it is gone afterwards. NULL is ignored.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_release_array_struct(array: *mut ArrayInterface) {
    guard_infallible(|| {
        if !array.is_null() {
            // SAFETY: it is the first field of the struct that was boxed above.
            drop(unsafe { Box::from_raw(array.cast::<ArrayStruct>()) });
        }
    })
}

/// A tensor over the memory that an array interface struct describes, without a
/// copy.
///
/// array: borrowed; copied with its shape and strides. Its strides are in
///   bytes; NULL is C order. Without DLBRIDGE_ARRAY_WRITEABLE the tensor is
///   read-only. descr is not read.
/// context, release: as in dlbridge_wrap(): usually they give up the object
///   that the struct came from.
/// out: the caller owns it. On an error release is not called.
/// Errors: INTERFACE if two is not 2, BYTE_ORDER without
///   DLBRIDGE_ARRAY_NOTSWAPPED, STRIDES, DTYPE, those of dlbridge_validate(),
///   NULL, MEMORY.
/// Lifetime: the memory must stay until release is called.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlbridge_from_array_struct(
    array: *const ArrayInterface,
    context: *mut c_void,
    release: Option<unsafe extern "C" fn(context: *mut c_void)>,
    out: *mut *mut DLManagedTensorVersioned,
) -> dlbridge_status {
    // SAFETY: the pointers are as the header demands.
    guard(|| unsafe {
        let out = Output::new(out, "out")?;
        let deleter = Deleter::callback(context, release);
        out.set(from_struct(input(array, "array")?, deleter)?.into_raw())
    })
}
