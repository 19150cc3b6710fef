"""Ints and capsules from Python that become addresses."""

import dlbridge
import handmade
import numpy as np
import pytest
from dlbridge import _dlbridge


class Described:
    """An object with one attribute that describes its memory."""

    def __init__(self, name, value):
        setattr(self, name, value)


def interface(address, **others):
    entries = {"shape": (3,), "typestr": "<f4", "data": (address, False), "version": 3, **others}
    return Described("__array_interface__", entries)


def cuda_interface(address, **others):
    entries = {"shape": (3,), "typestr": "<f4", "data": (address, False), "version": 3, **others}
    return Described("__cuda_array_interface__", entries)


NO_ADDRESSES = [True, False, 1, 8, 4095, -8, 1 << 64, 10**30, 1.0, "8", None, b"8"]


@pytest.mark.parametrize("describe", [interface, cuda_interface])
@pytest.mark.parametrize("address", NO_ADDRESSES, ids=repr)
def test_array_interfaces(describe, address):
    with pytest.raises((TypeError, ValueError, BufferError), match="data"):
        dlbridge.asarray(describe(address))


def test_the_address_in_an_array_interface_may_be_of_numpy():
    memory = np.arange(3, dtype="f4")
    address = np.uintp(memory.ctypes.data)
    assert dlbridge.asarray(interface(address)).numpy().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "address", [True, False, 1, 12, 4095, -8, 1 << 64, 10**30, 1.0, "8", None], ids=repr
)
def test_managed_tensors(address):
    with pytest.raises((TypeError, ValueError), match=r"address|NULL"):
        _dlbridge._from_managed(address)


@pytest.mark.parametrize("pointer", [1, 8, 4095, 4097, 0x7FFF_0000_0001])
@pytest.mark.parametrize("name", [b"dltensor", b"dltensor_versioned"])
def test_capsules_of_dlpack(pointer, name):
    capsule = handmade._new(pointer, name, None)
    for take in (dlbridge.from_dlpack, dlbridge.asarray):
        with pytest.raises(BufferError, match=rf"holds the address {pointer:#x}"):
            take(capsule)
    assert handmade.capsule_name(capsule) == name.decode()


@pytest.mark.parametrize("pointer", [1, 8, 4095, 4097])
def test_capsules_of_array_structs(pointer):
    described = Described("__array_struct__", handmade._new(pointer, None, None))
    with pytest.raises(BufferError, match=rf"holds the address {pointer:#x}"):
        dlbridge.asarray(described)


NO_STREAMS = [True, False, 0, 3, 7, 4095, 4097, -1, 1 << 63, 10**30, 1.0, "1"]


@pytest.mark.parametrize("stream", NO_STREAMS, ids=repr)
def test_streams(stream, on_cuda):
    with pytest.raises((TypeError, ValueError), match="stream"):
        dlbridge.empty(3, stream=stream)
    with pytest.raises((TypeError, ValueError), match="stream"):
        on_cuda.to_device("cuda:1", stream=stream)
    if stream != -1 or isinstance(stream, bool):
        with pytest.raises((TypeError, ValueError), match="stream"):
            on_cuda.__dlpack__(stream=stream, max_version=(1, 3))
    with pytest.raises((TypeError, ValueError), match="stream"):
        dlbridge.asarray(cuda_interface(0x7000_0000_0000, stream=stream))
