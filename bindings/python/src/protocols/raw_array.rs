//! Arrays that describe themselves as NumPy does, which DLPack can have as they are or
//! only as a copy: fields of packed records, numbers in the byte order of another machine.

use dlbridge::{Layout, RawArray, Tensor};
use pyo3::prelude::*;

use crate::protocols::buffer::Buffer;
use crate::support::keep_alive::{kept_by, owned_by};
use crate::support::{errors, exceptions};

/// What an audit says of a copy that is made here.
pub const REASON: &str = "DLPack does not have its strides or its byte order";

/// An array, and what keeps its memory.
pub struct Raw<'py> {
    pub array: RawArray,
    pub keeper: Keeper<'py>,
}

pub enum Keeper<'py> {
    Object(Bound<'py, PyAny>),
    Buffer(Box<Buffer>),
}

impl Raw<'_> {
    /// A tensor on the memory, or on a copy if DLPack cannot have it as it is and `copy` is
    /// not False.
    ///
    /// # Safety
    /// The memory is as described for as long as its keeper is there.
    pub unsafe fn into_tensor(self, py: Python<'_>, copy: Option<bool>) -> PyResult<Tensor> {
        if let Err(reason) = self.array.check() {
            return match copy {
                Some(false) => Err(self.refuse(reason.message())),
                // SAFETY: the caller's promise.
                _ => unsafe { self.copied(py) },
            };
        }
        let Raw { array, keeper } = self;
        // SAFETY: the caller's promise.
        let wrap = |source| unsafe { array.wrap(source) };
        match keeper {
            Keeper::Object(owner) => owned_by(owner, wrap),
            Keeper::Buffer(buffer) => kept_by(buffer, wrap),
        }
    }

    /// A copy. Large ones let other Python threads run meanwhile.
    ///
    /// # Safety
    /// As `into_tensor`.
    pub unsafe fn copied(&self, py: Python<'_>) -> PyResult<Tensor> {
        const LARGE: i64 = 1 << 20;
        let memory = Memory(&self.array);
        // SAFETY: the caller's promise; that nobody writes to it meanwhile is up to the
        // program, as the documentation says.
        let copy = || unsafe { memory.array().copied() };
        let copy = if self.bytes() > LARGE { py.detach(copy) } else { copy() };
        copy.map_err(errors::exchange)
    }

    /// The refusal of a copy.
    #[cold]
    pub fn refuse(&self, reason: &str) -> PyErr {
        exceptions::copy_refused(format_args!(
            "{reason}; copy=None makes a copy ({} bytes)",
            self.bytes()
        ))
    }

    fn bytes(&self) -> i64 {
        let RawArray { dtype, shape, .. } = &self.array;
        Layout::new(dtype.item_bits(), shape, None).map_or(0, |layout| layout.bytes())
    }
}

/// An array whose memory is read without the GIL, while somebody keeps it.
struct Memory<'a>(&'a RawArray);

// SAFETY: an address may be read on any thread as long as its memory is there.
unsafe impl Send for Memory<'_> {}
// SAFETY: an address may be read on any thread as long as its memory is there.
unsafe impl Sync for Memory<'_> {}

impl Memory<'_> {
    fn array(&self) -> &RawArray {
        self.0
    }
}
