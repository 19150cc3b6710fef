//! The Python object that is called: `<dlbridge function blur(src, sigma, *, dst=None)>`.
//!
//! A class of PyO3 is called with a tuple, and a function of the interpreter's own C type has
//! neither module nor text of its own; so this is a type of its own, which is called in the
//! way that has no tuple.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::bind::call::function::Function;
use crate::support::arguments::{Arguments, unpacked};
use crate::support::ask::Ask;
use crate::support::modules;
use crate::support::{fastcall, objects};

#[repr(C)]
struct Callable {
    header: PyObject,
    call: ffi::vectorcallfunc,
    function: *mut PyObject,
    weak_references: *mut PyObject,
    /// `__module__`, which an attribute of the type would hide, and what users put there.
    attributes: *mut PyObject,
}

/// An object that calls the function.
pub fn new<'py>(function: Bound<'py, Function>) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let class = class(py)?;
    let module = attribute_of(function.get(), py, "__module__")?;
    let attributes = objects::named(py, [("__module__", module)])?;
    // SAFETY: the type is that of a `Callable`, whose fields are zeros; no code runs before
    // they are filled.
    unsafe {
        let object = ffi::PyType_GenericAlloc(class, 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let callable = object.as_ptr().cast::<Callable>();
        (*callable).call = call;
        (*callable).function = function.into_ptr();
        (*callable).attributes = attributes.into_ptr();
        Ok(object)
    }
}

/// An attribute of the Python function.
fn attribute_of<'py>(
    function: &Function,
    py: Python<'py>,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let [module, qualified] = &function.home;
    let text = match name {
        "__name__" => &function.name,
        "__qualname__" => qualified,
        "__module__" => module,
        "__doc__" => &function.doc,
        "__text_signature__" => &function.call_text[function.name.len()..],
        _ => {
            let bind = modules::import(py, c"dlbridge._bind")?;
            let text = objects::text(py, &function.call_text[function.name.len()..])?;
            return bind.method(c"_signature", [&text]);
        }
    };
    objects::text(py, text).map(Bound::into_any)
}

/// The interpreter calls this.
unsafe extern "C" fn call(
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    /// Set where the place before the arguments may be written to.
    const OFFSET: usize = 1 << (usize::BITS - 1);
    let count = count & !OFFSET;
    // SAFETY: the interpreter calls with the GIL, an object of the type, and `count`
    // arguments and then one for each name.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as above.
    fastcall::answer(|| unsafe {
        let function = function_of(py, &callable);
        function.get().enter(py, Arguments::from_raw(py, arguments, count, &names))
    })
}

/// The interpreter calls this for `f.__call__(...)` alone. Its own function that passes a tuple
/// and a dict on to the one above is no part of the limited API of 3.11.
unsafe extern "C" fn call_unpacked(
    callable: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls with the GIL, an object of the type, a tuple, and NULL or a
    // dict.
    fastcall::answer(|| unsafe {
        let py = Python::assume_attached();
        let function = function_of(py, &callable).get();
        let arguments = Bound::ref_from_ptr(py, &arguments).cast_unchecked::<PyTuple>();
        let keywords = Bound::from_borrowed_ptr_or_opt(py, keywords);
        let keywords = keywords.as_ref().map(|keywords| keywords.cast_unchecked::<PyDict>());
        unpacked(arguments, keywords, |given| function.enter(py, given))
    })
}

/// # Safety
/// An object of the type, which lives for `'a`.
unsafe fn function_of<'a, 'py>(
    py: Python<'py>,
    callable: &'a *mut PyObject,
) -> &'a Bound<'py, Function> {
    // SAFETY: the caller's promise; `new` filled the fields.
    unsafe {
        let callable = &*callable.cast::<Callable>();
        Bound::ref_from_ptr(py, &callable.function).cast_unchecked()
    }
}

fn class(py: Python<'_>) -> PyResult<*mut ffi::PyTypeObject> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || make_class(py).map(Bound::unbind))?;
    Ok(class.as_ptr().cast())
}

fn make_class(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // These have no names in the stable ABI of 3.11.
    const HAVE_VECTORCALL: u64 = 1 << 11;
    const IMMUTABLE: u64 = 1 << 8;
    const NOT_CALLED: u64 = 1 << 7;
    let member = |name: &'static std::ffi::CStr, offset: usize| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    };
    let mut members = [
        member(c"__vectorcalloffset__", offset_of!(Callable, call)),
        member(c"__weaklistoffset__", offset_of!(Callable, weak_references)),
        member(c"__dictoffset__", offset_of!(Callable, attributes)),
        // SAFETY: zeros end the list.
        unsafe { std::mem::zeroed() },
    ];
    // The type points to these for ever.
    let attributes = Box::leak(Box::new([
        attribute(c"__name__"),
        attribute(c"__qualname__"),
        attribute(c"__doc__"),
        attribute(c"__text_signature__"),
        attribute(c"__signature__"),
        // SAFETY: as above.
        unsafe { std::mem::zeroed() },
    ]));
    let method = |name: &'static std::ffi::CStr, function, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: flags,
        ml_doc: ptr::null(),
    };
    let methods = Box::leak(Box::new([
        method(c"__reduce__", reduce, ffi::METH_NOARGS),
        method(c"__copy__", itself, ffi::METH_NOARGS),
        method(c"__deepcopy__", itself, ffi::METH_O),
        ffi::PyMethodDef::zeroed(),
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_dealloc, deallocate as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_call, call_unpacked as *mut c_void),
        slot(ffi::Py_tp_repr, represent as *mut c_void),
        slot(ffi::Py_tp_descr_get, stay as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, attributes.as_mut_ptr().cast()),
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(0, ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_GC
        | HAVE_VECTORCALL
        | IMMUTABLE
        | NOT_CALLED;
    let mut spec = ffi::PyType_Spec {
        name: c"dlbridge.BoundFunction".as_ptr(),
        basicsize: size_of::<Callable>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the description of a type whose objects are `Callable`s.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)) }
}

/// An attribute, which `get` finds by its name.
fn attribute(name: &'static std::ffi::CStr) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: ptr::null(),
        closure: name.as_ptr().cast_mut().cast(),
    }
}

unsafe extern "C" fn get(callable: *mut PyObject, name: *mut c_void) -> *mut PyObject {
    // SAFETY: the interpreter calls with the GIL and an object of the type; the closure is
    // the name of the attribute.
    fastcall::answer(|| unsafe {
        let py = Python::assume_attached();
        let name = std::ffi::CStr::from_ptr(name.cast_const().cast());
        attribute_of(function_of(py, &callable).get(), py, &name.to_string_lossy())
    })
}

unsafe extern "C" fn represent(callable: *mut PyObject) -> *mut PyObject {
    // SAFETY: as above.
    fastcall::answer(|| unsafe {
        let py = Python::assume_attached();
        let function = function_of(py, &callable).get();
        let text = format_args!("<dlbridge function {}>", function.call_text);
        objects::display(py, text).map(Bound::into_any)
    })
}

/// Its name: pickle looks for the function where that says, and refuses if it is not there.
unsafe extern "C" fn reduce(callable: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: as above.
    fastcall::answer(|| unsafe {
        let py = Python::assume_attached();
        attribute_of(function_of(py, &callable).get(), py, "__qualname__")
    })
}

/// Functions are never copied.
unsafe extern "C" fn itself(callable: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: an object.
    unsafe { ffi::Py_NewRef(callable) }
}

/// In a class it is no method. With this `inspect` and `pydoc` take it for a function.
unsafe extern "C" fn stay(
    callable: *mut PyObject,
    _: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: an object.
    unsafe { ffi::Py_NewRef(callable) }
}

unsafe extern "C" fn traverse(
    callable: *mut PyObject,
    visit: ffi::visitproc,
    context: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls with an object of the type, and its own function.
    unsafe {
        let Callable { function, attributes, .. } = *callable.cast::<Callable>();
        for object in [function, attributes, ffi::Py_TYPE(callable).cast()] {
            if !object.is_null() && visit(object, context) != 0 {
                return 1;
            }
        }
        0
    }
}

/// The function itself is needed as long as the object is.
unsafe extern "C" fn clear(callable: *mut PyObject) -> c_int {
    // SAFETY: as above.
    unsafe {
        let attributes = &mut (*callable.cast::<Callable>()).attributes;
        ffi::Py_XDECREF(std::mem::replace(attributes, ptr::null_mut()));
    }
    0
}

unsafe extern "C" fn deallocate(callable: *mut PyObject) {
    // SAFETY: the interpreter calls with an object of the type that nobody has any more.
    unsafe {
        let class = ffi::Py_TYPE(callable);
        ffi::PyObject_GC_UnTrack(callable.cast());
        let Callable { function, weak_references, attributes, .. } = *callable.cast::<Callable>();
        if !weak_references.is_null() {
            ffi::PyObject_ClearWeakRefs(callable);
        }
        ffi::Py_XDECREF(function);
        ffi::Py_XDECREF(attributes);
        ffi::PyObject_GC_Del(callable.cast());
        ffi::Py_DECREF(class.cast());
    }
}
