//! Devices and their names.

use std::fmt;
use std::str::FromStr;

use crate::abi::{DLDevice, DLDeviceType};
use crate::error::{Error, Result, fail};
use crate::text::{Joined, Text};

/// A device: `cpu`, `cuda:0` and so on. A [`DLDevice`] whose type DLPack 1.3
/// defines and whose index is not negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Device(DLDevice);

/// The types of DLPack 1.3 (`DLDeviceType`).
const NAMES: &[(u32, &str)] = &[
    (1, "cpu"),
    (2, "cuda"),
    (3, "cuda_pinned"),
    (4, "opencl"),
    (7, "vulkan"),
    (8, "metal"),
    (9, "vpi"),
    (10, "rocm"),
    (11, "rocm_pinned"),
    (12, "ext_dev"),
    (13, "cuda_managed"),
    (14, "oneapi"),
    (15, "webgpu"),
    (16, "hexagon"),
    (17, "maia"),
    (18, "trn"),
];

impl Device {
    /// The host.
    pub const CPU: Device = Device(DLDevice::CPU);

    /// The CUDA GPU with this ordinal.
    ///
    /// # Errors
    /// `Device` if `index` is negative.
    pub fn cuda(index: i32) -> Result<Device> {
        Device::new(DLDevice::cuda(index))
    }

    /// Checks a device that comes from outside. The host has index 0 in
    /// DLPack; another index there means nothing and is set to 0.
    ///
    /// # Errors
    /// `Device` if the type is not one of DLPack 1.3, or the index is negative.
    pub fn new(raw: DLDevice) -> Result<Device> {
        let Some((_, name)) = NAMES.iter().find(|(code, _)| *code == raw.device_type.0) else {
            fail!(
                Device,
                "device.device_type is {}; it must be one of the types of DLPack 1.3: {}",
                raw.device_type.0,
                KnownTypes
            );
        };
        if raw.device_id < 0 {
            fail!(
                Device,
                "device.device_id is {} (type {name}); it must be 0 or more",
                raw.device_id
            );
        }
        Ok(if raw.device_type == DLDeviceType::CPU { Device::CPU } else { Device(raw) })
    }

    /// A device that `new` accepted before.
    pub(crate) fn trusted(raw: DLDevice) -> Device {
        if raw.device_type == DLDeviceType::CPU { Device::CPU } else { Device(raw) }
    }

    /// The device of that name, without the sentence that says which there are.
    pub(crate) fn named(text: &str) -> Option<Device> {
        let (name, index) = text.split_once(':').unwrap_or((text, "0"));
        // What memory of the host that is pinned is called elsewhere.
        let name = if name == "cpu_pinned" { "cuda_pinned" } else { name };
        // Digits alone: `parse` would also take a sign.
        let index = Some(index)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<i32>().ok())?;
        match NAMES.iter().find(|(_, known)| *known == name)?.0 {
            1 => (index == 0).then_some(Device::CPU),
            code => Some(Device(DLDevice { device_type: DLDeviceType(code), device_id: index })),
        }
    }

    /// The device as DLPack's struct.
    pub fn raw(self) -> DLDevice {
        self.0
    }

    /// The number of DLPack's `DLDeviceType`.
    pub fn type_code(self) -> u32 {
        self.0.device_type.0
    }

    /// The index among the devices of its type.
    pub fn index(self) -> i32 {
        self.0.device_id
    }

    /// The name of the type, without the index: `cuda`.
    pub fn type_name(self) -> &'static str {
        NAMES.iter().find(|(code, _)| *code == self.type_code()).map_or("unknown", |(_, name)| name)
    }

    /// Whether `data` is an address, so that `byte_offset` can be added to it.
    /// Elsewhere (OpenCL, Vulkan, Metal, ...) it may be a handle, and the offset
    /// stays a field of its own.
    pub fn has_addresses(self) -> bool {
        self.is_host_accessible()
            || matches!(
                self.0.device_type,
                DLDeviceType::CUDA | DLDeviceType::ROCM | DLDeviceType::ONEAPI
            )
    }

    /// Whether code on the host can read and write the memory: the host's own,
    /// pinned, and managed memory.
    pub fn is_host_accessible(self) -> bool {
        matches!(
            self.0.device_type,
            DLDeviceType::CPU
                | DLDeviceType::CUDAHOST
                | DLDeviceType::ROCMHOST
                | DLDeviceType::CUDAMANAGED
        )
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())?;
        match self.0.device_type {
            DLDeviceType::CPU => Ok(()),
            _ => write!(f, ":{}", self.index()),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}

impl FromStr for Device {
    type Err = Error;

    /// Reads a name with or without an index: `cuda` is `cuda:0`.
    fn from_str(text: &str) -> Result<Device> {
        match Device::named(text) {
            Some(device) => Ok(device),
            None => fail!(
                Device,
                "device is {text:?}; it must be \"cpu\", or a type with an optional index, \
                 like \"cuda:0\". The types: {}",
                KnownTypes
            ),
        }
    }
}

/// `cpu (1), cuda (2)` and so on.
struct KnownTypes;

impl fmt::Display for KnownTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |(code, name): &(u32, &str)| Text::<32>::of(format_args!("{name} ({code})"));
        Joined(NAMES.iter().filter_map(named), ", ").fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(device_type: u32, device_id: i32) -> DLDevice {
        DLDevice { device_type: DLDeviceType(device_type), device_id }
    }

    #[test]
    fn names_go_both_ways() {
        for (code, name) in NAMES {
            let device = Device::new(raw(*code, 0)).unwrap();
            assert_eq!(device.type_name(), *name);
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        assert_eq!("cuda".parse::<Device>().unwrap().to_string(), "cuda:0");
        assert_eq!("cuda:3".parse::<Device>().unwrap().index(), 3);
    }

    #[test]
    fn the_host_has_index_zero() {
        assert_eq!(Device::new(raw(1, 7)).unwrap(), Device::CPU);
        assert_eq!(Device::CPU.to_string(), "cpu");
    }

    #[test]
    fn bad_devices_name_the_field_and_the_value() {
        for (device, needle) in [
            (raw(0, 0), "device_type is 0"),
            (raw(5, 0), "device_type is 5"),
            (raw(19, 0), "device_type is 19"),
            (raw(2, -1), "device_id is -1"),
        ] {
            let error = Device::new(device).unwrap_err();
            assert_eq!(error.status(), crate::Status::Device);
            assert!(error.message().contains(needle), "{error}");
        }
        for text in
            ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cpu:1", "cuda:99999999999"]
        {
            assert!(text.parse::<Device>().is_err(), "{text:?} was accepted");
        }
    }
}
