//! What can go wrong: a status code for programs, a sentence for people.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use crate::memory::{self, NoMemory};

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The kind of a failure. The numbers are never reused and never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Status {
    /// A pointer argument is NULL that must not be.
    Null = 1,
    /// An argument is outside the values that the function takes.
    Argument = 2,
    /// The memory could not be allocated: that for a result, or for the sentence
    /// of another failure.
    Memory = 3,
    /// `version`: another major version of DLPack.
    Version = 4,
    /// `flags`: bits that DLPack 1.3 does not define.
    Flags = 5,
    /// `ndim`: negative or above 64.
    Ndim = 6,
    /// `shape`: NULL with dimensions, or a negative extent.
    Shape = 7,
    /// `strides`: they reach further than an address can.
    Strides = 8,
    /// The element count or the byte count does not fit in 63 bits.
    Size = 9,
    /// `data`: NULL although the tensor has elements.
    Data = 10,
    /// `byte_offset`, or the addresses reached from it, leave the address space.
    ByteOffset = 11,
    /// `dtype`: unknown code, or bits or lanes that the code does not have.
    Dtype = 12,
    /// `device`: unknown type or negative index, or not the device needed.
    Device = 13,
    /// The tensor is read-only and the operation needs a writable one.
    ReadOnly = 14,
    /// The layout asked for cannot be had without a copy.
    Layout = 15,
    /// Source and target of a copy share memory, or the target overlaps itself.
    Overlap = 16,
    /// An axis or an index is out of range.
    Index = 17,
    /// Elements in the byte order of another machine.
    ByteOrder = 18,
    /// The tensor was not made by this library and has to be imported first.
    Foreign = 19,
    /// The tensor has other owners, or owners that cannot be known.
    Shared = 20,
    /// An array interface struct or typestr that is malformed.
    Interface = 21,
    /// A defect of this library: please report it.
    Internal = 22,
    /// The first element is not aligned as asked for.
    Alignment = 23,
    /// The text of a check is malformed.
    Spec = 24,
    /// There is no CUDA driver, or none that can be used; the sentence says why.
    NoCuda = 25,
    /// A call of the CUDA driver failed; the sentence has its error.
    Cuda = 26,
}

impl Status {
    /// Every status with the name of its C constant, in the order of their
    /// numbers.
    pub const ALL: &'static [(Status, &'static CStr)] = &[
        (Status::Null, c"DLBRIDGE_ERROR_NULL"),
        (Status::Argument, c"DLBRIDGE_ERROR_ARGUMENT"),
        (Status::Memory, c"DLBRIDGE_ERROR_MEMORY"),
        (Status::Version, c"DLBRIDGE_ERROR_VERSION"),
        (Status::Flags, c"DLBRIDGE_ERROR_FLAGS"),
        (Status::Ndim, c"DLBRIDGE_ERROR_NDIM"),
        (Status::Shape, c"DLBRIDGE_ERROR_SHAPE"),
        (Status::Strides, c"DLBRIDGE_ERROR_STRIDES"),
        (Status::Size, c"DLBRIDGE_ERROR_SIZE"),
        (Status::Data, c"DLBRIDGE_ERROR_DATA"),
        (Status::ByteOffset, c"DLBRIDGE_ERROR_BYTE_OFFSET"),
        (Status::Dtype, c"DLBRIDGE_ERROR_DTYPE"),
        (Status::Device, c"DLBRIDGE_ERROR_DEVICE"),
        (Status::ReadOnly, c"DLBRIDGE_ERROR_READ_ONLY"),
        (Status::Layout, c"DLBRIDGE_ERROR_LAYOUT"),
        (Status::Overlap, c"DLBRIDGE_ERROR_OVERLAP"),
        (Status::Index, c"DLBRIDGE_ERROR_INDEX"),
        (Status::ByteOrder, c"DLBRIDGE_ERROR_BYTE_ORDER"),
        (Status::Foreign, c"DLBRIDGE_ERROR_FOREIGN"),
        (Status::Shared, c"DLBRIDGE_ERROR_SHARED"),
        (Status::Interface, c"DLBRIDGE_ERROR_INTERFACE"),
        (Status::Internal, c"DLBRIDGE_ERROR_INTERNAL"),
        (Status::Alignment, c"DLBRIDGE_ERROR_ALIGNMENT"),
        (Status::Spec, c"DLBRIDGE_ERROR_SPEC"),
        (Status::NoCuda, c"DLBRIDGE_ERROR_NO_CUDA"),
        (Status::Cuda, c"DLBRIDGE_ERROR_CUDA"),
    ];
}

/// A failure: its kind, and a sentence that names the field or argument, what
/// it was and what it must be.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: Cow<'static, str>,
}

impl Error {
    /// An error of this kind with this sentence.
    #[cold]
    pub fn new(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Error { status, message: message.into() }
    }

    /// An error of this kind with the sentence that `format_args!` describes, or
    /// [`NoMemory`] as an error if there is none for the sentence.
    #[cold]
    pub fn format(status: Status, sentence: fmt::Arguments<'_>) -> Self {
        match sentence.as_str() {
            Some(constant) => Error::new(status, constant),
            None => match memory::format(sentence) {
                Ok(sentence) => Error::new(status, sentence),
                Err(none) => none.into(),
            },
        }
    }

    /// The kind of the failure.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The clone of an error whose sentence finds no memory is [`NoMemory`] as an error.
impl Clone for Error {
    fn clone(&self) -> Self {
        match self.message {
            Cow::Borrowed(constant) => Error::new(self.status, constant),
            Cow::Owned(ref sentence) => Error::format(self.status, format_args!("{sentence}")),
        }
    }
}

impl From<NoMemory> for Error {
    #[cold]
    fn from(_: NoMemory) -> Self {
        Error::new(Status::Memory, "no memory is left")
    }
}

/// Returns early with an [`Error`] of the given status and formatted sentence.
macro_rules! fail {
    ($status:ident, $($text:tt)+) => {
        return Err($crate::error::Error::format(
            $crate::error::Status::$status,
            format_args!($($text)+),
        ))
    };
}
pub(crate) use fail;
