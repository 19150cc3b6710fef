//! PyTorch: how its tensors are read and made.

mod bounds;
mod dual;
pub mod framework;
mod functions;
mod hooks;
mod read;
mod refusal;
mod state;
mod types;
mod versions;

pub use hooks::{has_modes, is_tracing, mark_written};
pub use read::{borrow, borrow_directly, import, storage_at_once};
pub use types::{TENSOR, current_stream, dtype, is_plain, table};
pub use versions::_torch_fast_path;
