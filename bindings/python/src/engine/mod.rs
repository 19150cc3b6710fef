//! What happens between any object and a tensor, and between a tensor and any framework.

pub mod acquire;
pub mod array_method;
pub mod copy;
pub mod deliver;
pub mod described;
pub mod namespace;
pub mod reader;
pub mod record;
