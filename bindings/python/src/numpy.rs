//! NumPy arrays in and out, through NumPy's C API.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use dlbridge::abi::{DLDataTypeCode, Flags};
use dlbridge::array_interface::scale_to_elements;
use dlbridge::memory;
use dlbridge::room::Room;
use dlbridge::{DType, Device, RawArray, Tensor, TensorRef};
use numpy::npyffi::{
    NPY_ARRAY_WRITEABLE, NPY_TYPES, NpyTypes, PY_ARRAY_API, PyArray_Descr, PyArrayObject,
    PyArrayObject_fields, PyDataType_ELSIZE, get_type_object,
};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::buffer::Buffer;
use crate::errors;
use crate::loaded::LoadedType;
use crate::once::{imported, once};
use crate::owner::{kept, kept_by};
use crate::raw_array::{Keeper, Raw};
use crate::support::objects::{self, Ask, intern};
use crate::tensor::PyTensor;

pub static ARRAY: LoadedType = LoadedType::on(
    "numpy",
    "ndarray",
    &[("numpy._core._multiarray_umath", "ndarray"), ("numpy.core._multiarray_umath", "ndarray")],
);
static MASKED: LoadedType = LoadedType::new("numpy.ma", "MaskedArray");
pub static DTYPE: LoadedType = LoadedType::new("numpy", "dtype");
static SCALAR: LoadedType = LoadedType::new("numpy", "generic");

/// NumPy's numbers of the types that DLPack has too.
const TYPES: &[(NPY_TYPES, DType)] = &[
    (NPY_TYPES::NPY_BOOL, DType::BOOL),
    (NPY_TYPES::NPY_BYTE, DType::INT8),
    (NPY_TYPES::NPY_UBYTE, DType::UINT8),
    (NPY_TYPES::NPY_SHORT, DType::INT16),
    (NPY_TYPES::NPY_USHORT, DType::UINT16),
    (NPY_TYPES::NPY_INT, DType::INT32),
    (NPY_TYPES::NPY_UINT, DType::UINT32),
    (
        NPY_TYPES::NPY_LONG,
        if size_of::<std::ffi::c_long>() == 8 { DType::INT64 } else { DType::INT32 },
    ),
    (
        NPY_TYPES::NPY_ULONG,
        if size_of::<std::ffi::c_long>() == 8 { DType::UINT64 } else { DType::UINT32 },
    ),
    (NPY_TYPES::NPY_LONGLONG, DType::INT64),
    (NPY_TYPES::NPY_ULONGLONG, DType::UINT64),
    (NPY_TYPES::NPY_HALF, DType::FLOAT16),
    (NPY_TYPES::NPY_FLOAT, DType::FLOAT32),
    (NPY_TYPES::NPY_DOUBLE, DType::FLOAT64),
    (NPY_TYPES::NPY_CFLOAT, DType::COMPLEX64),
    (NPY_TYPES::NPY_CDOUBLE, DType::COMPLEX128),
];

/// The same, by NumPy's number.
const PLAIN: [Option<DType>; 24] = {
    let mut plain = [None; 24];
    let mut index = 0;
    while index < TYPES.len() {
        plain[TYPES[index].0 as usize] = Some(TYPES[index].1);
        index += 1;
    }
    plain
};

#[inline]
fn plain(number: c_int) -> Option<DType> {
    PLAIN.get(usize::try_from(number).ok()?).copied().flatten()
}

/// The byte order character of NumPy dtypes that are not in native order.
const SWAPPED: u8 = if cfg!(target_endian = "little") { b'>' } else { b'<' };

/// Whether an object is a number of NumPy's types, and no array.
pub fn is_scalar(object: &Bound<'_, PyAny>) -> bool {
    SCALAR.is_type_of(object)
}

/// Refuses values of NumPy that would lose their meaning as a plain buffer: arrays with
/// elements that are masked.
pub fn check_kind(object: &Bound<'_, PyAny>) -> PyResult<()> {
    if !MASKED.is_type_of(object) {
        return Ok(());
    }
    static IS_MASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let is_masked = imported(object.py(), &IS_MASKED, c"numpy.ma", c"is_masked")?.called([object]);
    let is_masked = is_masked.and_then(|is_masked| is_masked.is_truthy());
    match errors::tolerate(object.py(), is_masked)? {
        Some(false) => Ok(()),
        _ => Err(errors::refused(
            "x is a NumPy masked array with masked elements, and the mask would be lost; pass \
             x.filled(), or x.data to leave the mask behind",
        )),
    }
}

/// A read-only tensor without axes on the memory of a NumPy scalar, which it keeps alive.
pub fn import_scalar(scalar: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    if !SCALAR.is_type_of(scalar) {
        return Ok(None);
    }
    let py = scalar.py();
    load(py)?;
    // SAFETY: a scalar. That of its type: the attribute of a subclass may be another one.
    let dtype = unsafe {
        let descr = PY_ARRAY_API.PyArray_DescrFromScalar(py, scalar.as_ptr());
        let descr = Bound::from_owned_ptr_or_err(py, descr.cast())?;
        element_type(py, descr.as_ptr().cast(), "scalar")?
    };
    let buffer = Buffer::of_bytes(scalar)?;
    let bytes = dtype.item_bits().div_ceil(8) as usize;
    if buffer.bytes() != bytes {
        return Err(errors::refused(format_args!(
            "x is a NumPy scalar of {} bytes; {dtype} has {bytes}",
            buffer.bytes()
        )));
    }
    let mut flags = Flags::READ_ONLY;
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let data = buffer.first();
    let tensor = kept_by(buffer, |source| {
        let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, &[], None)?;
        // SAFETY: the bytes of the scalar, whose buffer is kept.
        unsafe { Tensor::wrap(view, source) }
    });
    tensor.map(Some)
}

/// Whether a NumPy array is more than a tensor: of a subclass, like a masked array, or of a
/// dtype that DLPack does not have, like dates. Only NumPy makes a copy that is as much.
pub fn is_kept_by_copy(array: &Bound<'_, PyAny>) -> bool {
    let is_plain = || see(array, |_| Ok(())).is_ok();
    ARRAY.is_type_of(array) && !(ARRAY.is_exact_type_of(array) && is_plain())
}

/// A tensor on the memory of a NumPy array, which it keeps alive. If DLPack cannot have it as
/// it is, then on a copy, unless `copy` is False.
pub fn import(array: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<Tensor> {
    let shared = see(array, |view| {
        let own = own_base(array);
        match own.filter(|own| is_all_of(view, own.get().core())) {
            // Else each round from tensor to array and back would hold the one before.
            Some(own) => own.get().core().share().map_err(errors::exchange),
            // SAFETY: the array keeps its memory.
            None => unsafe { kept(view, array.clone()) },
        }
    });
    shared.or_else(|error| copied(array, copy, error))
}

/// A copy of what was refused with that error, if one helps.
#[cold]
fn copied(array: &Bound<'_, PyAny>, copy: Option<bool>, error: PyErr) -> PyResult<Tensor> {
    match (only_copied(array)?, copy) {
        (None, _) => Err(error),
        (Some(raw), Some(false)) => Err(raw.refuse(&errors::message(array.py(), &error)?)),
        // SAFETY: the array keeps its memory.
        (Some(raw), _) => unsafe { raw.copied(array.py()) },
    }
}

/// What a NumPy array is if DLPack can have it only as a copy.
pub fn only_copied<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Raw<'py>>> {
    let (py, fields) = (array.py(), fields(array));
    // SAFETY: the dtype of an array.
    let (number, order) = unsafe {
        let descr = &(*fields.descr).fields;
        (descr.type_num, descr.byteorder as u8)
    };
    let known = plain(number);
    let dtype = match known {
        Some(dtype) => dtype,
        // SAFETY: as above.
        None => match unsafe { element_type(py, fields.descr, "array") } {
            Err(error) if error.is_instance_of::<PyBufferError>(py) => return Ok(None),
            dtype => dtype?,
        },
    };
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, !is_writable(fields));
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let fields = Fields::of(array);
    let list = |numbers: &[isize]| {
        let list = memory::collect(numbers.iter().map(|number| *number as i64));
        list.map_err(|error| errors::exchange(error.into()))
    };
    let array_of_bytes = RawArray {
        dtype,
        is_swapped: known.is_some() && order == SWAPPED,
        shape: list(fields.shape())?,
        byte_strides: Some(list(fields.strides())?),
        data: fields.data(),
        flags,
    };
    let is_one = array_of_bytes.check().is_err();
    let keeper = Keeper::Object(array.clone());
    Ok(is_one.then_some(Raw { array: array_of_bytes, keeper }))
}

/// Lets `then` see what a NumPy array is.
pub fn see<R>(
    array: &Bound<'_, PyAny>,
    then: impl FnOnce(&TensorRef<'_>) -> PyResult<R>,
) -> PyResult<R> {
    let fields = fields(array);
    // SAFETY: the fields of an array.
    let (dtype, shape, strides) = unsafe {
        let numbers = |pointer| numbers(pointer, fields.nd).iter().map(|number| *number as i64);
        (
            element_type(array.py(), fields.descr, "array")?,
            numbers(fields.dimensions),
            numbers(fields.strides),
        )
    };
    let [mut shape_room, mut strides_room] = [Room::new(), Room::new()];
    let (shape, strides) = (shape_room.fill(shape), strides_room.fill(strides));
    let size = i64::from(dtype.item_bits().div_ceil(8));
    scale_to_elements(size, shape, strides).map_err(errors::exchange)?;
    let mut flags = Flags::empty();
    flags.set(Flags::READ_ONLY, !is_writable(fields));
    // NumPy has no other elements of parts of bytes than those of ml_dtypes.
    flags.set(Flags::IS_SUBBYTE_TYPE_PADDED, dtype.item_bytes().is_none());
    let data = fields.data.cast();
    let view = TensorRef::of_parts(dtype, Device::CPU, flags, data, shape, Some(strides));
    then(&view.map_err(errors::exchange)?)
}

/// The struct of a NumPy array, until other code runs.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a PyArrayObject_fields);

impl<'a> Fields<'a> {
    /// Of an object that the caller checked to be an array.
    #[inline]
    pub fn of(array: &'a Bound<'_, PyAny>) -> Self {
        Fields(fields(array))
    }

    /// That of a type which NumPy itself has, in native byte order; None for others.
    #[inline]
    pub fn plain_dtype(&self) -> Option<DType> {
        // SAFETY: the dtype of an array.
        let descr = unsafe { &(*self.0.descr).fields };
        plain(descr.type_num).filter(|_| descr.byteorder as u8 != SWAPPED)
    }

    #[inline]
    pub fn data(&self) -> *mut c_void {
        self.0.data.cast()
    }

    #[inline]
    pub fn shape(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.0.dimensions, self.0.nd) }
    }

    /// In bytes.
    #[inline]
    pub fn strides(&self) -> &'a [isize] {
        // SAFETY: an array has that many.
        unsafe { numbers(self.0.strides, self.0.nd) }
    }

    #[inline]
    pub fn is_writable(&self) -> bool {
        is_writable(self.0)
    }
}

/// Whether what is written is meant for this array alone. NumPy's broadcast arrays say that
/// they are writable, and with another flag, that they should not be: many of their elements
/// are one.
#[inline]
fn is_writable(fields: &PyArrayObject_fields) -> bool {
    const WARN_ON_WRITE: c_int = 1 << 31;
    fields.flags & (NPY_ARRAY_WRITEABLE | WARN_ON_WRITE) == NPY_ARRAY_WRITEABLE
}

/// The struct of a NumPy array, which the caller checked to be one.
fn fields<'a>(array: &'a Bound<'_, PyAny>) -> &'a PyArrayObject_fields {
    // SAFETY: it is one. Its fields are read while the GIL is held, before anything else
    // can run.
    unsafe { &(*array.as_ptr().cast::<PyArrayObject>()).fields }
}

/// Whether NumPy's C API is loaded, so that making arrays runs no code of others.
pub fn is_loaded() -> bool {
    IS_LOADED.load(Ordering::Relaxed)
}

static IS_LOADED: AtomicBool = AtomicBool::new(false);

/// Loads NumPy's C API. What that may raise is raised here: inside it would be a panic.
#[inline]
fn load(py: Python<'_>) -> PyResult<()> {
    if is_loaded() { Ok(()) } else { load_first(py) }
}

#[cold]
fn load_first(py: Python<'_>) -> PyResult<()> {
    let version = objects::module(py, c"numpy")?.attribute(c"__version__")?;
    objects::module(py, c"numpy.lib")?.attribute(c"NumpyVersion")?.called([&version])?;
    let modules = [c"numpy._core.multiarray", c"numpy.core.multiarray"];
    let module = match errors::tolerate(py, objects::module(py, modules[0]))? {
        Some(module) => module,
        None => objects::module(py, modules[1])?,
    };
    module.attribute(c"_ARRAY_API")?;
    // SAFETY: may be called by attached threads. Finalisers that come back here would wait for
    // themselves.
    let was_on = unsafe { ffi::PyGC_Disable() } != 0;
    match is_being_imported(&module)? {
        // Another thread would wait for this one.
        true => find(py),
        // What the handler of a signal raises would be a panic; other threads run none.
        false => py.detach(|| {
            std::thread::scope(|scope| {
                let found = scope.spawn(|| Python::attach(find));
                found.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            });
        }),
    }
    if was_on {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    IS_LOADED.store(true, Ordering::Relaxed);
    Ok(())
}

fn find(py: Python<'_>) {
    // SAFETY: the thread is attached.
    unsafe { PY_ARRAY_API.PyArray_GetNDArrayCFeatureVersion(py) };
}

/// Whether NumPy is in the middle of its import.
fn is_being_imported(module: &Bound<'_, PyModule>) -> PyResult<bool> {
    let py = module.py();
    for module in [&objects::module(py, c"numpy")?, &objects::module(py, c"numpy.lib")?, module] {
        let spec = module.attribute(c"__spec__")?;
        if spec.getattr_opt("_initializing")?.is_some_and(|it| it.is_truthy().unwrap_or(true)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A new NumPy array in C order, whose elements are not initialised.
pub fn empty<'py>(py: Python<'py>, dtype: DType, shape: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    load(py)?;
    let descr = element_descr(py, dtype)?.into_ptr().cast();
    // SAFETY: the shape has that many entries, to which NumPy does not write; NewFromDescr
    // takes over `descr`.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            shape.len() as c_int,
            shape.as_ptr().cast_mut().cast(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// The tensor that an array was made of, if it was.
pub fn own_base<'py>(array: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTensor>> {
    // SAFETY: the base of an array is NULL or an object.
    let base = unsafe { Bound::from_borrowed_ptr_or_opt(array.py(), fields(array).base) };
    base.and_then(|base| base.cast_into::<PyTensor>().ok())
}

/// Whether an array still is all of the tensor that it was made of.
fn is_all_of(array: &TensorRef<'_>, tensor: &Tensor) -> bool {
    array.dtype() == tensor.dtype()
        && array.first() == tensor.data_ptr()
        && array.shape() == tensor.shape()
        && array.layout().strides()[..] == *tensor.strides()
        && array.is_read_only() == tensor.is_read_only()
}

/// # Safety
/// `pointer` points to `count` integers for `'a`, unless that is 0.
unsafe fn numbers<'a>(pointer: *const isize, count: c_int) -> &'a [isize] {
    match count {
        0 => &[],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(pointer, count as usize) },
    }
}

/// # Safety
/// `descr` is a dtype.
unsafe fn element_type(py: Python<'_>, descr: *mut PyArray_Descr, kind: &str) -> PyResult<DType> {
    // SAFETY: the caller's promise.
    let fields = unsafe { &(*descr).fields };
    let known = plain(fields.type_num);
    if let Some(dtype) = known.filter(|_| fields.byteorder as u8 != SWAPPED) {
        return Ok(dtype);
    }
    load(py)?;
    // Not of the array, where a subclass may answer with another one.
    // SAFETY: the caller's promise.
    let (size, descr) =
        unsafe { (PyDataType_ELSIZE(py, descr), Bound::from_borrowed_ptr(py, descr.cast())) };
    let name = errors::shown(&descr)?;
    // The types of ml_dtypes have the names of DLPack's, but take whole bytes each.
    let extension = name.parse::<DType>().ok();
    let bytes = |dtype: &DType| i64::from(dtype.item_bits().div_ceil(8));
    extension.filter(|dtype| bytes(dtype) == size as i64).ok_or_else(|| {
        let advice = match known {
            Some(_) => {
                "it must be in native byte order: x.astype(x.dtype.newbyteorder(\"=\")) converts"
            }
            None if matches!(fields.kind as u8, b'm' | b'M') => {
                "DLPack has no dates or time differences: share the integers with x.view(\"int64\")"
            }
            None if fields.kind as u8 == b'O' => "DLPack has no Python objects",
            None if fields.kind as u8 == b'V' && name.starts_with(['[', '{']) => {
                "DLPack has one number an element: pass a field, like a[\"x\"]"
            }
            None => "it must be a number type that DLPack has, one number an element",
        };
        errors::refused(format_args!(
            "x is a NumPy {kind} of dtype {}; {advice}",
            errors::shortened(&name)
        ))
    })
}

/// A NumPy array on the memory of a tensor on the host, which `keeper` keeps.
pub fn export<'py>(
    tensor: &TensorRef<'_>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    load(keeper.py())?;
    let descr = element_descr(keeper.py(), tensor.dtype())?;
    wrap(tensor, descr, keeper)
}

/// As `export`, without code of others: None if NumPy is not loaded, or lacks the type.
#[inline]
pub fn export_directly<'py>(
    tensor: &TensorRef<'_>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = keeper.py();
    match is_loaded().then(|| plain_descr(py, tensor.dtype())).flatten() {
        Some(descr) => wrap(tensor, descr, keeper).map(Some),
        None => Ok(None),
    }
}

/// What `__array__` returns for a dtype: the array, or a converted copy.
pub fn converted<'py>(
    array: Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let dtype = objects::module(py, c"numpy")?.attribute(c"dtype")?.called([dtype])?;
    let own = array.getattr(intern!(py, "dtype")?)?;
    if copy == Some(false) && !own.eq(&dtype)? {
        return Err(errors::new::<PyValueError>(format_args!(
            "dtype is {dtype} and the elements are {own}, which takes a copy, and copy is False"
        )));
    }
    let keywords = objects::dict(py)?;
    keywords.set_item(intern!(py, "copy")?, copy == Some(true))?;
    array.attribute(c"astype")?.called_with([&dtype], &keywords)
}

/// The NumPy dtype of elements.
pub fn descr_of(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    load(py)?;
    element_descr(py, dtype)
}

/// Why nothing can be had that needs memory on the host.
#[cold]
pub fn not_on_host(tensor: &Tensor) -> String {
    format!(
        "the tensor is on {}, and NumPy needs memory on the host: call to_device(\"cpu\") first",
        tensor.device()
    )
}

fn wrap<'py>(
    tensor: &TensorRef<'_>,
    descr: Bound<'py, PyAny>,
    keeper: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = keeper.py();
    let layout = tensor.layout();
    let mut room = Room::new();
    let strides = layout.strides_in(&mut room);
    layout.scale_to_bytes(strides).map_err(|_| no_such_type(tensor.dtype()))?;
    let flags = if tensor.is_read_only() { 0 } else { NPY_ARRAY_WRITEABLE };
    // Without elements any address does, but for NULL NumPy would allocate.
    let data: *mut c_void = match layout.count() {
        0 => dlbridge::abi::NOWHERE,
        _ => tensor.first(),
    };
    let descr = descr.into_ptr().cast();
    // SAFETY: shape and strides have `ndim` entries, and what keeps the memory becomes
    // the base. NewFromDescr takes over `descr`, and SetBaseObject the base, both also on
    // failure.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let ndim = layout.ndim() as c_int;
        // NumPy does not write to them.
        let shape = layout.shape().as_ptr().cast_mut().cast();
        let strides = strides.as_mut_ptr().cast();
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            ndim,
            shape,
            strides,
            data,
            flags,
            ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        match PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), keeper.into_ptr()) {
            0 => Ok(array),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

/// The NumPy dtype of a type that NumPy itself has. NumPy is imported.
fn plain_descr(py: Python<'_>, dtype: DType) -> Option<Bound<'_, PyAny>> {
    let (number, _) = TYPES.iter().find(|(_, known)| *known == dtype)?;
    // SAFETY: one of NumPy's own numbers.
    unsafe {
        // Those objects are NumPy's own, and stay.
        let descr = PY_ARRAY_API.PyArray_DescrFromType(py, *number as c_int);
        Bound::from_owned_ptr_or_opt(py, descr.cast())
    }
}

/// The NumPy dtype. NumPy is imported.
fn element_descr(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    if let Some(descr) = plain_descr(py, dtype) {
        return Ok(descr);
    }
    static ML_DTYPES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let raw = dtype.raw();
    if raw.lanes != 1
        || raw.code == DLDataTypeCode::COMPLEX
        || raw.code == DLDataTypeCode::OPAQUEHANDLE
    {
        return Err(no_such_type(dtype));
    }
    let module = once(py, &ML_DTYPES, || objects::module(py, c"ml_dtypes").map(Bound::unbind))
        .map_err(|error| {
            let advice = "needs the package ml_dtypes, which cannot be imported";
            errors::refused_because(py, format_args!("dtype {dtype} in NumPy {advice}"), error)
        })?;
    let class = module.bind(py).getattr(objects::display(py, dtype)?);
    let class = class.map_err(|error| {
        let message = format!("dtype is {dtype}, which this version of ml_dtypes does not have");
        errors::refused_because(py, message, error)
    })?;
    objects::module(py, c"numpy")?.attribute(c"dtype")?.called([&class])
}

#[cold]
fn no_such_type(dtype: DType) -> PyErr {
    errors::refused(format_args!("dtype is {dtype}, which NumPy does not have"))
}
