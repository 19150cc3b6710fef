//! One call, from the arguments to the results.

pub mod argument;
pub mod arguments;
pub mod array_plan;
pub mod arrays;
pub mod call_state;
pub mod copies;
pub mod errors;
pub mod failure;
pub mod fill;
pub mod function;
pub mod inputs;
pub mod late;
pub mod numbers;
pub mod original;
pub mod outputs;
pub mod plan;
pub mod pointer;
pub mod results;
pub mod run;
pub mod sentences;
pub mod stream;
pub mod stream_order;
pub mod text;
