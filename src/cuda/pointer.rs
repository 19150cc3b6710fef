//! What an address is to CUDA.

use std::ffi::c_void;

use cudarc::driver::sys;
use sys::{CUdeviceptr, CUmemorytype, CUpointer_attribute as Attribute};

use super::device::{is_cuda, needs_its_runtime};
use super::driver::driver;
use crate::abi::{DLDevice, DLDeviceType};
use crate::device::Device;
use crate::error::{Result, fail};
use crate::tensor_ref::TensorRef;

/// The device of the memory at an address: a GPU, `cuda_pinned:0` for host memory
/// that was allocated by CUDA or registered with it, `cuda_managed:0`, and `cpu`
/// for all that the driver does not know.
///
/// The address may be any: it is not read. No context is made for the question.
///
/// # Errors
/// `NoCuda`, `Cuda`.
pub fn device_of(address: *const c_void) -> Result<Device> {
    let (mut kind, mut managed, mut ordinal) = (0_u32, 0_u32, 0_i32);
    ask(
        address,
        [
            (Attribute::CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (&raw mut kind).cast()),
            (Attribute::CU_POINTER_ATTRIBUTE_IS_MANAGED, (&raw mut managed).cast()),
            (Attribute::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, (&raw mut ordinal).cast()),
        ],
    )?;
    match (CUmemorytype::CU_MEMORYTYPE_HOST as u32, managed) {
        (_, 1..) => device(DLDeviceType::CUDAMANAGED, 0),
        (host, _) if kind == host => device(DLDeviceType::CUDAHOST, 0),
        _ if kind == CUmemorytype::CU_MEMORYTYPE_DEVICE as u32 => Device::cuda(ordinal),
        _ => Ok(Device::CPU),
    }
}

/// Where the GPU of the current context sees pinned memory, which may be at another
/// address if it was registered; 0 if it does not.
pub(super) fn on_gpu(address: *const c_void) -> Result<CUdeviceptr> {
    let mut there = 0;
    ask(address, [(Attribute::CU_POINTER_ATTRIBUTE_DEVICE_POINTER, (&raw mut there).cast())])?;
    Ok(there)
}

/// Asks for attributes; each goes to a value of its type. What the driver does not
/// know leaves zeros.
fn ask<const N: usize>(
    address: *const c_void,
    questions: [(Attribute, *mut c_void); N],
) -> Result<()> {
    let (mut attributes, mut values) =
        (questions.map(|(attribute, _)| attribute), questions.map(|(_, value)| value));
    // SAFETY: each value has the type of its attribute. The address is not read.
    unsafe {
        driver()?.cuPointerGetAttributes(
            N as u32,
            attributes.as_mut_ptr(),
            values.as_mut_ptr(),
            address as CUdeviceptr,
        )
    }
}

fn device(device_type: DLDeviceType, device_id: i32) -> Result<Device> {
    Device::new(DLDevice { device_type, device_id })
}

/// Checks that the memory of a tensor is where its descriptor says: the first byte
/// that the elements touch and the last.
///
/// Pinned and managed memory is memory of the host too, and managed memory one of
/// each GPU: `cpu` and `cuda:0` are true of it.
///
/// # Errors
/// `Device` if it is elsewhere, or on a device that is not of CUDA; `NoCuda` (not
/// for tensors without elements); `Cuda`.
pub fn check(tensor: &TensorRef<'_>) -> Result<()> {
    let claimed = tensor.device();
    if claimed != Device::CPU && !is_cuda(claimed) {
        return Err(needs_its_runtime(claimed, "asking what a pointer is"));
    }
    let range = tensor.layout().byte_range();
    if range.is_empty() {
        return Ok(());
    }
    for offset in [range.start, range.end - 1] {
        let address = tensor.first().cast::<u8>().wrapping_offset(offset as isize);
        let found = device_of(address.cast())?;
        if !is_true(claimed, found) {
            fail!(
                Device,
                "the tensor is {tensor}, and the memory at {address:p} is on {found}; it must be where \
                 the descriptor says"
            );
        }
    }
    Ok(())
}

/// Whether memory that is on `found` may be described as on `claimed`.
fn is_true(claimed: Device, found: Device) -> bool {
    let managed = found.raw().device_type == DLDeviceType::CUDAMANAGED;
    match claimed.raw().device_type {
        DLDeviceType::CPU => found.is_host_accessible(),
        DLDeviceType::CUDA => managed || claimed == found,
        claimed => claimed == found.raw().device_type,
    }
}
