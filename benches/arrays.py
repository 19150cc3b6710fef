"""Arrays, and objects that share one by a single protocol."""

import array
import pickle
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import SimpleNamespace

import dlbridge
import numpy as np

SHAPE = (4, 5)
_TENSORS = 16  # the most that a function takes


class PythonDLPack:
    """Hands on what DLPack asks, and has no other protocol."""

    def __init__(self, owner: object) -> None:
        self._owner = owner

    def __dlpack__(self, **options: object) -> object:
        return self._owner.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._owner.__dlpack_device__()


class InterfaceProperty:
    """Has the array interface, as a property."""

    def __init__(self, owner: np.ndarray) -> None:
        self._owner = owner

    @property
    def __array_interface__(self) -> dict[str, object]:
        return self._owner.__array_interface__


def numpy_array(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """An array of NumPy, of ones."""
    return np.ones(shape, "float32")


def torch_tensor() -> object:
    """A tensor of PyTorch, of ones."""
    return import_module("torch").ones(SHAPE)


def aligned() -> np.ndarray:
    """An array of NumPy at a multiple of 64 bytes, where NumPy's own are by chance only."""
    array = dlbridge.empty(SHAPE, dtype="float32").numpy()
    array[...] = 1
    return array


def _only_dlpack() -> object:
    owner = numpy_array()
    methods = {name: getattr(owner, name) for name in ("__dlpack__", "__dlpack_device__")}
    return type("OnlyDLPack", (), methods)()


def _only_interface() -> SimpleNamespace:
    owner = numpy_array()
    return SimpleNamespace(__array_interface__=owner.__array_interface__, owner=owner)


def _matrix() -> np.ndarray:
    class Matrix(np.ndarray):
        pass

    return numpy_array().view(Matrix)


def _parameter() -> object:
    return import_module("torch").nn.Parameter(torch_tensor(), requires_grad=False)


def _foreign() -> object:
    return import_module("tvm_ffi").from_dlpack(torch_tensor())


@cache
def _flat() -> np.ndarray:
    return numpy_array((20,))


MAKERS: dict[str, Callable[[], object]] = {
    "np": lambda: np,
    "torch": lambda: import_module("torch"),
    "tvm_ffi": lambda: import_module("tvm_ffi"),
    "asarray": lambda: dlbridge.asarray,
    "audit": lambda: dlbridge.audit,
    "convert": lambda: dlbridge.convert,
    "empty": lambda: dlbridge.empty,
    "from_dlpack": lambda: dlbridge.from_dlpack,
    "f4": lambda: np.dtype("float32"),
    "u1": lambda: np.dtype("uint8"),
    "version": lambda: (1, 0),
    # Of the usual shape
    "a": numpy_array,
    "b": numpy_array,
    "out": numpy_array,
    "t": torch_tensor,
    "u": torch_tensor,
    "v": torch_tensor,
    "tensor": lambda: dlbridge.asarray(numpy_array()),
    "foreign": _foreign,
    **{f"a{number}": numpy_array for number in range(_TENSORS)},
    **{f"t{number}": torch_tensor for number in range(_TENSORS)},
    **{f"x{number}": lambda: dlbridge.asarray(numpy_array()) for number in range(3)},
    # Buffers, and objects of one protocol
    "data": lambda: numpy_array().tobytes(),
    "items": lambda: array.array("f", numpy_array().ravel()),
    "memory": lambda: memoryview(numpy_array()),
    "only_buffer": lambda: pickle.PickleBuffer(numpy_array()),
    "only_flat_buffer": lambda: pickle.PickleBuffer(_flat()),
    "flat_tensor": lambda: dlbridge.asarray(_flat()),
    "only_interface": _only_interface,
    "with_property": lambda: InterfaceProperty(numpy_array()),
    "only_dlpack": _only_dlpack,
    "python_dlpack": lambda: PythonDLPack(numpy_array()),
    "only_torch_dlpack": lambda: PythonDLPack(torch_tensor()),
    # Of other shapes and kinds
    "aligned": aligned,
    "scalar": lambda: numpy_array(()),
    "six": lambda: numpy_array((2, 3, 1, 2, 3, 2)),
    "three": lambda: np.ones(3),
    "one": lambda: np.float32(1),
    "matrix": _matrix,
    **{f"s{number}": lambda: numpy_array(SHAPE[::-1]).T for number in range(3)},
    "columns": lambda: torch_tensor()[:, ::2],
    "parameter": _parameter,
}
