"""C functions, bound by dlbridge and by others."""

import ctypes
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, Protocol

import dlbridge
import numpy as np

from . import build

_READ = "a: f32[h, w] -> i32"
_COPY = "a: f32[h, w], {mode} dst: f32[h, w] {order} -> status"


class Functions(Protocol):
    """A library bound as a whole."""

    def read1(self, a: Annotated[Any, "f32[h, w]"]) -> Annotated[int, "i32"]:
        """The first element."""


def _library() -> ctypes.CDLL:
    # An object each: it keeps one prototype a function.
    return ctypes.CDLL(build.library())


def _bound(function: str, signature: str, **options: object) -> Callable[[], object]:
    return lambda: dlbridge.bind(getattr(_library(), function), signature, **options)


def _sum(count: int) -> Callable[[], object]:
    inputs = [f"a{number}: f32[h, w], " for number in range(count - 1)]
    return _bound(f"add{count}", f"{''.join(inputs)}inout dst: f32[h, w] -> status")


def _with_argtypes(argument: Callable[[], object], function: str) -> Callable[[], object]:
    def maker() -> object:
        function_of_ctypes = getattr(_library(), function)
        function_of_ctypes.argtypes = [argument()] * 3
        return function_of_ctypes

    return maker


def _compiled(name: str) -> Callable[[], ModuleType]:
    def maker() -> ModuleType:
        _must_be_built()
        if str(build.MODULES) not in sys.path:
            sys.path.insert(0, str(build.MODULES))
        return import_module(name)

    return maker


def _must_be_built() -> None:
    if not build.WITH_TVM_FFI.exists():
        raise ImportError("`make bench` compiles it")


def _with_tvm_ffi() -> object:
    _must_be_built()
    return import_module("tvm_ffi").load_module(str(build.WITH_TVM_FFI))


def _floor() -> ModuleType:
    floor = _compiled("floor")()
    floor.setup(import_module("torch").Tensor)
    return floor


def _view() -> Callable[[object], object]:
    kind = import_module("cuda.core.utils").StridedMemoryView
    return lambda array: kind.from_any_interface(array, stream_ptr=-1)


MAKERS: dict[str, Callable[[], object]] = {
    "bound": _bound("add3", "a: f32[h, w], b: f32[h, w], inout dst: f32[h, w] -> status"),
    "bound1": _bound("read1", _READ),
    "with_arg": _with_argtypes(lambda: dlbridge.capi.arg("f32[h, w]"), "add3"),
    "plain": _with_argtypes(lambda: ctypes.c_void_p, "add3_addresses"),
    "with_ndpointer": _with_argtypes(
        lambda: np.ctypeslib.ndpointer(np.float32, ndim=2), "add3_addresses"
    ),
    "c_void_p": lambda: ctypes.c_void_p,
    **{f"add{count}": _sum(count) for count in (1, 3, 8, 16)},
    "read": _bound("read1", _READ),
    "read_any": _bound("read1", "a: f32|f64|i32[h, w] -> i32"),
    "read_copies": _bound("read1", "a: f32[h, w] c -> i32", copy=None),
    "read_named": _bound("read1_named", "a: f32[h, w], name: str -> i32"),
    "read_optional": _bound("read1", "optional a: f32[h, w] -> i32"),
    "read_pointer": _bound("read1_address", "a: pointer -> i32"),
    "copy_into": _bound("copy1", _COPY.format(mode="out", order="")),
    "copy_into_c": _bound("copy1", _COPY.format(mode="out", order="c")),
    "copy_into_f": _bound("copy1", _COPY.format(mode="out", order="f")),
    "copy_given": _bound("copy1", _COPY.format(mode="inout", order="")),
    "functions": lambda: dlbridge.bind(_library(), Functions),
}

# What `build.build` compiles, or another package: benches/requirements.txt.
PEERS: dict[str, Callable[[], object]] = {
    "with_nanobind": _compiled("with_nanobind"),
    "with_pybind11": _compiled("with_pybind11"),
    "with_tvm_ffi": _with_tvm_ffi,
    "floor": _floor,
    "view": _view,
}
