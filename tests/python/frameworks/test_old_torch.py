"""PyTorch as it was before 2.9: without a table, and with the legacy form of DLPack alone."""

import sys

import toolchain

PROGRAM = """
import ctypes
import gc
import sys

import numpy as np
import torch

name = ctypes.pythonapi.PyCapsule_GetName
name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
to_dlpack, from_dlpack = torch._C._to_dlpack, torch._C._from_dlpack


def taken(capsule):
    if name(capsule) != b"dltensor":
        raise RuntimeError("from_dlpack received an invalid capsule")
    return from_dlpack(capsule)


del torch.Tensor.__dlpack_c_exchange_api__, torch._C._to_dlpack_versioned
torch.Tensor.__dlpack__ = lambda self, stream=None: to_dlpack(self)
torch._C._from_dlpack = taken

import dlbridge
from dlbridge import capi

array = np.arange(6.0).reshape(2, 3)
there = dlbridge.convert(array, "torch")
there[0, 0] = 7
assert array[0, 0] == 7 and there.data_ptr() == array.ctypes.data
back = dlbridge.convert(there, "numpy")
back[0, 1] = 8
assert array[0, 1] == 8
assert not dlbridge.from_dlpack(there).readonly
kept = dlbridge.from_dlpack(there)
there.set_(torch.zeros(1, dtype=torch.float64).untyped_storage())
assert kept.numpy()[0, 0] == 7

array.flags.writeable = False
try:
    dlbridge.convert(array, "torch")
except BufferError as error:
    assert "read-only" in str(error)
else:
    raise AssertionError("read-only memory became writable")
alias = dlbridge.convert(array, "torch", allow_writable_alias=True)
assert alias.data_ptr() == array.ctypes.data

copied = dlbridge.bind(
    ctypes.CDLL(str(capi.LIBRARY)).dlbridge_copy_into,
    "source: f64[h, w], out target: f64[h, w] -> dlbridge_status",
)
result = copied(torch.ones(2, 3, dtype=torch.float64))
assert isinstance(result, torch.Tensor) and result.sum() == 6

before = sys.getrefcount(array)
del alias, kept, back, there
gc.collect()
assert sys.getrefcount(array) < before
"""


def test_all_of_it():
    toolchain.run(sys.executable, "-c", PROGRAM)
