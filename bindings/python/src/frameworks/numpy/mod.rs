//! NumPy: how its arrays are read and made, through its C API.

mod capi;
mod dtypes;
pub mod framework;
mod give;
mod read;
mod types;

pub use dtypes::descr_of;
pub use give::{converted, empty, export, export_at_once};
pub use read::{Fields, import, import_scalar, is_kept_by_copy, only_copied, own_base, see};
pub use types::{ARRAY, check_kind, is_scalar};
