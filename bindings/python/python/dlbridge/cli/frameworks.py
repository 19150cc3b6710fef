"""The frameworks: how each makes an array, and how each tells what it has.

Every answer comes from the framework itself, never from dlbridge, so that the two
can be compared.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from dlbridge import _dlbridge

Array = Any

# Title, module and distributions by name: the extension knows the frameworks, this module how
# their arrays are made and read.
CATALOGUE = {
    name: (title, module, distributions)
    for name, title, module, distributions in _dlbridge._catalogue()
}

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
    "complex64",
    "complex128",
)

LAYOUTS = (
    "contiguous",
    "transposed",
    "stepped",
    "negative",
    "broadcast",
    "0-d",
    "zero-size",
    "read-only",
    "offset",
)
_EAGER_LAYOUTS = ("contiguous", "0-d", "zero-size")  # of frameworks whose views are copies


class NotOfferedError(Exception):
    """The framework has no such array."""


@dataclass(frozen=True)
class Look:
    """Where an array lies. Strides are in elements. What the framework cannot say is
    None."""

    address: int | None
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    readonly: bool | None


def values(dtype: str) -> Array:
    """The 4 x 6 array of NumPy, aligned as every framework wants it, whose layouts
    the arrays have."""
    import numpy

    if dtype.startswith(("bfloat", "float8")):
        import ml_dtypes

        kind = numpy.dtype(getattr(ml_dtypes, dtype))
    else:
        kind = numpy.dtype(dtype)
    memory = numpy.zeros(24 * kind.itemsize + 64, "uint8")
    start = -memory.ctypes.data % 64
    array = memory[start : start + 24 * kind.itemsize].view(kind).reshape(4, 6)
    # Small, for every dtype has to have them.
    numbers = numpy.arange(24) % (2 if dtype == "bool" else 8)
    array[...] = (numbers * (1 - 2j) if kind.kind == "c" else numbers).reshape(4, 6).astype(kind)
    return array


def in_layout(array: Array, layout: str, broadcast: Callable[[Array], Array]) -> Array:
    """The view of a 4 x 6 array; `broadcast` makes a row three."""
    views: dict[str, Callable[[], Array]] = {
        "contiguous": lambda: array,
        "transposed": lambda: array.T,
        "stepped": lambda: array[::2, 1::3],
        "negative": lambda: array[::-1],
        "broadcast": lambda: broadcast(array[0]),
        "0-d": lambda: array[1, 2],
        "zero-size": lambda: array[:, 3:3],
        "offset": lambda: array[1:],
    }
    if layout not in views:
        raise NotOfferedError(f"there are no {layout} arrays")
    return views[layout]()


def numpy_layout(array: Array, layout: str) -> Array:
    """The view of a NumPy array."""
    import numpy

    if layout == "0-d":
        return array[1, 2, ...]
    if layout == "read-only":
        view = array.view()
        view.flags.writeable = False
        return view
    return in_layout(array, layout, lambda row: numpy.broadcast_to(row, (3, 6)))


def _c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * extent)
    return tuple(strides[: len(shape)])


class Framework(ABC):
    """A framework whose arrays can be exchanged."""

    name: ClassVar[str]  # in the catalogue
    layouts: ClassVar[tuple[str, ...]] = LAYOUTS

    def __init__(self) -> None:
        self.title, self.module, self.distributions = CATALOGUE[self.name]

    def load(self) -> Any:
        """The module."""
        return importlib.import_module(self.module)

    def make(self, base: Array, layout: str) -> Array:
        """An array with the values and the layout of a view of `base`. Raises
        NotOfferedError, or what the framework raises, if it has none."""
        if layout not in self.layouts:
            raise NotOfferedError(f"{self.title} makes no {layout} arrays")
        return self._make(base, layout)

    @abstractmethod
    def _make(self, base: Array, layout: str) -> Array: ...

    @abstractmethod
    def look(self, array: Array) -> Look:
        """What the framework says about an array of its own."""

    def read(self, array: Array) -> Array:
        """The values as a NumPy array."""
        import numpy

        return numpy.asarray(array)


class NumPy(Framework):
    name = "numpy"

    def _make(self, base: Array, layout: str) -> Array:
        return numpy_layout(base, layout)

    def look(self, array: Array) -> Look:
        strides = tuple(stride // array.itemsize for stride in array.strides)
        return Look(array.ctypes.data, array.shape, strides, not array.flags.writeable)


class Torch(Framework):
    name = "torch"
    layouts = tuple(layout for layout in LAYOUTS if layout not in ("negative", "read-only"))

    def _make(self, base: Array, layout: str) -> Array:
        torch = self.load()
        flat = torch.from_numpy(base.view("uint8").reshape(-1))
        array = flat.view(getattr(torch, base.dtype.name)).reshape(base.shape)
        return in_layout(array, layout, lambda row: row.expand(3, 6))

    def look(self, array: Array) -> Look:
        return Look(array.data_ptr(), tuple(array.shape), array.stride(), None)

    def read(self, array: Array) -> Array:
        torch = self.load()
        # Not contiguous(), which leaves a single element the stride that it has.
        copy = array.detach().clone(memory_format=torch.contiguous_format)
        flat = copy.reshape(-1).view(torch.uint8).numpy()
        return flat.view(values(str(array.dtype).removeprefix("torch.")).dtype).reshape(array.shape)


class Jax(Framework):
    name = "jax"
    layouts = _EAGER_LAYOUTS

    def load(self) -> Any:
        jax = importlib.import_module("jax")
        # Else it has no 64-bit types.
        jax.config.update("jax_enable_x64", True)
        return jax

    def _make(self, base: Array, layout: str) -> Array:
        array = self.load().numpy.array(numpy_layout(base, layout), copy=True)
        return array.block_until_ready()  # else it still reads `base`

    def look(self, array: Array) -> Look:
        address = array.unsafe_buffer_pointer() if array.size else 0
        return Look(address, array.shape, None, True)


class CuPy(Framework):
    name = "cupy"
    layouts = Torch.layouts

    def _make(self, base: Array, layout: str) -> Array:
        cupy = self.load()
        if not cupy.cuda.is_available():
            raise NotOfferedError("CuPy needs a CUDA device, and finds none")
        return in_layout(cupy.array(base), layout, lambda row: cupy.broadcast_to(row, (3, 6)))

    def look(self, array: Array) -> Look:
        strides = tuple(stride // array.itemsize for stride in array.strides)
        return Look(array.data.ptr, array.shape, strides, None)

    def read(self, array: Array) -> Array:
        return array.get()


class TensorFlow(Framework):
    name = "tensorflow"
    layouts = _EAGER_LAYOUTS

    def _make(self, base: Array, layout: str) -> Array:
        return self.load().constant(numpy_layout(base, layout))

    def look(self, array: Array) -> Look:
        shape = tuple(array.shape)
        # On the same memory, and what NumPy gets of it is an array, also of a scalar.
        flat = self.load().reshape(array, [-1])._numpy()
        return Look(flat.ctypes.data, shape, _c_strides(shape), True)

    def read(self, array: Array) -> Array:
        return array.numpy()


class Paddle(Framework):
    name = "paddle"
    layouts = tuple(layout for layout in Torch.layouts if layout != "broadcast")

    def _make(self, base: Array, layout: str) -> Array:
        paddle = self.load()
        name = base.dtype.name
        if name in ("uint16", "uint32", "uint64"):
            raise NotOfferedError(f"PaddlePaddle makes no arrays of dtype {name}")
        narrow = name.startswith(("bfloat", "float8"))
        array = paddle.to_tensor(base.astype("float32") if narrow else base)
        return in_layout(array.astype(name), layout, lambda row: row)

    def look(self, array: Array) -> Look:
        return Look(array.data_ptr(), tuple(array.shape), tuple(array.strides), None)

    def read(self, array: Array) -> Array:
        name = str(array.dtype).rsplit(".", 1)[-1]
        dtype = values(name).dtype
        found = array.numpy()
        return found if found.dtype == dtype else found.view(dtype)


class Mlx(Framework):
    name = "mlx"

    def _make(self, base: Array, layout: str) -> Array:
        mlx = self.load()
        if base.dtype.name == "complex128" or "float8" in base.dtype.name:
            raise NotOfferedError(f"MLX has no {base.dtype.name}")
        spare = []
        while True:
            array = in_layout(mlx.array(base), layout, lambda row: mlx.broadcast_to(row, (3, 6)))
            mlx.eval(array)
            # By chance it is aligned as others need it: not twice the same answer.
            if array.size == 0 or (self.look(array).address or 0) % 64:
                return array
            spare.append(array)

    def look(self, array: Array) -> Look:
        import numpy

        view = memoryview(array)
        # NumPy does not know the format of bfloat16, but the address is the same.
        plain = array.view(self.load().uint16) if array.itemsize == 2 else array
        address = numpy.asarray(memoryview(plain)).ctypes.data
        strides = tuple(stride // view.itemsize for stride in view.strides or ())
        return Look(address, tuple(array.shape), strides, view.readonly)

    def read(self, array: Array) -> Array:
        import numpy

        mlx = self.load()
        return numpy.array(array.astype(mlx.float32) if array.dtype == mlx.bfloat16 else array)


class PyArrow(Framework):
    name = "pyarrow"

    def _make(self, base: Array, layout: str) -> Array:
        return self.load().Tensor.from_numpy(numpy_layout(base, layout))

    def look(self, array: Array) -> Look:
        pyarrow = self.load()
        if isinstance(array, pyarrow.Tensor):
            found = NumPy().look(array.to_numpy())
            return Look(found.address, found.shape, found.strides, not array.is_mutable)
        width = array.type.bit_width // 8
        address = array.buffers()[1].address + array.offset * width
        return Look(address, (len(array),), (1,), True)

    def read(self, array: Array) -> Array:
        return array.to_numpy()


class Numba(NumPy):
    """Its functions take NumPy's arrays on the host."""

    name = "numba"

    def _make(self, base: Array, layout: str) -> Array:
        if base.dtype.name.startswith(("bfloat", "float8")):
            raise NotOfferedError(f"Numba has no {base.dtype.name}")
        return numpy_layout(base, layout)


class Warp(Framework):
    name = "warp"
    layouts = tuple(layout for layout in LAYOUTS if layout not in ("0-d", "read-only"))

    def load(self) -> Any:
        warp = importlib.import_module("warp")
        warp.config.quiet = True
        return warp

    def _make(self, base: Array, layout: str) -> Array:
        warp = self.load()
        name = base.dtype.name
        if "complex" in name or "float8" in name:
            raise NotOfferedError(f"Warp has no {name}")
        memory = base.view("uint16") if name == "bfloat16" else base
        dtype = getattr(warp, name)
        return warp.array(numpy_layout(memory, layout), dtype=dtype, copy=False, device="cpu")

    def look(self, array: Array) -> Look:
        size = self.load().types.type_size_in_bytes(array.dtype)
        strides = tuple(stride // size for stride in array.strides)
        return Look(array.ptr or 0, tuple(array.shape), strides, None)

    def read(self, array: Array) -> Array:
        if array.dtype is self.load().bfloat16:
            return array.numpy().view(values("bfloat16").dtype)
        return array.numpy()


class Tinygrad(Framework):
    name = "tinygrad"
    layouts = _EAGER_LAYOUTS

    def _make(self, base: Array, layout: str) -> Array:
        tinygrad = self.load()
        view = numpy_layout(base, layout)
        names = {"bfloat16": "bfloat16", "float8_e4m3fn": "fp8e4m3", "float8_e5m2": "fp8e5m2"}
        if base.dtype.kind == "c":
            raise NotOfferedError(f"tinygrad has no {base.dtype.name}")
        # A single number would become a constant, which has no memory.
        row = view.reshape(view.shape or (1,))
        if narrow := names.get(base.dtype.name):
            array = tinygrad.Tensor(row.astype("float32")).cast(narrow)
        else:
            array = tinygrad.Tensor(row)
        return array.realize().reshape(view.shape)

    def look(self, array: Array) -> Look:
        return Look(None, tuple(array.shape), None, None)

    def read(self, array: Array) -> Array:
        return array.numpy()


class TvmFfi(Framework):
    name = "tvm_ffi"
    layouts = tuple(layout for layout in LAYOUTS if layout not in ("read-only", "broadcast"))

    def _make(self, base: Array, layout: str) -> Array:
        # By way of PyTorch's capsules where NumPy does not export.
        if base.dtype.name.startswith(("bfloat", "float8")):
            exported = Torch().make(base, layout)
        else:
            exported = numpy_layout(base, layout)
        return self.load().from_dlpack(exported)

    def look(self, array: Array) -> Look:
        return Look(array.data_ptr(), tuple(array.shape), tuple(array.strides), None)

    def read(self, array: Array) -> Array:
        import numpy

        try:
            dtype = values(str(array.dtype)).dtype
        except ValueError:  # it has no name for complex numbers, but passes them on
            return numpy.from_dlpack(array)
        # By its address, for NumPy takes not all of the others by DLPack.
        memory = _Memory(array.data_ptr(), array.shape, array.strides, dtype.itemsize)
        return numpy.asarray(memory).view(dtype).copy()


class _Memory:
    """Bytes at an address, for NumPy."""

    def __init__(
        self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int
    ) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": tuple(shape),
            "typestr": f"|V{itemsize}",
            "data": (address, True),
            "strides": tuple(stride * itemsize for stride in strides),
        }


_KINDS = (
    NumPy,
    Torch,
    Jax,
    CuPy,
    TensorFlow,
    Paddle,
    Mlx,
    PyArrow,
    Numba,
    Warp,
    Tinygrad,
    TvmFfi,
)
FRAMEWORKS: dict[str, Framework] = {kind.name: kind() for kind in _KINDS}
