//! `bind`: C functions that are called with arrays of any framework.
//!
//! A `signature` is read once (`grammar`); a call goes through a frame: arguments in the
//! order of C (`arguments`), arrays and numbers (`inputs`, with `slot` and `scalar`),
//! what C writes to (`output`), the call (`frame`), and what comes back (`results`).

mod advice;
mod arguments;
mod callable;
mod code;
mod copies;
mod declaration;
mod description;
mod errno;
mod failure;
mod frame;
mod function;
mod grammar;
mod inputs;
mod output;
mod parameter;
mod pointer;
mod quick;
mod refusal;
mod registers;
mod results;
mod scalar;
mod signature;
mod slot;
mod stream;
mod text;
mod usual;

use dlbridge::{Error, Status};
pub use function::{Bind, Function};
pub use parameter::ArgumentType;

/// Whether a copy would be right.
fn is_curable(wrong: &Error) -> bool {
    matches!(wrong.status(), Status::Layout | Status::Alignment)
}
