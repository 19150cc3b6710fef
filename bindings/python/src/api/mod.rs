//! What Python calls: the functions of the module and the methods of Tensor.

pub mod asarray;
pub mod convert;
pub mod dlpack_export;
pub mod dlpack_method;
pub mod dtype_methods;
pub mod element;
pub mod empty;
pub mod exchange_api;
pub mod from_dlpack;
pub mod pickle;
pub mod plan;
pub mod tensor_calls;
pub mod tensor_methods;
