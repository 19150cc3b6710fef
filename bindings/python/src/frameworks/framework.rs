//! A framework as data: what its arrays are, what it takes, and how it is given a tensor.

use std::fmt;

use dlbridge::abi::{DLDataType, DLDataTypeCode, Flags};
use dlbridge::cuda::Stream;
use dlbridge::{DType, Device, Tensor, TensorRef};
use pyo3::prelude::*;

use crate::protocols::raw_array::Raw;
use crate::support::lazy_type::LazyType;
use crate::support::{errors, objects};
use crate::values::tensor::PyTensor;

/// A sentence, short enough to be returned in registers: nearly always there is none.
pub type Reason = Box<str>;

type CheckFn = fn(&Bound<'_, PyAny>) -> PyResult<()>;
type CopyFn = fn(&Bound<'_, PyAny>, Option<bool>) -> PyResult<Option<Tensor>>;
type GiveAtOnceFn =
    for<'py> fn(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>>;
type HostReadFn = for<'py> fn(&Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>>;
type ForeseeFn = fn(&Bound<'_, PyAny>) -> PyResult<(Tensor, &'static str)>;
type StreamFn = fn(Python<'_>, Device) -> PyResult<Stream>;

/// A framework, as data where it has nothing special.
pub struct Framework {
    /// What `convert` calls it.
    pub name: &'static str,
    /// What it calls itself.
    pub title: &'static str,
    /// The module that has its arrays.
    pub module: &'static str,
    /// The packages of the index that bring the module: one of them is installed.
    pub distributions: &'static [&'static str],
    /// The types of its arrays, the first one being what it is given here.
    pub arrays: &'static [&'static LazyType],
    /// The strides that it takes.
    pub order: Order,
    /// What the address of the first element must be a multiple of on the host, a power of two: less would
    /// end the process in an operation of the framework, or make it copy.
    pub alignment: fn(DType) -> usize,
    /// Whether it refuses a negative stride also where nothing is reached through its axis.
    pub refuses_idle_negatives: fn(&TensorRef<'_>) -> bool,
    /// The numbers of dimensions that it takes.
    pub ndim: (usize, usize),
    pub read_only: ReadOnly,
    /// Why it cannot have elements of a type, even as a copy.
    pub unfit: fn(Python<'_>, &TensorRef<'_>) -> Option<Reason>,
    /// Why it copies whatever it is given.
    pub copies: Option<&'static str>,
    /// Fails where it could not take even its own copy, as it is set up here.
    pub ready: Option<fn(Python<'_>) -> PyResult<()>>,
    /// Why it takes no memory on the host.
    pub not_host: Option<&'static str>,
    /// How it takes memory of CUDA in the order of its streams, if it does.
    pub on_gpu: Option<OnGpu>,
    /// The way by which it is given a tensor.
    pub protocol: &'static str,
    /// Makes an array of it, on a tensor that was judged to suit it.
    pub give: ExportFn,
    /// As `give`, of a view and the object that keeps its memory, if no foreign code runs for
    /// it: None where some would.
    pub give_at_once: Option<GiveAtOnceFn>,
    /// Whether what it gives in the legacy form of DLPack, which cannot say so, may be written to.
    pub legacy_is_writable: bool,
    /// Reads its arrays on the host by another protocol than DLPack, where anything is accepted
    /// and that takes less time. What it does not read, or fails to, is read by DLPack.
    pub read_on_host: Option<HostReadFn>,
    /// Refuses its objects that have no memory to share, where asking them for it would end
    /// badly, and those whose meaning would be lost.
    pub check_source: Option<CheckFn>,
    /// Reads objects of it that speak no protocol: a copy, which `copy` false refuses, or why
    /// there is none.
    pub copied_from: Option<CopyFn>,
    /// What is known of that copy without making it, on no memory, and why it is one.
    pub would_copy_out: Option<ForeseeFn>,
    /// The stream that it works on now.
    pub current_stream: Option<StreamFn>,
}

impl Framework {
    /// A framework that takes all that DLPack has.
    pub const ANY: Framework = Framework {
        name: "",
        title: "",
        module: "",
        distributions: &[],
        arrays: &[],
        order: Order::Any,
        alignment: |_| 1,
        refuses_idle_negatives: |_| false,
        ndim: (0, dlbridge::abi::MAX_NDIM),
        read_only: ReadOnly::Lost,
        unfit: |_, _| None,
        copies: None,
        ready: None,
        not_host: None,
        on_gpu: None,
        protocol: "DLPack capsule",
        give: ExportFn::Object(|tensor| Ok(tensor.clone().into_any())),
        give_at_once: None,
        legacy_is_writable: false,
        read_on_host: None,
        check_source: None,
        copied_from: None,
        would_copy_out: None,
        current_stream: None,
    };

    /// What is known of memory that comes in DLPack's legacy form, which does not say whether it
    /// may be written to: JAX's may not. Warp has no other form, nor had PyTorch before 2.9.
    pub fn legacy_flags(&self) -> Flags {
        if self.legacy_is_writable { Flags::empty() } else { Flags::READ_ONLY }
    }

    /// Whether an object is an array of the framework.
    pub fn has(&self, object: &Bound<'_, PyAny>) -> bool {
        self.arrays.iter().any(|class| class.is_type_of(object))
    }

    /// Imports a module of the framework, and takes an attribute of it.
    pub fn attribute<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        attribute: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = objects::text(py, module)?;
        let module = py.import(name).map_err(|error| self.missing(py, error))?;
        module.getattr(objects::text(py, attribute)?).map_err(|error| {
            let title = self.title;
            let message =
                format!("this version of {title} has no {attribute}, by which it takes tensors");
            errors::refused_because(py, message, error)
        })
    }

    /// The error for a framework that cannot be imported.
    #[cold]
    pub fn missing(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let message = format!("{}() needs {}, which cannot be imported", self.name, self.title);
        errors::instead(py, error, |error| {
            let wrapped = errors::new::<pyo3::exceptions::PyImportError>(message);
            wrapped.set_cause(py, Some(error));
            wrapped
        })
    }

    /// The error for what the framework refused by itself.
    #[cold]
    pub fn refusal(&self, tensor: &dyn fmt::Display, py: Python<'_>, error: PyErr) -> PyErr {
        let tell = |text: &str| format!("{} does not take {tensor}: {text}", self.title);
        errors::retold(py, error, tell)
    }
}

/// There is one of each.
impl PartialEq for Framework {
    fn eq(&self, other: &Framework) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Makes an array from a tensor: from the Python object, from an owner, or from a view
/// and the object that keeps its memory.
#[derive(Clone, Copy)]
pub enum ExportFn {
    Object(for<'py> fn(&Bound<'py, PyTensor>) -> PyResult<Bound<'py, PyAny>>),
    View(for<'py> fn(&TensorRef<'_>, Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>),
    Owner(for<'py> fn(Python<'py>, Tensor) -> PyResult<Bound<'py, PyAny>>),
}

/// A function of a framework that takes objects with memory of CUDA, and names its
/// stream to them.
pub struct OnGpu {
    pub module: &'static str,
    pub function: &'static str,
    pub form: Form,
}

/// What such a function is given: an object with `__dlpack__`, or a tensor for its CUDA
/// array interface.
pub enum Form {
    Versioned,
    Legacy,
    Interface,
}

/// The strides that a framework takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Any,
    /// All but negative ones.
    NotNegative,
    /// Those of an array without gaps or repetitions, its axes in any order.
    Permuted,
    /// C order without gaps.
    C,
}

/// What becomes of read-only memory in a framework.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// Its arrays can be read-only.
    Kept,
    /// None of its arrays can be written to.
    Immutable,
    /// All of its arrays can be written to.
    Lost,
}

/// The element types of NumPy but for its long double.
pub fn is_plain(dtype: DType) -> bool {
    let DLDataType { code, bits, lanes } = dtype.raw();
    lanes == 1
        && match code {
            DLDataTypeCode::INT | DLDataTypeCode::UINT => bits >= 8,
            DLDataTypeCode::BOOL => true,
            DLDataTypeCode::FLOAT => bits <= 64,
            DLDataTypeCode::COMPLEX => bits >= 64,
            _ => false,
        }
}

/// Whether the dtype has one of these names.
pub fn is_one_of(dtype: DType, names: &[&str]) -> bool {
    let name = dtype.to_string();
    names.contains(&name.as_str())
}

/// The reason that a framework does not have a type.
pub fn lacks(title: &str, dtype: DType) -> Option<Reason> {
    Some(
        format!("dtype is {dtype}, which {title} does not have; convert the elements before")
            .into(),
    )
}
