//! Which devices are CUDA's.

use crate::abi::DLDeviceType;
use crate::device::Device;
use crate::error::{Error, Status};

/// Whether the memory is CUDA's: on a GPU, pinned or managed.
pub(super) fn is_cuda(device: Device) -> bool {
    use DLDeviceType as Type;
    matches!(device.raw().device_type, Type::CUDA | Type::CUDAHOST | Type::CUDAMANAGED)
}

#[cold]
pub(super) fn needs_its_runtime(device: Device, what: &str) -> Error {
    Error::format(
        Status::Device,
        format_args!(
            "device is {device}: {what} there needs the runtime of {}, which dlbridge does not use; \
             it must be one of CUDA",
            device.type_name()
        ),
    )
}
