"""The compiled half of dlbridge."""

from collections.abc import Callable, Iterator
from types import EllipsisType, ModuleType
from typing import (
    Any,
    ClassVar,
    Literal,
    Never,
    Protocol,
    SupportsIndex,
    TypeAlias,
    final,
    overload,
)

import numpy
import torch
from typing_extensions import Buffer, CapsuleType

__all__ = [
    "ArgumentType",
    "Audit",
    "CopyError",
    "DType",
    "Device",
    "Exchange",
    "NoDLPackError",
    "Plan",
    "Tensor",
    "__version__",
    "_bind",
    "_catalogue",
    "_from_managed",
    "_rebuild",
    "_reserve_in_use",
    "_torch_fast_path",
    "asarray",
    "audit",
    "convert",
    "empty",
    "frameworks",
    "from_dlpack",
    "plan",
]

__version__: str

class _SupportsDLPack(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

class _SupportsArrayInterface(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...

class _SupportsArrayStruct(Protocol):
    @property
    def __array_struct__(self) -> Any: ...

class _SupportsCudaArrayInterface(Protocol):
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...

class _SupportsArray(Protocol):
    def __array__(self, *args: Any, **kwargs: Any) -> Any: ...

class _SupportsNamespace(Protocol):
    def __array_namespace__(self, *args: Any, **kwargs: Any) -> Any: ...

class CopyError(BufferError, ValueError):
    """It takes a copy, which `copy` does not allow. DLPack has BufferError for that, and the
    array API standard ValueError: it is both.
    """

class NoDLPackError(TypeError, AttributeError):
    """The object has no `__dlpack__`. The array API standard has AttributeError for that, and
    Python TypeError for what is of a wrong type: it is both.
    """

class _SupportsDataType(Protocol):
    def __dlpack_data_type__(self) -> tuple[int, int, int]: ...

class _SupportsNumPyType(Protocol):
    @property
    def dtype(self) -> numpy.dtype[Any]: ...

# With type[Any] for float, int, bool, complex, and the types of NumPy and JAX.
_DType: TypeAlias = (
    DType
    | str
    | type[Any]
    | numpy.dtype[Any]
    | torch.dtype
    | _SupportsDataType
    | _SupportsNumPyType
)
_NumpyDType: TypeAlias = numpy.dtype[Any]
_TorchDType: TypeAlias = torch.dtype
_Device: TypeAlias = Device | str | tuple[int, int] | torch.device
_Producer: TypeAlias = _SupportsDLPack | CapsuleType
_Array: TypeAlias = (
    _SupportsDLPack
    | _SupportsArrayStruct
    | _SupportsArrayInterface
    | _SupportsCudaArrayInterface
    | _SupportsArray
    | Buffer
    | CapsuleType
)
# In the class Tensor the names of both modules are those of methods.
_NumpyArray: TypeAlias = numpy.ndarray[Any, Any]
_TorchTensor: TypeAlias = torch.Tensor
_Framework: TypeAlias = Literal[
    "numpy",
    "torch",
    "jax",
    "cupy",
    "tensorflow",
    "paddle",
    "mlx",
    "pyarrow",
    "numba",
    "warp",
    "tinygrad",
    "tvm_ffi",
    "dlbridge",
]
_Entry: TypeAlias = SupportsIndex | slice[Any, Any, Any] | EllipsisType | None

@final
class DType:
    """An element type of DLPack. Equal to its name: `t.dtype == "float32"`."""

    def __new__(cls, dtype: _DType, /) -> DType: ...
    @property
    def name(self) -> str:
        """The name, as `str()` gives it: `float32`, `bfloat16`, `float32x4`."""
    @property
    def itemsize(self) -> int:
        """The bytes of one element, rounded up for elements that are parts of bytes."""
    @property
    def code(self) -> int:
        """The number of DLPack's `DLDataTypeCode`."""
    @property
    def bits(self) -> int:
        """The bits of one lane."""
    @property
    def lanes(self) -> int:
        """The number of lanes: 1, but for vector types."""
    @property
    def numpy(self) -> _NumpyDType:
        """The dtype of NumPy, also of the types that ml_dtypes has; BufferError where there is
        none. `numpy.dtype(t.dtype)` and `dtype=t.dtype` in NumPy are the same.
        """
    @property
    def torch(self) -> _TorchDType:
        """The dtype of PyTorch; BufferError where there is none."""
    @property
    def dtype(self) -> _NumpyDType:
        """As `numpy`, by the name that NumPy looks for."""
    def __dlpack_data_type__(self, /) -> tuple[int, int, int]:
        """Code, bits and lanes: the `DLDataType` for others that speak DLPack."""
    def __eq__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """For `copy` and `pickle`: the class and the name."""
    def __hash__(self, /) -> int: ...

@final
class Device:
    """A device of DLPack. Equal to its name and to DLPack's pair of numbers:
    `t.device == "cuda:0"`, `t.device == (2, 0)`. Its hash is that of the name.
    """

    def __new__(cls, device: _Device, /) -> Device: ...
    @property
    def type(self) -> str:
        """The kind of device, without the index: `cpu`, `cuda`."""
    @property
    def index(self) -> int:
        """The index among the devices of its type; 0 for the host."""
    def __dlpack_device__(self, /) -> tuple[int, int]:
        """DLPack's two numbers, the type and the index, for others that speak it."""
    def __eq__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """For `copy` and `pickle`: the class and the name."""
    def __hash__(self, /) -> int: ...

@final
class Tensor:
    """An n-dimensional buffer, shared and not copied: by C libraries, NumPy, PyTorch
    and whatever speaks DLPack, an array interface or the buffer protocol.

    Tensors come from `from_dlpack`, `asarray` and `empty`. A tensor never
    changes its shape, dtype or address; views are new tensors on the same
    memory, which lives until the last of them is gone. The memory is not locked:
    that nobody writes to what somebody else reads is up to the program.
    """

    # Cannot be called: tensors come from the functions below.
    def __new__(cls, *args: Never, **kwargs: Never) -> Tensor: ...
    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
    @property
    def strides(self) -> tuple[int, ...]:
        """The strides, in elements (NumPy's are in bytes)."""
    @property
    def dtype(self) -> DType:
        """The element type."""
    @property
    def device(self) -> Device:
        """The device of the memory."""
    @property
    def ndim(self) -> int:
        """The number of dimensions."""
    @property
    def size(self) -> int:
        """The number of elements."""
    @property
    def itemsize(self) -> int:
        """The bytes of one element, rounded up for elements that are parts of bytes."""
    @property
    def nbytes(self) -> int:
        """The bytes of all elements, without the gaps that strides leave."""
    @property
    def readonly(self) -> bool:
        """Whether the memory must not be written to."""
    @property
    def ptr(self) -> int:
        """The address of the first element, 0 without elements."""
    @property
    def T(self) -> Tensor:  # noqa: N802
        """The view with all axes in reverse order."""
    @property
    def _dltensor(self) -> int:
        """The address of a DLTensor struct of the tensor, valid as long as the tensor."""
    @overload
    def transpose(self, /, *axes: SupportsIndex) -> Tensor:
        """The view with the axes in this order, reversed if none are given. Takes
        ints or one tuple; negative ones count from the end.
        """
    @overload
    def transpose(self, axes: tuple[SupportsIndex, ...] | list[int], /) -> Tensor: ...
    @overload
    def reshape(self, /, *shape: SupportsIndex) -> Tensor:
        """The view with another shape: ints or one tuple, of which one may be -1.
        ValueError if only a copy could have it.
        """
    @overload
    def reshape(self, shape: tuple[SupportsIndex, ...] | list[int], /) -> Tensor: ...
    def copy(self, /) -> Tensor:
        """A copy in C order, in memory of its own on the same device, writable."""
    def contiguous(self, /) -> Tensor:
        """The tensor itself if it is in C order without gaps, else a copy."""
    def item(self, /, *index: SupportsIndex) -> Any:
        """The one element as a number of Python, that at a flat index, or that at one index
        for each axis. Of memory of a GPU, that element is copied.
        """
    def tolist(self, /) -> Any:
        """The elements as numbers of Python, in lists in lists, one for each axis; the number
        where there are no axes.
        """
    def tobytes(self, /, order: Literal["C", "F", "A"] = "C") -> bytes:
        """The bytes of the elements without gaps: the last axis fastest for "C", the first one
        for "F"; "A" is "F" for what lies in that order, else "C".
        """
    def to_device(self, device: _Device, /, *, stream: int | None = None) -> Tensor:
        """The tensor itself if it is on that device, else a copy there in C order: on
        "cpu", "cpu_pinned", "cuda_managed" or a GPU, "cuda:0".

        Without `stream` the copy is made in the order of the stream on which the tensor
        was made, and memory of the host is read or written when this returns. With one,
        of the GPU that is copied to or from (to, between two), nothing is waited for but
        copies to "cpu": a tensor of the host is to be kept, and not to be written to, until
        the stream is past the copy, and the stream exists as long as the copy and its views.
        A tensor on that device already is taken over to the stream, as by `from_dlpack`.
        What is copied to "cpu_pinned" or "cuda_managed" with a stream is there when the
        stream is past it: wait for the stream before the host reads it. Between two GPUs
        the host waits.
        """
    def numpy(self, /, *, copy: bool | None = False) -> _NumpyArray:
        """A NumPy array on the same memory, read-only if the tensor is; with
        copy=True on a copy. BufferError where NumPy cannot have it.
        """
    def torch(
        self, /, *, copy: bool | None = False, allow_writable_alias: bool = False
    ) -> _TorchTensor:
        """A PyTorch tensor on the same memory. BufferError where PyTorch cannot have
        it (negative strides, complex128 between multiples of 16 bytes) or would not keep
        it read-only; copy=None copies in those cases, copy=True always.
        """
    def jax(self, /, *, copy: bool | None = False, allow_writable_alias: bool = False) -> Any:
        """A JAX array on the same memory. BufferError where JAX would copy (memory not
        aligned to 64 bytes), convert (64 bits without jax_enable_x64) or refuse it (gaps,
        repeated or reversed axes); copy=None copies where that helps.
        """
    def cupy(self, /, *, copy: bool | None = False, allow_writable_alias: bool = False) -> Any:
        """A CuPy array on the same memory of a CUDA device, which CuPy's current stream
        waits for. BufferError for memory on the host, which CuPy has none of.
        """
    def tensorflow(
        self, /, *, copy: bool | None = False, allow_writable_alias: bool = False
    ) -> Any:
        """A TensorFlow tensor on the same memory. BufferError where TensorFlow cannot have
        it (another order than C, memory not aligned to 64 bytes); copy=None copies then.
        """
    def paddle(self, /, *, copy: bool | None = False, allow_writable_alias: bool = False) -> Any:
        """A PaddlePaddle tensor on the same memory. BufferError where PaddlePaddle cannot
        have it (negative strides, uint16, complex128 between multiples of 16 bytes) or
        would not keep it read-only; copy=None copies where that helps.
        """
    def mlx(self, /, *, copy: bool | None = False, allow_writable_alias: bool = False) -> Any:
        """An MLX array. MLX always copies: BufferError unless copy is None or True."""
    def __len__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[Tensor]:
        """Implement iter(self)."""
    def __contains__(self, value: Never, /) -> bool: ...
    def __getitem__(self, key: _Entry | tuple[_Entry, ...], /) -> Tensor: ...
    def _repr_html_(self, /) -> str:
        """A table for notebooks."""
    def __format__(self, format_spec: str, /) -> str: ...
    def __bool__(self, /) -> bool: ...
    def __int__(self, /) -> int: ...
    def __float__(self, /) -> float: ...
    def __complex__(self, /) -> complex:
        """The one element as a complex number."""
    def __index__(self, /) -> int: ...
    def __copy__(self, /) -> Tensor:
        """For `copy`: a copy in C order on the same device, read-only if the tensor is."""
    def __deepcopy__(self, _memo: Any, /) -> Tensor:
        """As `__copy__`."""
    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, tuple[Any, ...]]:
        """For `pickle`, of memory of the host; read-only stays read-only. Since protocol 5
        the memory may go by the side, without a copy where it has no gaps.
        """
    def __array__(self, /, dtype: Any = None, copy: bool | None = None) -> _NumpyArray:
        """For `numpy.asarray`: what `numpy()` gives, also of the types of ml_dtypes, converted
        if `dtype` is another one. ValueError where that takes a copy and `copy` is False.
        """
    def __dlpack__(
        self,
        /,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> CapsuleType:
        """A DLPack capsule that holds one more owner of the memory: the versioned
        kind for max_version=(1, 0) or later, else the legacy kind, which read-only
        tensors do not become. complex128 between multiples of 16 bytes is given only as
        a copy, with copy=True: PyTorch, for one, would end the process.

        Memory of a GPU is waited for by `stream`: None or 1, the legacy default stream,
        2, that of this thread, a handle, or -1, which does without. The host never waits,
        but for a copy to another device with `dl_device`.
        """
    def __dlpack_device__(self, /) -> tuple[int, int]:
        """The device as DLPack's two numbers: its type and its index."""
    __dlpack_c_exchange_api__: ClassVar[CapsuleType]
    @property
    def __array_interface__(self) -> dict[str, Any]:
        """NumPy's array interface, version 3, for tensors on the host."""
    @property
    def __array_struct__(self) -> CapsuleType:
        """NumPy's array interface as a C struct, for tensors on the host."""
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The CUDA array interface, version 3, for tensors of CUDA memory. Its stream is
        the one on which the tensor was made, for consumers to wait for: 1, the legacy
        default stream, or the handle of another one.
        """
    @property
    def __numpy_dtype__(self) -> _NumpyDType:
        """The dtype of NumPy, which `numpy.dtype` and `numpy.result_type` look for."""
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...

def from_dlpack(
    x: _Producer,
    /,
    *,
    device: _Device | None = None,
    copy: bool | None = None,
    stream: int | None = None,
) -> Tensor:
    """A tensor on the memory of an object with `__dlpack__`, or of a DLPack capsule.

    With `device`, what is on another one is copied there, unless `copy` is False.
    `copy` is as in the array API standard: True always copies, False raises
    CopyError rather than copy, None copies if there is no other way. What comes
    in the legacy form, which cannot say whether it may be written to, is read-only.

    Memory of a GPU is waited for by `stream`, on which it may be used then: None is
    PyTorch's current stream for its tensors, else the legacy default stream; 1, 2 or
    a handle as for `empty`. With `device` and `stream`, memory of the host is to be kept
    until the stream is past the copy (that of a capsule is). Another library frees memory
    of a GPU in its own order: be done with it before the last tensor goes.
    """

def asarray(
    obj: _Array,
    /,
    *,
    dtype: _DType | None = None,
    device: _Device | None = None,
    copy: bool | None = None,
    stream: int | None = None,
) -> Tensor:
    """A tensor on the memory of a NumPy array, of anything with `__dlpack__`,
    `__array_struct__`, `__array_interface__`, `__cuda_array_interface__` or a
    buffer (bytes, memoryview, array.array, mmap, ctypes), or of a DLPack capsule; a
    Tensor is returned as it is. Of what only has `__array__`, like columns of pandas and
    data sets of h5py, on the memory that it gives, which may be a copy: copy=False
    refuses that.

    A NumPy scalar is a read-only tensor without axes on its memory; a masked array without
    masked elements is its data.

    Buffers stay locked as long as their memory is used: a bytearray cannot be
    resized. The CUDA array interface does not say on which device the memory is:
    it is taken for device 0 unless the object has a `device` that says more.

    Elements are never converted: `dtype`, if given, must be that of the object.
    `device`, `copy` and `stream` are as for `from_dlpack`. DLPack has no strides between
    elements (fields of packed records) and no byte order of another machine: such arrays
    become copies, or BufferError with copy=False. What owns the memory is kept
    alive, but not kept from moving it: ndarray.resize(refcheck=False) and
    torch's resize_() pull it away from every other user.
    """

def empty(
    shape: SupportsIndex | tuple[SupportsIndex, ...] | list[int],
    *,
    dtype: _DType = "float32",
    device: _Device = "cpu",
    stream: int | None = None,
) -> Tensor:
    """A new tensor in C order whose elements are not set yet: on "cpu", on a GPU
    ("cuda:0", from its memory pool), on "cpu_pinned", to which GPUs copy quickly, or
    "cuda_managed", which moves between host and GPUs.

    On a GPU the memory is there, and is freed, in the order of `stream`: None or 1,
    the legacy default stream, 2, that of this thread, or the handle of a stream that
    exists as long as the tensor and its views. BufferError without CUDA's driver.
    """

@overload
def convert(
    obj: _Array,
    to: Literal["numpy", "numba"] | _NumpyArray,
    *,
    device: _Device | None = None,
    copy: bool | None = False,
    allow_writable_alias: bool = False,
) -> _NumpyArray:
    """An array of a framework on the memory of any array; `obj` itself if it is one
    already and `copy` is not True.

    `to` is the name of the framework (`frameworks()` lists them), its module, or an
    array of it: "the same kind as this one". Another library may be named by an array
    with `__array_namespace__`, or by its module: its `from_dlpack` takes the tensor.
    CopyError rather than a copy, unless `copy` is None (copy if needed) or True (always).
    `allow_writable_alias` lets frameworks that have no read-only arrays have read-only
    memory.

    Arrays of JAX, TensorFlow, MLX and tinygrad cannot be written to, so that they
    keep read-only memory read-only. They do see what others write to memory that
    they share, though they rely on it not to change: leave it alone from then on.
    """

@overload
def convert(
    obj: _Array,
    to: Literal["torch"] | _TorchTensor,
    *,
    device: _Device | None = None,
    copy: bool | None = False,
    allow_writable_alias: bool = False,
) -> _TorchTensor: ...
@overload
def convert(
    obj: _Array,
    to: Literal["dlbridge"] | Tensor,
    *,
    device: _Device | None = None,
    copy: bool | None = False,
    allow_writable_alias: bool = False,
) -> Tensor: ...
@overload
def convert(
    obj: _Array,
    to: _Framework | ModuleType | _SupportsDLPack | _SupportsNamespace,
    *,
    device: _Device | None = None,
    copy: bool | None = False,
    allow_writable_alias: bool = False,
) -> Any: ...
def plan(
    obj: _Array,
    to: _Framework | ModuleType | _SupportsDLPack | _SupportsNamespace,
    *,
    device: _Device | None = None,
    allow_writable_alias: bool = False,
) -> Plan:
    """What `convert` would do with these arguments. Nothing is moved, copied or
    imported for the answer. But tinygrad alone knows whether it has a device that
    works: it is imported, unless the environment says DEV=PYTHON, and given a byte.
    What gives out copies alone gives one, and another library by its namespace is
    given the tensor: nothing else tells what they do.

    The array itself is asked, as `convert` does, so that what is no array at all is
    a TypeError here too.
    """

def frameworks() -> tuple[str, ...]:
    """The names of the frameworks that `convert` takes as `to`."""

def _torch_fast_path() -> str:
    """Whether PyTorch's own functions are used, and if not, why. For the command line."""

def _catalogue() -> tuple[tuple[str, str, str, tuple[str, ...]], ...]:
    """Name, title, module and distributions of each framework. For the command line, and tests."""

def audit() -> Audit:
    """Records every exchange in a `with` block: `with dlbridge.audit() as log:`.

    On all threads, also those of other code. Blocks may be nested: each records.
    """

@final
class Plan:
    """What `convert` would do: share the memory, copy it (which it does only if
    `copy` allows that), or refuse.
    """

    @property
    def shares(self) -> bool:
        """Whether the result would be on the same memory."""
    @property
    def copies(self) -> bool:
        """Whether it takes a copy: copy=False refuses that, copy=None makes it."""
    @property
    def refuses(self) -> bool:
        """Whether not even a copy helps."""
    @property
    def bytes(self) -> int:
        """The bytes of the elements, as often as they would be copied: those that are
        copied, or shared. 0 if it would be refused.
        """
    @property
    def reason(self) -> str:
        """Why it would not be shared; why it can be, in few words."""
    @property
    def protocol(self) -> str:
        """The way by which the framework would be given the memory."""
    @property
    def source(self) -> str:
        """The framework of the array, or its type."""
    @property
    def target(self) -> str:
        """The framework that it would be given to."""

@final
class Exchange:
    """One exchange of an audit."""

    @property
    def source(self) -> str:
        """The framework that the array came from, or its type."""
    @property
    def target(self) -> str:
        """The framework that it went to."""
    @property
    def copied(self) -> bool:
        """Whether elements were copied; else the memory is shared."""
    @property
    def bytes(self) -> int:
        """The bytes of the elements, as often as they were copied."""
    @property
    def reason(self) -> str:
        """Why they were copied; empty if they are shared."""
    @property
    def protocol(self) -> str:
        """The way by which it went."""
    @property
    def file(self) -> str:
        """The file of the code that asked for it."""
    @property
    def line(self) -> int:
        """The line in that file."""

@final
class Audit:
    """A log of the exchanges that the library makes while it is entered, on all
    threads: a sequence of `Exchange`.
    """

    def __enter__(self, /) -> Audit: ...
    def __exit__(self, /, *_exception: object) -> None: ...
    @property
    def bytes_copied(self) -> int:
        """The bytes of all copies."""
    @property
    def bytes_shared(self) -> int:
        """The bytes of all arrays that were shared."""
    def __len__(self, /) -> int: ...
    def __getitem__(self, key: SupportsIndex, /) -> Exchange: ...
    def __iter__(self, /) -> Iterator[Exchange]: ...

def _rebuild(
    shape: tuple[int, ...],
    dtype: str,
    is_fortran: bool,
    is_padded: bool,
    is_read_only: bool,
    data: Buffer,
    /,
) -> Tensor:
    """The tensor that was pickled. Its memory is that of `data`, but for one that could be
    written to and came as bytes that cannot.
    """

def _from_managed(address: int, /) -> Tensor:
    """Takes over a DLManagedTensorVersioned from C, by its address. On error the
    caller still owns it.
    """

@final
class ArgumentType:
    """An entry of `argtypes`, whose `from_param` ctypes calls with what the caller gave."""

    def __new__(cls, text: str) -> ArgumentType: ...
    def from_param(self, object: Any) -> Any:
        """What ctypes passes to C for an object."""

def _reserve_in_use() -> int:
    """The bytes that are in use of the memory which is kept for error texts. For tests."""

def _bind(
    name: str,
    address: int,
    signature: str,
    doc: str | None,
    copy: bool | None,
    release_gil: bool,
    like: Any,
    error: int | None,
    use_errno: bool,
    keep: tuple[Any, Any],
    home: tuple[str, str],
    /,
) -> Callable[..., Any]:
    """A Python function that calls the C function at an address."""
