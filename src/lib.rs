//! Zero-copy exchange of n-dimensional buffers, on CPU and GPU, between any two
//! libraries that speak DLPack or NumPy's array interface.
//!
//! The DLPack struct is the handle. A [`Tensor`] is an owner of a
//! [`DLManagedTensorVersioned`](abi::DLManagedTensorVersioned), one allocation
//! with shape, strides and the count of owners; a [`TensorRef`] is a checked view
//! of a [`DLTensor`](abi::DLTensor) of somebody else. Nothing foreign is trusted:
//! every descriptor is validated before a field of it is used.
//!
//! ```
//! use dlbridge::{Slice, Tensor};
//!
//! # fn main() -> dlbridge::Result<()> {
//! // The vector moves in; its elements stay where they are.
//! let image = Tensor::from_vec(vec![0.5_f32; 480 * 640], &[480, 640])?;
//!
//! // Views and further owners share the memory.
//! let flipped = image.slice(&[Slice { step: -1, ..Slice::FULL }])?;
//! assert_eq!(flipped.strides(), [-640, 1]);
//! drop(image);
//!
//! // Whoever gets the handle, in any language, calls its deleter once.
//! let handle = flipped.into_raw();
//! // SAFETY: the handle is owned here, and given up.
//! unsafe { dlbridge::managed::release(handle) };
//! # Ok(())
//! # }
//! ```
//!
//! Data flows one way through the modules: [`memory`] and [`error`], [`abi`] and [`inline_dims`], then
//! [`dtype`], [`device`] and [`layout`], then [`view`] and [`deleter`], then [`tensor_ref`], [`tensor`]
//! and [`managed`], then [`slices`], [`value`], [`raw_array`], [`array_interface`], [`copy`], [`cuda`]
//! and [`check`], and last the C functions.

pub mod abi;
pub mod array_interface;
mod block;
#[cfg(feature = "capi")]
pub mod capi;
pub mod check;
pub mod copy;
pub mod cuda;
pub mod deleter;
pub mod device;
pub mod dtype;
pub mod error;
pub mod inline_dims;
pub mod layout;
pub mod managed;
pub mod memory;
pub mod raw_array;
pub mod slices;
pub mod spec;
mod strided;
pub mod tensor;
pub mod tensor_ref;
mod text;
pub mod value;
pub mod view;

pub use deleter::Deleter;
pub use device::Device;
pub use dtype::DType;
pub use error::{Error, Result, Status};
pub use layout::Layout;
pub use raw_array::RawArray;
pub use slices::Element;
pub use tensor::Tensor;
pub use tensor_ref::TensorRef;
pub use value::Value;
pub use view::{Slice, View};
