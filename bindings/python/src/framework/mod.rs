//! The frameworks that arrays are converted to: what each takes, and how it is
//! given a tensor. None is imported before an array of it is asked for.

pub mod alignment;
mod carrier;
mod cupy;
mod jax;
mod judge;
mod mlx;
mod numba;
mod numpy;
mod paddle;
mod pyarrow;
mod tensorflow;
mod tinygrad;
mod torch;
mod tvm_ffi;
mod warp;

use std::fmt;

use dlbridge::abi::{DLDataType, DLDataTypeCode, Flags};
use dlbridge::{DType, Tensor, TensorRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyModule, PyTuple};

use crate::errors;
use crate::loaded::LoadedType;
use crate::support::objects::{self, Ask, Name};
use crate::tensor::PyTensor;

pub use carrier::Carrier;
pub use cupy::current_stream as cupy_stream;
pub use judge::{Reason, Request, Verdict, judge};

/// A framework, as data where it has nothing special.
pub struct Framework {
    /// What `convert` calls it: the name of its module.
    pub name: &'static str,
    /// What it calls itself.
    pub title: &'static str,
    /// The types of its arrays, the first one being what it is given here.
    pub arrays: &'static [&'static LoadedType],
    /// The strides that it takes.
    pub order: Order,
    /// What the address of the first element must be a multiple of on the host: less would
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
    pub give: Give,
}

/// Makes an array from a tensor: from the Python object, from an owner, or from a view
/// and the object that keeps its memory.
#[derive(Clone, Copy)]
pub enum Give {
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

impl Framework {
    /// A framework that takes all that DLPack has.
    const ANY: Framework = Framework {
        name: "",
        title: "",
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
        give: Give::Object(|tensor| Ok(tensor.clone().into_any())),
    };

    /// An array of it on memory of CUDA. It names its own stream, which then waits.
    pub fn give_on_gpu<'py>(
        &'static self,
        tensor: &Bound<'py, PyTensor>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = tensor.py();
        let Some(OnGpu { module, function, form }) = &self.on_gpu else {
            return Ok(tensor.clone().into_any());
        };
        let argument = match form {
            Form::Versioned => Carrier::versioned(self, tensor)?.into_any(),
            Form::Legacy => Carrier::legacy(self, tensor)?.into_any(),
            Form::Interface => tensor.clone().into_any(),
        };
        let array = self.attribute(py, module, function)?.called([&argument]);
        array.map_err(|error| self.refusal(&tensor.get().core().view(), py, error))
    }

    /// Whether an object is an array of the framework.
    pub fn has(&self, object: &Bound<'_, PyAny>) -> bool {
        match exactly(object) {
            Some(framework) => std::ptr::eq(framework, self),
            None => self.includes(object),
        }
    }

    fn includes(&self, object: &Bound<'_, PyAny>) -> bool {
        self.arrays.iter().any(|class| class.is_type_of(object))
    }

    /// Imports a module of the framework, and takes an attribute of it.
    fn attribute<'py>(
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
    fn missing(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let message = format!("{}() needs {}, which cannot be imported", self.name, self.title);
        errors::instead(py, error, |error| {
            let wrapped = errors::new::<pyo3::exceptions::PyImportError>(message);
            wrapped.set_cause(py, Some(error));
            wrapped
        })
    }

    /// The error for what the framework refused by itself.
    #[cold]
    fn refusal(&self, tensor: &dyn fmt::Display, py: Python<'_>, error: PyErr) -> PyErr {
        let tell = |text: &str| format!("{} does not take {tensor}: {text}", self.title);
        errors::retold(py, error, tell)
    }
}

impl fmt::Debug for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Whose arrays are `dlbridge.Tensor`.
static OWN: Framework = Framework {
    name: "dlbridge",
    title: "dlbridge",
    read_only: ReadOnly::Kept,
    protocol: "dlbridge.Tensor",
    ..Framework::ANY
};

pub static NUMPY: &Framework = &numpy::FRAMEWORK;
pub static TORCH: &Framework = &torch::FRAMEWORK;
pub static JAX: &Framework = &jax::FRAMEWORK;
pub static CUPY: &Framework = &cupy::FRAMEWORK;
pub static TENSORFLOW: &Framework = &tensorflow::FRAMEWORK;
pub static PADDLE: &Framework = &paddle::FRAMEWORK;
pub static MLX: &Framework = &mlx::FRAMEWORK;

/// All of them. The first ones are what most arrays are.
pub static ALL: [&Framework; 13] = [
    &numpy::FRAMEWORK,
    &torch::FRAMEWORK,
    &jax::FRAMEWORK,
    &cupy::FRAMEWORK,
    &tensorflow::FRAMEWORK,
    &paddle::FRAMEWORK,
    &mlx::FRAMEWORK,
    &pyarrow::FRAMEWORK,
    &numba::FRAMEWORK,
    &warp::FRAMEWORK,
    &tinygrad::FRAMEWORK,
    &tvm_ffi::FRAMEWORK,
    &OWN,
];

/// The framework of that name.
pub fn named(name: &str) -> Option<&'static Framework> {
    ALL.into_iter().find(|framework| framework.name == name)
}

/// The framework that a module is part of, by its full name.
pub fn of_module(name: &str) -> Option<&'static Framework> {
    match name.split('.').next().unwrap_or_default() {
        "keras" => Some(&tensorflow::FRAMEWORK),
        "jaxlib" => Some(&jax::FRAMEWORK),
        top => named(top),
    }
}

/// The framework that an object is an array of.
pub fn of(object: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    exactly(object).or_else(|| ALL.into_iter().find(|framework| framework.includes(object)))
}

/// The framework of what most arrays are, without a look at the bases of its type.
fn exactly(object: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    if crate::numpy::ARRAY.is_exact_type_of(object) {
        return Some(NUMPY);
    }
    if crate::torch::TENSOR.is_exact_type_of(object) {
        return Some(TORCH);
    }
    object.is_exact_instance_of::<PyTensor>().then_some(&OWN)
}

/// The names of the frameworks that `convert` takes as `to`.
#[pyfunction]
pub fn frameworks(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    let names = ALL.iter().map(|framework| objects::text(py, framework.name).map(Bound::into_any));
    objects::tuple_of(py, names)
}

/// Reads the argument `to`: a name, a module, or an array of the same kind.
pub fn parse(to: &Bound<'_, PyAny>) -> PyResult<&'static Framework> {
    if let Some(framework) = interned(to) {
        return Ok(framework);
    }
    if let Some(name) = errors::text(to) {
        return named(&name).ok_or_else(|| unknown(&format!("{:?}", errors::shortened(&name))));
    }
    if let Ok(module) = to.cast::<PyModule>() {
        let name = module.name()?.to_string_lossy().into_owned();
        return of_module(&name).ok_or_else(|| unknown(&format!("the module {name}")));
    }
    of(to).ok_or_else(|| {
        let wanted = format!("one of {}, the module of one, or an array of one", names());
        errors::wrong_type("to", to, &wanted)
    })
}

/// The framework whose name this object is: texts of a program are the same objects.
pub fn interned(to: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    static NAMES: [Name; ALL.len()] = [const { Name::new() }; ALL.len()];
    let mut known = NAMES.iter().zip(ALL);
    // A name that cannot be made now is read letter by letter.
    let is_it = |name: &Name, framework: &Framework| {
        objects::interned(to.py(), name, framework.name).is_ok_and(|name| name.is(to))
    };
    known.find(|(name, framework)| is_it(name, framework)).map(|(_, framework)| framework)
}

#[cold]
fn unknown(given: &str) -> PyErr {
    errors::new::<PyValueError>(format_args!("to is {given}; it must be one of {}", names()))
}

fn names() -> String {
    ALL.map(|framework| format!("\"{}\"", framework.name)).join(", ")
}

/// What an object is called in plans and audits: the framework of an array, else
/// its type.
pub fn source_name(object: &Bound<'_, PyAny>) -> String {
    match of(object) {
        Some(framework) => framework.name.to_owned(),
        None if object.is_instance_of::<PyCapsule>() => "capsule".to_owned(),
        None => errors::type_name(object),
    }
}

/// Refuses objects of frameworks that have no memory to share, where asking them
/// for it would end badly, and those whose meaning would be lost.
pub fn check_source(object: &Bound<'_, PyAny>) -> PyResult<()> {
    tensorflow::check_source(object)?;
    paddle::check_source(object)
}

/// A tensor of an object that speaks no protocol, but whose framework is known. It
/// is a copy, which `copy` false refuses.
pub fn copied_from(object: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Option<Tensor>> {
    tensorflow::explain_source(object)?;
    match tinygrad::FRAMEWORK.has(object) {
        true => tinygrad::copied_from(object, copy).map(Some),
        false => Ok(None),
    }
}

/// What is known, without making it, of the copy that an object gives out, and why
/// it gives out no more. The memory of that tensor is not there.
pub fn would_copy_out(object: &Bound<'_, PyAny>) -> PyResult<Option<(Tensor, &'static str)>> {
    match tinygrad::FRAMEWORK.has(object) {
        true => tinygrad::would_copy_out(object).map(Some),
        false => Ok(None),
    }
}

/// What is known of memory that comes in DLPack's legacy form, which does not say
/// whether it may be written to: JAX's may not. Warp has no other form, nor had PyTorch
/// before 2.9.
pub fn legacy_flags(producer: &Bound<'_, PyAny>) -> Flags {
    let is_writable = warp::FRAMEWORK.has(producer) || crate::torch::is_plain(producer);
    if is_writable { Flags::empty() } else { Flags::READ_ONLY }
}

/// The element types of NumPy but for its long double.
fn is_plain(dtype: DType) -> bool {
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
fn is_one_of(dtype: DType, names: &[&str]) -> bool {
    let name = dtype.to_string();
    names.contains(&name.as_str())
}

/// The reason that a framework does not have a type.
fn lacks(title: &str, dtype: DType) -> Option<Reason> {
    Some(
        format!("dtype is {dtype}, which {title} does not have; convert the elements before")
            .into(),
    )
}
