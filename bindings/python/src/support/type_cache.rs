//! What is known of types, found by a type's address.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyType;

/// A power of two.
const PLACES: usize = 64;

/// Values of types. Each type has one place, from which it displaces what was there before.
pub struct TypeCache<T>(Mutex<[Option<Known<T>>; PLACES]>);

struct Known<T> {
    /// Kept alive, so that no other type gets its address.
    class: Py<PyType>,
    value: T,
}

impl<T: Copy> TypeCache<T> {
    pub const fn new() -> TypeCache<T> {
        TypeCache(Mutex::new([const { None }; PLACES]))
    }

    #[inline]
    pub fn get(&self, class: *mut pyo3::ffi::PyTypeObject) -> Option<T> {
        // Nothing in here calls Python, so that no thread waits for the lock while it has the
        // GIL, which the holder of the lock wants.
        let places = self.lock();
        let known = places[place(class)].as_ref()?;
        (known.class.as_ptr() == class.cast()).then_some(known.value)
    }

    pub fn set(&self, class: &Bound<'_, PyType>, value: T) {
        let known = Known { class: class.clone().unbind(), value };
        let displaced = self.lock()[place(class.as_type_ptr())].replace(known);
        // Outside the lock: the end of a type may run Python.
        drop(displaced);
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Known<T>>; PLACES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Types are larger than what is shifted out.
fn place(class: *mut pyo3::ffi::PyTypeObject) -> usize {
    let address = class as usize;
    (address >> 5 ^ address >> 11) % PLACES
}
