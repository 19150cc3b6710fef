//! PyTorch's own functions, in C and C++, that tell what a tensor is.
//!
//! The attributes in Python and the table of DLPack tell the same in several times the time.
//! What is named `aoti_torch_*` and `torch_*` is PyTorch's stable interface for C. The others
//! have none, nor has the place of a tensor in its Python object: so all of them are used only
//! after they were tried on tensors of several kinds, and told the same as Python and the
//! table do.

use std::ffi::{CStr, CString, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dlbridge::DType;
use dlbridge::abi::{DLDataType, DLDevice, DLTensor};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::frameworks::torch::bounds::Held;
use crate::frameworks::torch::dual;
use crate::frameworks::torch::dual::Levels;
use crate::frameworks::torch::hooks::Hooks;
use crate::frameworks::torch::state::State;
use crate::frameworks::torch::versions;
use crate::protocols::exchange_table::Table;
use crate::support::ask::Ask as _;
use crate::support::objects::intern;
use crate::support::{errors, modules, objects};
use crate::values::descriptor::EMPTY;

/// An `at::TensorImpl *`.
pub type Implementation = *const c_void;
/// An `at::Tensor *`, in C an `AtenTensorHandle`.
pub type Tensor = *const Implementation;
/// Writes what it is asked for, unless it returns something else than 0.
type Ask<T> = unsafe extern "C" fn(Tensor, *mut T) -> i32;

/// The functions, and PyTorch's numbers for what they tell.
pub struct Functions {
    /// `bool c10::TensorImpl::requires_grad() const`
    requires_grad: unsafe extern "C" fn(Implementation) -> bool,
    /// `bool at::native::is_neg(const at::Tensor &)`
    is_neg: unsafe extern "C" fn(Tensor) -> bool,
    /// `bool at::native::is_conj(const at::Tensor &)`
    is_conj: unsafe extern "C" fn(Tensor) -> bool,
    /// `PyObject *torch::createPyObject(const c10::Storage &)`. It throws where Python has
    /// no more memory, which ends the process.
    wrap_storage: unsafe extern "C-unwind" fn(*const *const c_void) -> *mut ffi::PyObject,
    layout: Ask<i32>,
    device_type: Ask<i32>,
    dtype: Ask<i32>,
    ndim: Ask<i64>,
    shape: Ask<*mut i64>,
    strides: Ask<*mut i64>,
    data: Ask<*mut c_void>,
    storage_size: Ask<i64>,
    storage_offset: Ask<i64>,
    levels: Levels,
    strided: i32,
    cpu: i32,
    /// By PyTorch's number.
    dtypes: [Option<DLDataType>; 32],
    /// None where PyTorch does not have them.
    hooks: Option<Hooks>,
}

static FOUND: PyOnceLock<Functions> = PyOnceLock::new();

impl Functions {
    /// None if they are not as they are known here. The first call runs code of PyTorch.
    #[inline]
    pub fn get(py: Python<'_>) -> Option<&'static Functions> {
        Functions::known(py).or_else(|| Functions::search(py))
    }

    /// As `get`, without code of others: None also before they were tried.
    #[inline]
    pub fn known(py: Python<'_>) -> Option<&'static Functions> {
        FOUND.get(py)
    }

    #[cold]
    fn search(py: Python<'_>) -> Option<&'static Functions> {
        // It fails also where PyTorch is in a mode that makes other tensors of all new ones,
        // and so is made again, but ever more rarely.
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static IS_BUSY: AtomicBool = AtomicBool::new(false);
        let is_due = || (ASKED.fetch_add(1, Ordering::Relaxed) + 1).is_power_of_two();
        // What it runs may come back here.
        if IS_BUSY.load(Ordering::Relaxed) || !is_due() {
            return None;
        }
        IS_BUSY.store(true, Ordering::Relaxed);
        // Else PyO3 may not know of the GIL, and keeps what is dropped for later.
        let tried = Python::attach(|_| {
            Functions::tried(py).unwrap_or_else(|error| {
                errors::defer(py, error);
                None
            })
        });
        IS_BUSY.store(false, Ordering::Relaxed);
        tried.map(|found| FOUND.get_or_init(py, || found))
    }

    /// What PyTorch is told and asked around calls.
    #[inline]
    pub fn hooks(&self) -> Option<&Hooks> {
        self.hooks.as_ref()
    }

    /// What a tensor of PyTorch's own types means.
    pub fn state(&self, x: &Bound<'_, PyAny>) -> PyResult<State> {
        let has_tangent = self.levels.is_open(x.py()) && dual::has_tangent(x)?;
        Ok(State { has_tangent, ..self.bits(x) })
    }

    /// As `state`, but for the tangent.
    #[inline]
    fn bits(&self, x: &Bound<'_, PyAny>) -> State {
        let tensor = tensor_of(x);
        // SAFETY: a tensor, where it was when the functions were tried.
        unsafe {
            State {
                requires_grad: (self.requires_grad)(*tensor),
                is_neg: (self.is_neg)(tensor),
                is_conj: (self.is_conj)(tensor),
                has_tangent: false,
            }
        }
    }

    /// The object that is the memory of a tensor of PyTorch's own types. None if it has
    /// none, or got another one meanwhile: where the object is made, code of others may run.
    #[inline]
    pub fn storage<'py>(&self, x: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: as in `bits`; the function takes an owner of its own before it makes the
        // object.
        unsafe {
            let address = *storage_of(*tensor_of(x));
            if address.is_null() {
                return None;
            }
            let object = (self.wrap_storage)(storage_of(*tensor_of(x)));
            let object = Bound::from_owned_ptr_or_opt(x.py(), object);
            object.filter(|_| *storage_of(*tensor_of(x)) == address)
        }
    }

    /// Writes what a tensor of PyTorch's own types is now. False for what is not on the
    /// host, not simply an array, or means something else than its memory.
    #[inline]
    pub fn look_at(&self, x: &Bound<'_, PyAny>, out: &mut DLTensor) -> bool {
        self.looked_at(x, out).is_some()
    }

    #[inline]
    fn looked_at(&self, x: &Bound<'_, PyAny>, out: &mut DLTensor) -> Option<()> {
        if self.bits(x) != State::default() || self.levels.is_open(x.py()) {
            return None;
        }
        let tensor = tensor_of(x);
        // SAFETY: as in `bits`.
        unsafe {
            if ask(self.device_type, tensor, -1)? != self.cpu
                || ask(self.layout, tensor, -1)? != self.strided
            {
                return None;
            }
            let number = ask(self.dtype, tensor, -1)?;
            *out = DLTensor {
                data: ask(self.data, tensor, std::ptr::null_mut())?,
                device: DLDevice::CPU,
                ndim: ask(self.ndim, tensor, -1)? as i32,
                dtype: (*self.dtypes.get(number as usize)?)?,
                shape: ask(self.shape, tensor, std::ptr::null_mut())?,
                strides: ask(self.strides, tensor, std::ptr::null_mut())?,
                byte_offset: 0,
            };
            let held = self.held(x)?;
            let has_memory = !out.data.is_null() || held.bytes == 0;
            (has_memory && held.holds(out)).then_some(())
        }
    }

    /// Where the elements of a tensor of PyTorch's own types are. None if it has no storage.
    #[inline]
    pub fn held(&self, x: &Bound<'_, PyAny>) -> Option<Held> {
        let tensor = tensor_of(x);
        // SAFETY: as in `bits`.
        unsafe {
            Some(Held {
                bytes: ask(self.storage_size, tensor, -1)?,
                offset: ask(self.storage_offset, tensor, -1)?,
            })
        }
    }

    /// The functions, if they are there and tell what Python and the table tell.
    fn tried(py: Python<'_>) -> PyResult<Option<Functions>> {
        if versions::refusal(py)?.is_some() {
            return Ok(None);
        }
        let (Some(mut found), Some(table)) = (Functions::find(py)?, super::table(py)?) else {
            return Ok(None);
        };
        // Do not probe while a dispatch mode is active: it would observe the probe.
        let c = modules::import(py, c"torch._C")?;
        for modes in [c"_len_torch_dispatch_stack", c"_len_torch_function_stack"] {
            if c.method(modes, [])?.extract::<usize>()? > 0 {
                return Ok(None);
            }
        }
        let host = objects::dict(py)?;
        host.set_item(intern!(py, "device")?, objects::text(py, "cpu")?)?;
        let shape = objects::tuple(py, [objects::ints(py, &[3, 4])?.into_any()])?;
        let plain = modules::import(py, c"torch")?.attribute(c"zeros")?.call(shape, Some(&host))?;
        let strided = plain.method(c"double", [])?.method(c"t", [])?;
        let numbers = [0, 1, 2].map(|number| objects::int(py, number));
        let [zero, one, two] = numbers;
        let strided =
            strided.method(c"narrow", [&zero?.into_any(), &one?.into_any(), &two?.into_any()])?;
        let complex = plain.method(c"cfloat", [])?;
        let recorded = complex.method(c"detach", [])?.method(c"requires_grad_", [])?;
        let conjugated = complex.method(c"conj", [])?;
        let negated = conjugated.attribute(c"imag")?;
        for (x, told) in [
            (plain, (false, false, false)),
            (strided, (false, false, false)),
            (complex, (false, false, false)),
            (recorded, (true, false, false)),
            (negated, (false, true, false)),
            (conjugated, (false, false, true)),
        ] {
            let (requires_grad, is_neg, is_conj) = told;
            let told = State { requires_grad, is_neg, is_conj, has_tangent: false };
            if !found.agree(&x, told, table)? {
                return Ok(None);
            }
        }
        let hooks = found.hooks.take();
        found.hooks = match hooks {
            Some(hooks) if hooks.agree(py)? => Some(hooks),
            _ => None,
        };
        Ok(Some(found))
    }

    /// Whether they tell of a tensor what Python and the table tell.
    fn agree(&self, x: &Bound<'_, PyAny>, told: State, table: Table) -> PyResult<bool> {
        if !super::is_plain(x) {
            return Ok(false);
        }
        let address = |x: &Bound<'_, PyAny>| x.attribute(c"_cdata")?.extract::<usize>();
        let storage = x.call_method0(intern!(x.py(), "untyped_storage")?)?;
        // SAFETY: a torch.Tensor has two words behind the header of the object, at least,
        // and an implementation three.
        unsafe {
            let implementation = *tensor_of(x);
            if implementation as usize != address(x)?
                || *storage_of(implementation) as usize != address(&storage)?
            {
                return Ok(false);
            }
        }
        let is_same = match self.storage(x) {
            Some(wrapped) => {
                wrapped.get_type().is(storage.get_type())
                    && address(&wrapped)? == address(&storage)?
            }
            None => false,
        };
        let is_told = self.state(x)? == told && State::asked(x)? == told;
        if !is_same || !is_told || self.held(x) != Some(Held::asked(x)?) {
            return Ok(false);
        }
        if told != State::default() {
            return Ok(true);
        }
        let (mut own, mut known) = (EMPTY, EMPTY);
        // SAFETY: nothing runs before they are compared.
        Ok(unsafe {
            table.look_at(x, &mut known)? && self.look_at(x, &mut own) && is_same_as(&own, &known)
        })
    }

    fn find(py: Python<'_>) -> PyResult<Option<Functions>> {
        const HAS_ANY_LEVEL: &CStr = c"_ZN5torch8autograd14ForwardADLevel13has_any_levelEv";
        // SAFETY: as in `named`.
        let levels = match unsafe { function("torch_cpu", HAS_ANY_LEVEL) } {
            Some(has_any) => Levels::Told(has_any),
            None => Levels::counted(py)?,
        };
        Ok(Functions::named(levels))
    }

    fn named(levels: Levels) -> Option<Functions> {
        // Before this one, functions that fail write to the standard error.
        const QUIET: &CStr = c"torch_exception_get_what";
        // SAFETY: of the C++ functions the names have the types of the arguments in them; of
        // the others the types are those of PyTorch's header.
        unsafe {
            function::<*const c_void>("torch_cpu", QUIET)?;
            let number = |name: &CStr| {
                function::<unsafe extern "C" fn() -> i32>("torch_cpu", name).map(|told| told())
            };
            let mut dtypes = [None; 32];
            for (name, dtype) in DTYPES {
                *dtypes.get_mut(number(name)? as usize)? = Some(dtype.raw());
            }
            Some(Functions {
                requires_grad: function("c10", c"_ZNK3c1010TensorImpl13requires_gradEv")?,
                is_neg: function("torch_cpu", c"_ZN2at6native6is_negERKNS_6TensorE")?,
                is_conj: function("torch_cpu", c"_ZN2at6native7is_conjERKNS_6TensorE")?,
                wrap_storage: function(
                    "torch_python",
                    c"_ZN5torch14createPyObjectERKN3c107StorageE",
                )?,
                layout: function("torch_cpu", c"aoti_torch_get_layout")?,
                device_type: function("torch_cpu", c"aoti_torch_get_device_type")?,
                dtype: function("torch_cpu", c"aoti_torch_get_dtype")?,
                ndim: function("torch_cpu", c"aoti_torch_get_dim")?,
                shape: function("torch_cpu", c"aoti_torch_get_sizes")?,
                strides: function("torch_cpu", c"aoti_torch_get_strides")?,
                data: function("torch_cpu", c"torch_get_mutable_data_ptr")?,
                storage_size: function("torch_cpu", c"aoti_torch_get_storage_size")?,
                storage_offset: function("torch_cpu", c"aoti_torch_get_storage_offset")?,
                levels,
                strided: number(c"aoti_torch_layout_strided")?,
                cpu: number(c"aoti_torch_device_type_cpu")?,
                dtypes,
                hooks: Hooks::find(),
            })
        }
    }
}

/// The types of nearly all tensors; what is of others is told by the table.
const DTYPES: [(&CStr, DType); 15] = [
    (c"aoti_torch_dtype_bool", DType::BOOL),
    (c"aoti_torch_dtype_uint8", DType::UINT8),
    (c"aoti_torch_dtype_uint16", DType::UINT16),
    (c"aoti_torch_dtype_uint32", DType::UINT32),
    (c"aoti_torch_dtype_uint64", DType::UINT64),
    (c"aoti_torch_dtype_int8", DType::INT8),
    (c"aoti_torch_dtype_int16", DType::INT16),
    (c"aoti_torch_dtype_int32", DType::INT32),
    (c"aoti_torch_dtype_int64", DType::INT64),
    (c"aoti_torch_dtype_float16", DType::FLOAT16),
    (c"aoti_torch_dtype_bfloat16", DType::BFLOAT16),
    (c"aoti_torch_dtype_float32", DType::FLOAT32),
    (c"aoti_torch_dtype_float64", DType::FLOAT64),
    (c"aoti_torch_dtype_complex64", DType::COMPLEX64),
    (c"aoti_torch_dtype_complex128", DType::COMPLEX128),
];

/// Where a torch.Tensor has its `at::Tensor`: behind what all Python objects have.
#[inline]
pub fn tensor_of(x: &Bound<'_, PyAny>) -> Tensor {
    x.as_ptr().cast::<u8>().wrapping_add(size_of::<ffi::PyObject>()).cast()
}

/// Where an implementation has its `c10::Storage`, which is an address or NULL: behind its
/// table of functions and its counts.
#[inline]
fn storage_of(implementation: Implementation) -> *const *const c_void {
    implementation.cast::<u8>().wrapping_add(16).cast()
}

/// # Safety
/// A tensor, and a function that takes it.
#[inline(always)]
unsafe fn ask<T>(function: Ask<T>, tensor: Tensor, mut answer: T) -> Option<T> {
    // SAFETY: the caller's promise.
    (unsafe { function(tensor, &mut answer) } == 0).then_some(answer)
}

/// # Safety
/// Both have as many extents and strides as they say.
unsafe fn is_same_as(own: &DLTensor, known: &DLTensor) -> bool {
    // SAFETY: the caller's promise; PyTorch has neither NULL.
    let numbers = |tensor: &DLTensor| unsafe {
        let count = tensor.ndim as usize;
        let list = |pointer: *const i64| std::slice::from_raw_parts(pointer, count).to_vec();
        (list(tensor.shape), list(tensor.strides))
    };
    own.data == known.data.cast::<u8>().wrapping_add(known.byte_offset as usize).cast()
        && (own.ndim, own.dtype, own.device) == (known.ndim, known.dtype, known.device)
        && numbers(own) == numbers(known)
}

/// A function of a library, if the library is loaded.
///
/// # Safety
/// The function is of that type, which is a pointer.
pub unsafe fn function<F>(library: &str, name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    let file = CString::new(format!("lib{library}{}", std::env::consts::DLL_SUFFIX)).ok()?;
    // SAFETY: two texts. The library stays loaded: PyTorch never is unloaded.
    unsafe {
        let library = libc::dlopen(file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        let found = (!library.is_null()).then(|| libc::dlsym(library, name.as_ptr()));
        let found = found.filter(|found| !found.is_null())?;
        Some(std::mem::transmute_copy(&found))
    }
}
