//! An operand of a copy: whose memory it is, and how the elements lie in it.

use cudarc::driver::sys::CUdeviceptr;

use super::pointer::{device_of, on_gpu};
use crate::abi::DLDeviceType;
use crate::error::Result;
use crate::layout::{Dims, Layout, dims};
use crate::tensor_ref::TensorRef;

/// The memory of a tensor as a GPU sees it.
pub(super) struct Operand {
    pub first: CUdeviceptr,
    pub strides: Dims,
    /// The GPU that has it; other GPUs are taken not to reach it.
    pub home: Home,
    /// The bytes that the elements touch, from the first element on.
    pub start: i64,
    /// Whether the elements fill these.
    pub dense: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Home {
    Gpu(i32),
    /// Pinned or managed.
    All,
    Host,
}

impl Operand {
    /// In a context that is current.
    pub fn of(tensor: &TensorRef<'_>) -> Result<Operand> {
        let mut first = tensor.first().addr() as CUdeviceptr;
        let home = match tensor.device().raw().device_type {
            DLDeviceType::CUDA => Home::Gpu(tensor.device().index()),
            DLDeviceType::CUDAMANAGED => Home::All,
            // Frameworks call pinned memory that of the host, and what is called pinned
            // may not be. The driver knows, and where the GPU sees it.
            _ => match device_of(tensor.first())?.raw().device_type {
                DLDeviceType::CUDAMANAGED => Home::All,
                DLDeviceType::CUDAHOST => match on_gpu(tensor.first())? {
                    0 => Home::Host,
                    address => {
                        first = address;
                        Home::All
                    }
                },
                _ => Home::Host,
            },
        };
        Operand::new(first, tensor.layout(), home)
    }

    pub fn new(first: CUdeviceptr, layout: Layout<'_>, home: Home) -> Result<Operand> {
        let range = layout.byte_range();
        let dense = layout.is_injective() && range.end - range.start == layout.bytes();
        Ok(Operand { first, strides: dims(&layout.strides())?, home, start: range.start, dense })
    }

    /// The lowest byte.
    pub fn low(&self) -> CUdeviceptr {
        self.first.wrapping_add_signed(self.start)
    }

    /// The same layout in memory that begins at another place, without gaps.
    pub fn moved(&self, low: CUdeviceptr, home: Home) -> Result<Operand> {
        let first = low.wrapping_add_signed(-self.start);
        Ok(Operand { first, strides: dims(&self.strides)?, home, start: self.start, dense: true })
    }
}
