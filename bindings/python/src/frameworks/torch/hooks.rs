//! What PyTorch is told after a call, and asked before: by its own C++ functions, which say
//! in a nanosecond or two what Python says in hundreds.

use std::ffi::c_void;

use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::frameworks::torch::functions::{Functions, Tensor, function, tensor_of};
use crate::frameworks::torch::{TENSOR, is_plain};
use crate::support::ask::Ask;
use crate::support::objects::intern;
use crate::support::{modules, objects};

pub struct Hooks {
    /// `bool at::native::is_inference(const at::Tensor &)`
    is_inference: unsafe extern "C" fn(Tensor) -> bool,
    /// `void torch::autograd::impl::bump_version(const at::Tensor &)`. It throws for
    /// tensors of the inference mode, which have no version.
    bump_version: unsafe extern "C" fn(Tensor),
    /// `int64_t c10::impl::TorchDispatchModeTLS::stack_len()`
    modes: unsafe extern "C" fn() -> i64,
    /// `const std::shared_ptr<TracingState> &torch::jit::tracer::getTracingState()`
    tracing: unsafe extern "C" fn() -> *const *const c_void,
}

impl Hooks {
    pub fn find() -> Option<Hooks> {
        // SAFETY: the names have the types of the arguments in them.
        unsafe {
            Some(Hooks {
                is_inference: function("torch_cpu", c"_ZN2at6native12is_inferenceERKNS_6TensorE")?,
                bump_version: function(
                    "torch_cpu",
                    c"_ZN5torch8autograd4impl12bump_versionERKN2at6TensorE",
                )?,
                modes: function("c10", c"_ZN3c104impl20TorchDispatchModeTLS9stack_lenEv")?,
                tracing: function("torch_cpu", c"_ZN5torch3jit6tracer15getTracingStateEv")?,
            })
        }
    }

    /// Notes that a tensor of PyTorch's own types was written to: autograd compares that
    /// with what it saved.
    #[inline]
    pub fn mark_written(&self, x: &Bound<'_, PyAny>) {
        let tensor = tensor_of(x);
        // SAFETY: a tensor, where it was when the functions were tried.
        unsafe {
            if !(self.is_inference)(tensor) {
                (self.bump_version)(tensor);
            }
        }
    }

    /// Whether code of others looks on at all that PyTorch does on this thread.
    #[inline]
    pub fn has_modes(&self) -> bool {
        // SAFETY: it reads a number of this thread.
        unsafe { (self.modes)() != 0 }
    }

    /// Whether `torch.jit.trace` records what this thread does.
    #[inline]
    pub fn is_tracing(&self) -> bool {
        // SAFETY: it gives the place of a pointer of this thread.
        unsafe { !(*(self.tracing)()).is_null() }
    }

    /// Whether they do what Python says that they do. No mode is active.
    pub fn agree(&self, py: Python<'_>) -> PyResult<bool> {
        let torch = modules::import(py, c"torch")?;
        let c = modules::import(py, c"torch._C")?;
        let is_tracing = !c.method(c"_get_tracing_state", [])?.is_none();
        if self.has_modes() || self.is_tracing() != is_tracing {
            return Ok(false);
        }
        let host = objects::dict(py)?;
        host.set_item(intern!(py, "device")?, objects::text(py, "cpu")?)?;
        let shape = objects::tuple(py, [objects::ints(py, &[2])?.into_any()])?;
        let (zeros, none) = (torch.attribute(c"zeros")?, py.None().into_bound(py));
        for is_inference in [false, true] {
            let mode =
                torch.attribute(c"inference_mode")?.called([&PyBool::new(py, is_inference)])?;
            mode.method(c"__enter__", [])?;
            let made = zeros.call(&shape, Some(&host));
            mode.method(c"__exit__", [&none, &none, &none])?;
            let x = made?;
            let told = x.method(c"is_inference", [])?.is_truthy()?;
            // SAFETY: a tensor that was made here; `Functions` has found out where it is.
            if told != is_inference || unsafe { (self.is_inference)(tensor_of(&x)) } != told {
                return Ok(false);
            }
            self.mark_written(&x);
            if !told && x.getattr(intern!(py, "_version")?)?.extract::<i64>()? != 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Notes that C wrote to an object, if it is a torch.Tensor: autograd, which may have saved
/// it for a gradient, knows by a count. Tensors of the inference mode have none.
pub fn mark_written(x: &Bound<'_, PyAny>) -> PyResult<()> {
    if mark_directly(x) || !TENSOR.is_type_of(x) {
        return Ok(());
    }
    let py = x.py();
    let graph = py.import(intern!(py, "torch.autograd.graph")?)?;
    let class = TENSOR.get(py).expect("x is one of it");
    let is_inference = class.method(c"is_inference", [x])?.is_truthy()?;
    match graph.getattr_opt(intern!(py, "increment_version")?)? {
        Some(increment) if !is_inference => increment.called([x]).map(drop),
        _ => Ok(()),
    }
}

/// As `mark_written`, of what nearly all are, and without code of others. False for the
/// others.
#[inline]
pub fn mark_directly(x: &Bound<'_, PyAny>) -> bool {
    let hooks = is_plain(x).then(|| hooks(x.py())).flatten();
    hooks.map(|hooks| hooks.mark_written(x)).is_some()
}

#[inline]
fn hooks(py: Python<'_>) -> Option<&'static Hooks> {
    Functions::known(py)?.hooks()
}

/// Whether code of others looks on at what PyTorch does on this thread. PyTorch is loaded.
#[inline]
pub fn has_modes(py: Python<'_>) -> PyResult<bool> {
    match hooks(py) {
        Some(hooks) => Ok(hooks.has_modes()),
        None => {
            let count = intern!(py, "_len_torch_dispatch_stack")?;
            let count = py.import(intern!(py, "torch._C")?)?.getattr_opt(count)?;
            count.map_or(Ok(false), |count| Ok(count.call0()?.extract::<usize>()? > 0))
        }
    }
}

/// Whether `torch.jit.trace` records what this thread does. PyTorch is loaded.
#[inline]
pub fn is_tracing(py: Python<'_>) -> PyResult<bool> {
    match hooks(py) {
        Some(hooks) => Ok(hooks.is_tracing()),
        None => {
            let state = intern!(py, "_get_tracing_state")?;
            let state = py.import(intern!(py, "torch._C")?)?.getattr_opt(state)?;
            state.map_or(Ok(false), |state| Ok(!state.call0()?.is_none()))
        }
    }
}
