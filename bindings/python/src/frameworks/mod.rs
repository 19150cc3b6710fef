//! The frameworks that arrays come from and go to: how each is read, what it takes, and how it is
//! given a tensor. None is imported before an array of it is asked for.

pub mod alignment;
pub mod compatibility;
pub mod cupy;
pub mod dlpack_adapter;
pub mod framework;
pub mod jax;
pub mod mlx;
pub mod numba;
pub mod numpy;
pub mod paddle;
pub mod pyarrow;
pub mod registry;
pub mod tensorflow;
pub mod tinygrad;
pub mod torch;
pub mod tvm_ffi;
pub mod warp;
