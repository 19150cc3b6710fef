//! The protocols by which arrays are described and handed over, each by itself.

pub mod array_interface;
pub mod array_struct;
pub mod buffer;
pub mod capsule;
pub mod cuda_array_interface;
pub mod dlpack;
pub mod exchange_failure;
pub mod exchange_table;
pub mod exportable;
pub mod keywords;
pub mod raw_array;
