//! What was made or found out for a key, and is asked for again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass_init::PyClassInitializer;
use pyo3::types::PyType;

use crate::support::lasting::lasting;

/// A power of two.
const PLACES: usize = 64;

/// Values of keys. Each key has one place, from which it displaces what was there before.
struct Cache<K, V>(Mutex<[Option<(K, V)>; PLACES]>);

impl<K, V> Cache<K, V> {
    const fn new() -> Cache<K, V> {
        Cache(Mutex::new([const { None }; PLACES]))
    }

    /// What `read` makes of the value at that place, if `is_it` says that the key is that.
    #[inline]
    fn get<R>(
        &self,
        place: usize,
        is_it: impl FnOnce(&K) -> bool,
        read: impl FnOnce(&V) -> R,
    ) -> Option<R> {
        // Nothing in here runs Python code, so that no thread waits for the lock while it has
        // the GIL, which the holder of the lock wants.
        self.lock()[place].as_ref().filter(|(key, _)| is_it(key)).map(|(_, value)| read(value))
    }

    fn set(&self, place: usize, key: K, value: V) {
        let displaced = self.lock()[place].replace((key, value));
        // Outside the lock: the end of an object may run Python.
        drop(displaced);
    }

    fn lock(&self) -> MutexGuard<'_, [Option<(K, V)>; PLACES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values of types, which are kept alive, so that no other type gets the address of one.
pub struct TypeCache<T>(Cache<Py<PyType>, T>);

impl<T: Copy> TypeCache<T> {
    pub const fn new() -> TypeCache<T> {
        TypeCache(Cache::new())
    }

    #[inline]
    pub fn get(&self, class: *mut pyo3::ffi::PyTypeObject) -> Option<T> {
        self.0.get(place(class as u64), |known| known.as_ptr() == class.cast(), |value| *value)
    }

    pub fn set(&self, class: &Bound<'_, PyType>, value: T) {
        self.0.set(place(class.as_type_ptr() as u64), class.clone().unbind(), value);
    }
}

/// Immutable objects of plain values, one for each value that is in use.
pub struct ObjectCache<T: PyClass>(Cache<u64, Py<T>>);

impl<T: PyClass> ObjectCache<T> {
    pub const fn new() -> ObjectCache<T> {
        ObjectCache(Cache::new())
    }

    /// The object of a value whose bits are these, which is `made` if there is none.
    #[inline]
    pub fn object<'py>(
        &self,
        py: Python<'py>,
        bits: u64,
        made: impl Into<PyClassInitializer<T>>,
    ) -> PyResult<Bound<'py, T>> {
        let known = self.0.get(place(bits), |known| *known == bits, |object| object.clone_ref(py));
        match known {
            Some(object) => Ok(object.into_bound(py)),
            None => self.make(py, bits, made.into()),
        }
    }

    #[cold]
    fn make<'py>(
        &self,
        py: Python<'py>,
        bits: u64,
        made: PyClassInitializer<T>,
    ) -> PyResult<Bound<'py, T>> {
        let object = lasting(|| Bound::new(py, made))?;
        self.0.set(place(bits), bits, object.clone().unbind());
        Ok(object)
    }
}

/// Keys that differ little have different places.
fn place(bits: u64) -> usize {
    const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    (bits.wrapping_mul(GOLDEN_RATIO) >> (u64::BITS - PLACES.ilog2())) as usize
}
