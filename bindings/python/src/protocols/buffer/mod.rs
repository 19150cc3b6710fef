//! Python's buffer protocol (PEP 3118): both directions.
//!
//! Rules: <https://docs.python.org/3/c-api/buffer.html>

mod give;
mod lock;
mod read;

pub use give::{export, give_back, release};
pub use lock::{Buffer, has_buffer};
pub use read::describe;
