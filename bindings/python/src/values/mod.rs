//! The objects that Python sees, as plain values: tensors, dtypes, devices, streams, and the log
//! of an audit.

pub mod acquired;
pub mod audit;
pub mod descriptor;
pub mod device;
pub mod display;
pub mod dtype;
pub mod index;
pub mod stream;
pub mod tensor;
