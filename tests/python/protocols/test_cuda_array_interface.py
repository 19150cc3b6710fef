"""`__cuda_array_interface__`, in and out. No address is ever touched."""

import sys

import dlbridge
import handmade
import numpy as np
import pytest
from dlbridge import _dlbridge

ADDRESS = 0x7000_0000_0000
ENTRIES = {"shape": (2, 3), "typestr": "<f4", "data": (ADDRESS, False), "version": 3}


class Cuda:
    """An object with only a `__cuda_array_interface__`."""

    def __init__(self, *without, **entries):
        entries = {**ENTRIES, **entries}
        self.__cuda_array_interface__ = {k: v for k, v in entries.items() if k not in without}


# In


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"strides": None},
        {"strides": (12, 4)},
        {"version": 2},
        {"version": 4},
        {"stream": None},
        {"stream": 1},
        {"mask": None},
        {"descr": [("", "<f4")]},
    ],
    ids=str,
)
def test_memory_is_shared(entries):
    tensor = dlbridge.asarray(Cuda(**entries))
    assert (tensor.ptr, tensor.device, tensor.readonly) == (ADDRESS, "cuda:0", False)
    assert (tensor.dtype, tensor.shape, tensor.strides) == ("float32", (2, 3), (3, 1))
    exported = handmade.versioned(tensor.__dlpack__(stream=-1, max_version=(1, 0)))
    assert (exported.dl_tensor.data, exported.dl_tensor.device_type) == (ADDRESS, 2)


def test_strides_are_in_bytes_and_read_only_is_kept():
    tensor = dlbridge.asarray(Cuda(strides=(-4, 8), data=(ADDRESS, True)))
    assert (tensor.strides, tensor.readonly) == ((-1, 2), True)


def test_without_elements_there_is_no_address():
    tensor = dlbridge.asarray(Cuda(shape=(0, 3), data=(0, False)))
    assert (tensor.shape, tensor.ptr, tensor.device) == ((0, 3), 0, "cuda:0")
    scalar = dlbridge.asarray(Cuda(shape=(), strides=()))
    assert (scalar.shape, scalar.size) == ((), 1)


@pytest.mark.parametrize("typestr", ["|b1", "|i1", "<u2", "<i8", "<f2", "<f8", "<c8", "<c16"])
def test_types(typestr):
    assert dlbridge.asarray(Cuda(typestr=typestr)).dtype == np.dtype(typestr).name


@pytest.mark.parametrize(
    ("entries", "kind", "words"),
    [
        ({"mask": Cuda()}, BufferError, "mask"),
        ({"stream": 0}, ValueError, "stream .* is 0"),
        ({"stream": -1}, TypeError, "stream"),
        ({"stream": "default"}, TypeError, "stream"),
        ({"version": 1}, BufferError, "version 1; it must be 2"),
        ({"version": 0}, BufferError, "version 0"),
        ({"version": "3"}, TypeError, "version"),
        ({"typestr": ">f4"}, BufferError, "byte order"),
        ({"typestr": "|V2"}, BufferError, "raw bytes"),
        ({"typestr": None}, TypeError, "typestr"),
        ({"shape": [2, 3]}, TypeError, "shape"),
        ({"shape": (-1,)}, BufferError, r"shape\[0\] is -1"),
        ({"strides": (4,)}, BufferError, "strides has 1 entries"),
        ({"strides": (6, 4)}, BufferError, r"strides\[0\] is 6 bytes"),
        ({"data": (0, False)}, BufferError, "data is NULL"),
        ({"data": ADDRESS}, TypeError, "data"),
        ({"data": None}, TypeError, 'no "data"'),
        ({"data": b"on the host"}, TypeError, "data"),
    ],
    ids=lambda value: str(value).partition(" object at")[0],
)
def test_malformed_interfaces(entries, kind, words):
    with pytest.raises(kind, match=words):
        dlbridge.asarray(Cuda(**entries))


@pytest.mark.parametrize("missing", ENTRIES)
def test_trap_69_each_entry_is_required(missing):
    with pytest.raises(TypeError, match=f'__cuda_array_interface__ has no "{missing}"'):
        dlbridge.asarray(Cuda(missing))


class Numbered:
    def __init__(self, name, value):
        setattr(self, name, value)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (Numbered("id", 3), "cuda:3"),
        (Numbered("index", 2), "cuda:2"),
        (Numbered("ordinal", 1), "cuda:1"),
        (dlbridge.Device("cuda:4"), "cuda:4"),
        ("cuda:5", "cuda:5"),
        ("somewhere", "cuda:0"),
        (None, "cuda:0"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_device_is_what_the_object_says(device, name):
    array = Cuda()
    array.device = device
    assert dlbridge.asarray(array).device == name
    assert dlbridge.asarray(array, device=name).device == name
    with pytest.raises(BufferError, match="cpu is wanted"):
        dlbridge.asarray(array, device="cpu")


def test_trap_20_the_object_is_kept():
    array = Cuda()
    before = sys.getrefcount(array), sys.getrefcount(array.__cuda_array_interface__)
    tensor = dlbridge.asarray(array)
    view = tensor[1:]
    del tensor
    assert sys.getrefcount(array) == before[0] + 1
    del view
    assert (sys.getrefcount(array), sys.getrefcount(array.__cuda_array_interface__)) == before
    with pytest.raises(BufferError):
        dlbridge.asarray(array, copy=True)
    assert sys.getrefcount(array) == before[0]


# Out


def test_interface_of_a_tensor(on_cuda):
    assert on_cuda.__cuda_array_interface__ == {
        "shape": (2, 3),
        "typestr": "<f4",
        "data": (on_cuda.ptr, False),
        "strides": None,
        "stream": 1,
        "version": 3,
    }
    assert on_cuda.T.__cuda_array_interface__["strides"] == (4, 12)
    assert on_cuda[::-1].__cuda_array_interface__["strides"] == (-12, 4)
    empty = on_cuda[:, 3:].__cuda_array_interface__
    assert (empty["shape"], empty["data"], empty["strides"]) == ((2, 0), (0, False), None)


def made(**arguments):
    foreign = handmade.Foreign((2, 3), (3, 1), data=ADDRESS, **arguments)
    return _dlbridge._from_managed(foreign.address)


def test_read_only_and_managed_memory():
    read_only = made(device=handmade.CUDA, flags=handmade.READ_ONLY)
    assert read_only.__cuda_array_interface__["data"] == (ADDRESS, True)
    assert made(device=handmade.CUDA_MANAGED).__cuda_array_interface__["data"] == (ADDRESS, False)


def test_trap_62_hasattr_tells():
    # Not an error of another kind, which hasattr() would pass on.
    others = [
        dlbridge.empty(3),
        made(device=handmade.CUDA_HOST),
        made(device=(10, 0)),
        made(device=handmade.CUDA, dtype=(4, 16, 1)),
        made(device=handmade.CUDA, dtype=(17, 4, 1)),
        made(device=handmade.CUDA, dtype=(2, 32, 4)),
    ]
    for tensor in others:
        assert not hasattr(tensor, "__cuda_array_interface__")
    with pytest.raises(AttributeError, match="float32 on cpu"):
        _ = others[0].__cuda_array_interface__


def test_going_round(on_cuda):
    class Round:
        __cuda_array_interface__ = on_cuda.__cuda_array_interface__

    assert dlbridge.asarray(Round()).ptr == on_cuda.ptr
