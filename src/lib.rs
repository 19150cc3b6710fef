//! Zero-copy exchange of n-dimensional buffers.

pub mod abi;
pub mod array_interface;
mod block;
pub mod borrowed;
#[cfg(feature = "capi")]
pub mod capi;
pub mod copy;
pub mod device;
pub mod dtype;
pub mod error;
pub mod foreign;
pub mod layout;
pub mod owned;
pub mod source;
mod strided;
pub mod view;

pub use borrowed::TensorRef;
pub use device::Device;
pub use dtype::DType;
pub use error::{Error, Result, Status};
pub use layout::Layout;
pub use owned::{Element, Tensor};
pub use source::Source;
pub use view::{Slice, View};
