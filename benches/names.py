"""What the statements of the jobs talk about: arrays, modules and functions."""

import ctypes
import importlib
import sys

import dlbridge
import numpy as np
import torch

from . import build

SHAPE = (4, 5)


def exchanges() -> dict[str, object]:
    """The names of the jobs that need nothing compiled for them."""
    import tvm_ffi

    a = np.ones(SHAPE, "float32")
    return {
        "a": a,
        "t": torch.ones(SHAPE),
        "tensor": dlbridge.asarray(a),
        "foreign": tvm_ffi.from_dlpack(torch.ones(SHAPE)),
        "np": np,
        "torch": torch,
        "tvm_ffi": tvm_ffi,
        "convert": dlbridge.convert,
        "from_dlpack": dlbridge.from_dlpack,
    }


def everything() -> dict[str, object]:
    """All names there are, of what `build` compiled."""
    return exchanges() | _arrays() | _peers() | _ctypes_ways() | _own_ways()


def _arrays() -> dict[str, object]:
    return {
        "b": np.ones(SHAPE, "float32"),
        "out": np.zeros(SHAPE, "float32"),
        "u": torch.ones(SHAPE),
        "v": torch.zeros(SHAPE),
    }


def _peers() -> dict[str, object]:
    import tvm_ffi
    from cuda.core.utils import StridedMemoryView

    sys.path.insert(0, str(build.MODULES))
    modules = {
        name: importlib.import_module(name) for name in ("with_nanobind", "with_pybind11", "floor")
    }
    modules["floor"].setup(torch.Tensor)
    return modules | {
        "with_tvm_ffi": tvm_ffi.load_module(str(build.WITH_TVM_FFI)),
        "view": lambda array: StridedMemoryView.from_any_interface(array, stream_ptr=-1),
    }


def _ctypes_ways() -> dict[str, object]:
    # A library object each: it keeps one prototype a function.
    plain = ctypes.CDLL(build.FUNCTIONS).add3_addresses
    plain.argtypes = [ctypes.c_void_p] * 3
    with_ndpointer = ctypes.CDLL(build.FUNCTIONS).add3_addresses
    with_ndpointer.argtypes = [np.ctypeslib.ndpointer(np.float32, ndim=2)] * 3
    return {"plain": plain, "with_ndpointer": with_ndpointer, "c_void_p": ctypes.c_void_p}


def _own_ways() -> dict[str, object]:
    library = ctypes.CDLL(build.FUNCTIONS)
    add3 = "a: f32[h, w], b: f32[h, w], inout dst: f32[h, w] -> status"
    with_arg = ctypes.CDLL(build.FUNCTIONS).add3
    with_arg.argtypes = [dlbridge.capi.arg("f32[h, w]")] * 3
    return {
        "bound": dlbridge.bind(library.add3, add3),
        "bound1": dlbridge.bind(library.read1, "a: f32[h, w] -> i32"),
        "with_arg": with_arg,
    }
