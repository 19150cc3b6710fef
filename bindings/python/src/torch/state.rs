//! What makes the memory of a torch.Tensor mean something else than its numbers.
//!
//! PyTorch's Python attributes tell that, each of which takes as long as all else of an
//! exchange. The C++ functions behind them take no time. They have no stable interface,
//! so that they are used only after they were tried on tensors of each kind, and told the
//! same as the attributes; else the attributes are asked.

use std::ffi::{CString, c_void};

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// An `at::TensorImpl *`.
type Implementation = *const c_void;

/// The C++ functions. An `at::Tensor` is a pointer to its implementation.
#[derive(Clone, Copy)]
struct Functions {
    /// `bool c10::TensorImpl::requires_grad() const`
    requires_grad: unsafe extern "C" fn(Implementation) -> bool,
    /// `bool at::native::is_neg(const at::Tensor &)`
    is_neg: unsafe extern "C" fn(*const Implementation) -> bool,
    /// `bool at::native::is_conj(const at::Tensor &)`
    is_conj: unsafe extern "C" fn(*const Implementation) -> bool,
}

/// None if the C++ functions are not as they are known here.
static FUNCTIONS: PyOnceLock<Option<Functions>> = PyOnceLock::new();

fn functions(py: Python<'_>) -> Option<&'static Functions> {
    match FUNCTIONS.get(py) {
        Some(found) => found.as_ref(),
        None => FUNCTIONS.get_or_init(py, || tried(py).unwrap_or_default()).as_ref(),
    }
}

/// What is to be known of a torch.Tensor before its memory is taken for its numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Autograd records what is done with it.
    pub requires_grad: bool,
    /// Its numbers are the negatives of those in memory.
    pub is_neg: bool,
    /// Its numbers are the conjugates of those in memory.
    pub is_conj: bool,
}

impl State {
    /// Of a tensor of PyTorch's own types, not of a subclass.
    #[inline]
    pub fn of(x: &Bound<'_, PyAny>) -> PyResult<State> {
        match functions(x.py()) {
            // SAFETY: tried.
            Some(functions) => Ok(unsafe { functions.tell(tensor_of(x)) }),
            None => State::asked(x),
        }
    }

    /// As the attributes tell.
    pub fn asked(x: &Bound<'_, PyAny>) -> PyResult<State> {
        let py = x.py();
        Ok(State {
            requires_grad: x.getattr(intern!(py, "requires_grad"))?.is_truthy()?,
            is_neg: x.call_method0(intern!(py, "is_neg"))?.is_truthy()?,
            is_conj: x.call_method0(intern!(py, "is_conj"))?.is_truthy()?,
        })
    }
}

impl Functions {
    /// # Safety
    /// A tensor, whose implementation is where the functions expect it.
    #[inline]
    unsafe fn tell(&self, tensor: *const Implementation) -> State {
        // SAFETY: the caller's promise.
        unsafe {
            State {
                requires_grad: (self.requires_grad)(*tensor),
                is_neg: (self.is_neg)(tensor),
                is_conj: (self.is_conj)(tensor),
            }
        }
    }
}

/// Where a torch.Tensor has its `at::Tensor`: behind what all Python objects have.
fn tensor_of(x: &Bound<'_, PyAny>) -> *const Implementation {
    x.as_ptr().cast::<u8>().wrapping_add(size_of::<ffi::PyObject>()).cast()
}

/// The functions, if they are there and tell what the attributes tell.
fn tried(py: Python<'_>) -> PyResult<Option<Functions>> {
    let Some(found) = found() else {
        return Ok(None);
    };
    let plain = py.import("torch")?.call_method1("zeros", (1,))?.call_method0("cfloat")?;
    let recorded = plain.call_method0("detach")?.call_method1("requires_grad_", (true,))?;
    let conjugated = plain.call_method0("conj")?;
    let negated = conjugated.getattr("imag")?;
    for (x, told) in [
        (plain, (false, false, false)),
        (recorded, (true, false, false)),
        (negated, (false, true, false)),
        (conjugated, (false, false, true)),
    ] {
        let (requires_grad, is_neg, is_conj) = told;
        let told = State { requires_grad, is_neg, is_conj };
        let tensor = tensor_of(&x);
        // SAFETY: a torch.Tensor has two words behind the header of the object, at least.
        let is_there = unsafe { *tensor } as usize == x.getattr("_cdata")?.extract::<usize>()?;
        // SAFETY: the implementation is where the functions expect it.
        if !is_there || State::asked(&x)? != told || unsafe { found.tell(tensor) } != told {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

fn found() -> Option<Functions> {
    let requires_grad = symbol("c10", c"_ZNK3c1010TensorImpl13requires_gradEv")?;
    let is_neg = symbol("torch_cpu", c"_ZN2at6native6is_negERKNS_6TensorE")?;
    let is_conj = symbol("torch_cpu", c"_ZN2at6native7is_conjERKNS_6TensorE")?;
    // SAFETY: the names have the types of the arguments in them; all three return a bool.
    unsafe {
        Some(Functions {
            requires_grad: std::mem::transmute::<
                *mut c_void,
                unsafe extern "C" fn(Implementation) -> bool,
            >(requires_grad),
            is_neg: std::mem::transmute::<
                *mut c_void,
                unsafe extern "C" fn(*const Implementation) -> bool,
            >(is_neg),
            is_conj: std::mem::transmute::<
                *mut c_void,
                unsafe extern "C" fn(*const Implementation) -> bool,
            >(is_conj),
        })
    }
}

/// A function of a library, if the library is loaded.
fn symbol(library: &str, name: &std::ffi::CStr) -> Option<*mut c_void> {
    let file = CString::new(format!("lib{library}{}", std::env::consts::DLL_SUFFIX)).ok()?;
    // SAFETY: two texts. The library stays loaded: PyTorch never is unloaded.
    unsafe {
        let library = libc::dlopen(file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        let found = (!library.is_null()).then(|| libc::dlsym(library, name.as_ptr()));
        found.filter(|found| !found.is_null())
    }
}
