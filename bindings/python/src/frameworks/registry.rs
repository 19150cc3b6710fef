//! The catalogue of frameworks: every other list of them is made from it.

use dlbridge::Tensor;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyModule, PyTuple};

use crate::frameworks::framework::{Framework, ReadOnly};
use crate::frameworks::{
    cupy, jax, mlx, numba, numpy, paddle, pyarrow, tensorflow, tinygrad, torch, tvm_ffi, warp,
};
use crate::support::cache::TypeCache;
use crate::support::errors;
use crate::support::lazy_type::{self, LazyType};
use crate::support::objects::{self, Name};
use crate::values::tensor::PyTensor;

static OWN_TYPE: LazyType = LazyType::own::<PyTensor>();

/// Whose arrays are `dlbridge.Tensor`.
static OWN: Framework = Framework {
    name: "dlbridge",
    title: "dlbridge",
    module: "dlbridge",
    distributions: &["dlbridge"],
    arrays: &[&OWN_TYPE],
    read_only: ReadOnly::Kept,
    protocol: "dlbridge.Tensor",
    ..Framework::ANY
};

pub static NUMPY: &Framework = &numpy::framework::FRAMEWORK;
pub static TORCH: &Framework = &torch::framework::FRAMEWORK;
pub static JAX: &Framework = &jax::FRAMEWORK;
pub static CUPY: &Framework = &cupy::FRAMEWORK;
pub static TENSORFLOW: &Framework = &tensorflow::FRAMEWORK;
pub static PADDLE: &Framework = &paddle::FRAMEWORK;
pub static MLX: &Framework = &mlx::FRAMEWORK;

/// All of them. The first ones are what most arrays are.
pub static ALL: [&Framework; 13] = [
    NUMPY,
    TORCH,
    JAX,
    CUPY,
    TENSORFLOW,
    PADDLE,
    MLX,
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
    exactly(object).or_else(|| of_type(object))
}

/// As `of`, by the type of the object and its bases, which are looked at once.
fn of_type(object: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    /// A framework, or among how many modules there was none of the type.
    type Known = Result<&'static Framework, usize>;
    static KNOWN: TypeCache<Known> = TypeCache::new();
    let modules = || lazy_type::count_modules(object.py());
    match KNOWN.get(object.get_type_ptr()) {
        Some(Ok(framework)) => return Some(framework),
        Some(Err(count)) if count == modules() => return None,
        _ => {}
    }
    let found = ALL.into_iter().find(|framework| framework.has(object));
    KNOWN.set(&object.get_type(), found.ok_or_else(modules));
    found
}

/// The framework of what most arrays are, without a look at the bases of its type.
#[inline]
pub fn exactly(object: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    if numpy::ARRAY.is_exact_type_of(object) {
        return Some(NUMPY);
    }
    if torch::is_plain(object) {
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

/// Name, title, module and distributions of each framework. For the command line, and tests.
#[pyfunction]
pub fn _catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    let text = |text: &str| objects::text(py, text).map(Bound::into_any);
    let texts = |texts: &[&str]| objects::tuple_of(py, texts.iter().map(|each| text(each)));
    let entry = |framework: &&Framework| {
        let Framework { name, title, module, distributions, .. } = framework;
        let distributions = texts(distributions)?.into_any();
        let entry = [text(name)?, text(title)?, text(module)?, distributions];
        objects::tuple(py, entry).map(Bound::into_any)
    };
    objects::tuple_of(py, ALL.iter().map(entry))
}

/// Reads the argument `to`: a name, a module, or an array of the same kind.
pub fn parse(to: &Bound<'_, PyAny>) -> PyResult<&'static Framework> {
    if let Some(framework) = at_once(to) {
        return Ok(framework);
    }
    if let Some(name) = errors::text(to) {
        return named(&name).ok_or_else(|| unknown(&format!("{:?}", errors::shortened(&name))));
    }
    if let Ok(module) = to.cast::<PyModule>() {
        let name = module.name()?.to_string_lossy().into_owned();
        let found = of_module(&name).ok_or_else(|| unknown(&format!("the module {name}")))?;
        return Ok(remember(module, found));
    }
    of(to).ok_or_else(|| {
        let wanted = format!("one of {}, the module of one, or an array of one", names());
        errors::wrong_type("to", to, &wanted)
    })
}

/// As `parse`, where one look tells: a name as programs write it, a module that was given
/// before, an array of the exact type.
#[inline]
pub fn at_once(to: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    interned(to).or_else(|| exactly(to)).or_else(|| remembered(to))
}

/// The framework whose name this object is: texts of a program are the same objects.
#[inline]
fn interned(to: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    static NAMES: [Name; ALL.len()] = [const { Name::new() }; ALL.len()];
    let mut known = NAMES.iter().zip(ALL);
    // A name that cannot be made now is read letter by letter.
    let is_it = |name: &Name, framework: &Framework| {
        objects::interned(to.py(), name, framework.name).is_ok_and(|name| name.is(to))
    };
    known.find(|(name, framework)| is_it(name, framework)).map(|(_, framework)| framework)
}

/// For each framework the first of its modules that was given.
static MODULES: [PyOnceLock<Py<PyModule>>; ALL.len()] = [const { PyOnceLock::new() }; ALL.len()];

fn remember(module: &Bound<'_, PyModule>, found: &'static Framework) -> &'static Framework {
    for (cell, framework) in MODULES.iter().zip(ALL) {
        if std::ptr::eq(framework, found) {
            cell.get_or_init(module.py(), || module.clone().unbind());
        }
    }
    found
}

fn remembered(to: &Bound<'_, PyAny>) -> Option<&'static Framework> {
    let py = to.py();
    let mut known = MODULES.iter().zip(ALL);
    let is_it = |cell: &PyOnceLock<Py<PyModule>>| {
        cell.get(py).is_some_and(|module| module.as_ptr() == to.as_ptr())
    };
    known.find(|(cell, _)| is_it(cell)).map(|(_, framework)| framework)
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

/// A tensor of an object that speaks no protocol, but whose framework is known. It
/// is a copy, which `copy` false refuses.
pub fn copied_from(object: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Option<Tensor>> {
    let mut readers = ALL.iter().filter_map(|framework| framework.copied_from);
    readers.find_map(|read| read(object, copy).transpose()).transpose()
}

/// What is known, without making it, of the copy that an object gives out, and why
/// it gives out no more. The memory of that tensor is not there.
pub fn would_copy_out(object: &Bound<'_, PyAny>) -> PyResult<Option<(Tensor, &'static str)>> {
    match of(object).and_then(|framework| framework.would_copy_out) {
        Some(foresee) => foresee(object).map(Some),
        None => Ok(None),
    }
}
