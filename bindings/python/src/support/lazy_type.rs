//! Types of frameworks that are asked about without importing them.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTypeInfo, ffi};

use crate::support::modules::imported;
use crate::support::objects::Name;
use crate::support::{errors, objects};

type OwnType = for<'py> fn(Python<'py>) -> Bound<'py, PyType>;

/// A type of a module that may never be imported: as long as it is not, nothing
/// can be of that type.
pub struct LazyType {
    module: &'static str,
    name: &'static str,
    /// Modules and names of types of C, one of which it must be or extend.
    bases: &'static [(&'static str, &'static str)],
    /// The name of the module as Python has it: most modules are looked for again and again.
    key: Name,
    /// For a type of this module, which is there without a look.
    own: Option<OwnType>,
    found: PyOnceLock<Py<PyType>>,
    /// How many modules were imported when this one was not: as long as there are as many, it
    /// is not looked for again.
    absent_among: AtomicUsize,
}

impl LazyType {
    /// The type `name` of the module `module`.
    pub const fn new(module: &'static str, name: &'static str) -> Self {
        LazyType::on(module, name, &[])
    }

    /// One whose objects are read as C structs: what was put in its place does not count.
    pub const fn on(
        module: &'static str,
        name: &'static str,
        bases: &'static [(&'static str, &'static str)],
    ) -> Self {
        LazyType::made(module, name, bases, None)
    }

    /// A type of this extension.
    pub const fn own<T: PyTypeInfo>() -> Self {
        LazyType::made("", "", &[], Some(|py| py.get_type::<T>()))
    }

    const fn made(
        module: &'static str,
        name: &'static str,
        bases: &'static [(&'static str, &'static str)],
        own: Option<OwnType>,
    ) -> Self {
        LazyType {
            module,
            name,
            bases,
            own,
            key: Name::new(),
            found: PyOnceLock::new(),
            absent_among: AtomicUsize::new(usize::MAX),
        }
    }

    /// The type, if its module has been imported.
    #[inline]
    pub fn get<'a, 'py>(&'a self, py: Python<'py>) -> Option<&'a Bound<'py, PyType>> {
        match self.found.get(py) {
            Some(found) => Some(found.bind(py)),
            None => self.look(py),
        }
    }

    /// Whether the object is of that type or a subtype. Unlike `isinstance` this
    /// does not ask the object, which may lie: a mock is no array.
    pub fn is_type_of(&self, object: &Bound<'_, PyAny>) -> bool {
        let is_subtype = |class: &Bound<'_, PyType>| {
            // SAFETY: an object and a type.
            unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), class.as_type_ptr()) != 0 }
        };
        self.get(object.py()).is_some_and(is_subtype)
    }

    /// Whether the object is of exactly that type.
    #[inline]
    pub fn is_exact_type_of(&self, object: &Bound<'_, PyAny>) -> bool {
        // SAFETY: an object.
        let own = unsafe { ffi::Py_TYPE(object.as_ptr()) };
        self.get(object.py()).is_some_and(|class| class.as_type_ptr() == own)
    }

    #[cold]
    fn look<'a, 'py>(&'a self, py: Python<'py>) -> Option<&'a Bound<'py, PyType>> {
        if let Some(own) = self.own {
            return Some(self.found.get_or_init(py, || own(py).unbind()).bind(py));
        }
        let modules = modules(py)?;
        let count = modules.len();
        if self.absent_among.load(Ordering::Relaxed) == count {
            return None;
        }
        let name = objects::interned(py, &self.key, self.module).ok()?;
        if !errors::or_else(py, modules.contains(name), true) {
            self.absent_among.store(count, Ordering::Relaxed);
            return None;
        }
        let class = loaded(modules, name, self.name)?;
        let base =
            |(module, name): &(&str, &str)| loaded(modules, &objects::text(py, module).ok()?, name);
        let mut bases = self.bases.iter().filter_map(base);
        // SAFETY: two types. Not `issubclass`, which asks them.
        let extends = |base: Bound<'_, PyType>| unsafe {
            ffi::PyType_IsSubtype(class.as_type_ptr(), base.as_type_ptr()) != 0
        };
        let is_real = self.bases.is_empty() || bases.any(extends);
        is_real.then(|| self.found.get_or_init(py, || class.unbind()).bind(py))
    }
}

/// How many modules are imported: as long as there are as many, what is absent is taken to stay
/// absent.
pub fn count_modules(py: Python<'_>) -> usize {
    modules(py).map_or(0, |modules| modules.len())
}

/// The modules that are imported, by their names.
fn modules(py: Python<'_>) -> Option<&Bound<'_, PyDict>> {
    static MODULES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let modules = errors::or_else(py, imported(py, &MODULES, c"sys", c"modules").map(Some), None);
    modules?.cast::<PyDict>().ok()
}

/// A type of a module that is imported. Absent while the module is still being imported.
fn loaded<'py>(
    modules: &Bound<'py, PyDict>,
    module: &Bound<'py, PyString>,
    name: &str,
) -> Option<Bound<'py, PyType>> {
    let py = modules.py();
    let find = || match modules.get_item(module)? {
        // A module may make its attributes when they are asked for.
        Some(module) => Ok(Some(module.getattr(objects::text(py, name)?)?.cast_into::<PyType>()?)),
        None => Ok(None),
    };
    errors::or_else(py, find(), None)
}
