"""The fake driver of tests/cuda, as Python sees it: for tests that run where it is found."""

import ctypes
import gc

import dlbridge
import numpy as np
import pytest

cuda = ctypes.CDLL("libcuda.so.1")
cuda.fake_stream.restype = cuda.fake_log.restype = ctypes.c_void_p
cuda.fake_capture.argtypes = [ctypes.c_void_p, ctypes.c_int]

LEGACY = 1
HOST = np.arange(12, dtype="float32").reshape(3, 4)


def log():
    """What the driver did since the last call."""
    return ctypes.string_at(cuda.fake_log()).decode().splitlines()


def stream(device=0, blocking=False):
    """A stream, and what the log calls it."""
    handle = cuda.fake_stream(device, int(blocking))
    tensor = dlbridge.empty(1, device=f"cuda:{device}", stream=handle)
    del tensor
    return handle, log()[-1].split()[-1]


def upload(handle=None, device="cuda", host=HOST):
    """The numbers of an array on a GPU, where they arrive late."""
    return dlbridge.asarray(host).to_device(device, stream=handle)


def values(tensor, handle=None):
    return tensor.to_device("cpu", stream=handle).numpy()


@pytest.fixture(autouse=True)
def no_leak():
    gc.collect()
    before = cuda.fake_allocations()
    log()
    yield
    gc.collect()
    assert cuda.fake_allocations() == before
    assert not cuda.fake_spoiled()
