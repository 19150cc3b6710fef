//! `bind`: C functions that are called with arrays of any framework. An import runs only downward:
//!
//! ```text
//! function       `_bind`: makes a Python function of an address and a signature
//! callable       the Python object that is called
//! argument_type  `capi.arg`, for those who stay with ctypes
//! call/          a call: its state, and the steps from the arguments to the results
//! invoke/        how machine code is called
//! signature/     what a C function takes and returns
//! ```

mod argument_type;
mod call;
mod callable;
mod function;
mod invoke;
mod signature;

pub use argument_type::ArgumentType;
pub use call::function::Function;
pub use function::Bind;
