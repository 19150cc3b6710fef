//! Types of frameworks that are asked about without importing them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTypeInfo, ffi};

use crate::support::modules::imported;
use crate::support::objects::Name;
use crate::support::{errors, objects};

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
    own: Option<for<'py> fn(Python<'py>) -> Bound<'py, PyType>>,
    found: PyOnceLock<Py<PyType>>,
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
        LazyType { module, name, bases, key: Name::new(), own: None, found: PyOnceLock::new() }
    }

    /// A type of this extension.
    pub const fn own<T: PyTypeInfo>() -> Self {
        let own: for<'py> fn(Python<'py>) -> Bound<'py, PyType> = |py| py.get_type::<T>();
        LazyType {
            module: "",
            name: "",
            bases: &[],
            key: Name::new(),
            own: Some(own),
            found: PyOnceLock::new(),
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
        let class = loaded(objects::interned(py, &self.key, self.module).ok()?, self.name)?;
        let base = |(module, name): &(&str, &str)| loaded(&objects::text(py, module).ok()?, name);
        let mut bases = self.bases.iter().filter_map(base);
        // SAFETY: two types. Not `issubclass`, which asks them.
        let extends = |base: Bound<'_, PyType>| unsafe {
            ffi::PyType_IsSubtype(class.as_type_ptr(), base.as_type_ptr()) != 0
        };
        let is_real = self.bases.is_empty() || bases.any(extends);
        is_real.then(|| self.found.get_or_init(py, || class.unbind()).bind(py))
    }
}

/// A type of a module that is imported. Absent while the module is still being imported.
fn loaded<'py>(module: &Bound<'py, PyString>, name: &str) -> Option<Bound<'py, PyType>> {
    static MODULES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = module.py();
    let find = || {
        let modules = imported(py, &MODULES, c"sys", c"modules")?.cast::<PyDict>()?;
        match modules.get_item(module)? {
            // A module may make its attributes when they are asked for.
            Some(module) => {
                Ok(Some(module.getattr(objects::text(py, name)?)?.cast_into::<PyType>()?))
            }
            None => Ok(None),
        }
    };
    errors::or_else(py, find(), None)
}
