"""Tensors as bytes, as copies and as pickles."""

import copy
import pickle

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import pytest
from dlbridge import _dlbridge


def read_only(array):
    array.flags.writeable = False
    return array


BASE = np.arange(24, dtype=np.int16).reshape(4, 6)
SOURCES = {
    "C": lambda: BASE.copy(),
    "Fortran": lambda: BASE.copy().T,
    "gaps": lambda: BASE.copy()[:, ::2],
    "reversed": lambda: BASE.copy()[::-1],
    "repeated": lambda: np.broadcast_to(BASE[0].copy(), (3, 6)),
    "number": lambda: np.array(2.5),
    "empty": lambda: np.empty((0, 3), np.float32),
    "read-only": lambda: read_only(BASE.copy()),
    "empty and read-only": lambda: read_only(np.empty((2, 0))),
    "complex": lambda: BASE.astype(np.complex64),
    "bool": lambda: BASE > 5,
    "bfloat16": lambda: BASE.astype(ml_dtypes.bfloat16),
    "float8": lambda: read_only(BASE.astype(ml_dtypes.float8_e4m3fn)),
    "padded": lambda: np.arange(8).astype(ml_dtypes.uint4).reshape(2, 4),
}
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def state(tensor):
    return (tensor.dtype, tensor.shape, tensor.readonly, tensor.device, tensor.tolist())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", SOURCES)
def test_pickles_come_back(name, protocol):
    tensor = dlbridge.asarray(SOURCES[name]())
    back = pickle.loads(pickle.dumps(tensor, protocol))
    assert state(back) == state(tensor)
    assert back.ptr == 0 or back.ptr != tensor.ptr
    if not back.readonly:
        memory = back.numpy()
        memory[...] = memory  # which is really there


@pytest.mark.parametrize("name", SOURCES)
def test_elements_go_by_the_side_without_a_copy(name):
    tensor = dlbridge.asarray(SOURCES[name]())
    buffers = []
    data = pickle.dumps(tensor, 5, buffer_callback=buffers.append)
    back = pickle.loads(data, buffers=buffers)
    assert state(back) == state(tensor)
    array = tensor.numpy()
    is_in_a_row = array.flags.c_contiguous or array.flags.f_contiguous
    assert (back.ptr == tensor.ptr) is (is_in_a_row or not tensor.size)
    if is_in_a_row and tensor.size:
        assert back.strides == tensor.strides


def test_bytes_that_come_by_the_side_may_be_anybodys():
    tensor = dlbridge.asarray(BASE.copy())
    buffers = []
    data = pickle.dumps(tensor, 5, buffer_callback=buffers.append)
    received = bytearray(buffers[0].raw())
    back = pickle.loads(data, buffers=[received])
    assert back.ptr == dlbridge.asarray(received).ptr
    # What could be written to still can.
    back = pickle.loads(data, buffers=[bytes(received)])
    assert not back.readonly
    assert back.tolist() == tensor.tolist()
    for wrong in (b"", bytes(received) + b"x", memoryview(bytes(96))[::2]):
        with pytest.raises(ValueError, match=r"data has .* bytes"):
            pickle.loads(data, buffers=[wrong])


def test_packed_parts_of_bytes_are_pickled():
    memory = bytes([0xE1, 0x87, 0x0C])
    address = dlbridge.asarray(memory).ptr
    packed = handmade.Foreign((5,), (1,), data=address, dtype=(0, 4, 1))
    tensor = _dlbridge._from_managed(packed.address)
    for protocol in PROTOCOLS:
        back = pickle.loads(pickle.dumps(tensor, protocol))
        assert (back.dtype, back.tolist()) == ("int4", [1, -2, 7, -8, -4])
    assert copy.deepcopy(tensor).tolist() == tensor.tolist()
    assert tensor.tobytes() == memory


@pytest.mark.parametrize("function", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", SOURCES)
def test_copies_are_of_the_elements(name, function):
    tensor = dlbridge.asarray(SOURCES[name]())
    copied = function(tensor)
    assert state(copied) == state(tensor)
    assert copied.ptr == 0 or copied.ptr != tensor.ptr


def test_a_deep_copy_has_each_tensor_once():
    tensor = dlbridge.asarray(BASE.copy())
    first, second, box = copy.deepcopy([tensor, tensor, {"same": tensor}])
    assert first is second is box["same"]
    assert first.ptr != tensor.ptr


def test_memory_of_a_gpu_is_not_pickled(on_cuda):
    with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
        pickle.dumps(on_cuda)


def test_pickles_are_checked():
    with pytest.raises(ValueError, match="data has 3 bytes"):
        _dlbridge._rebuild((2,), "float32", False, False, False, b"abc")
    with pytest.raises(ValueError, match="shape"):
        _dlbridge._rebuild((-2,), "uint8", False, False, False, b"")
    with pytest.raises(ValueError, match="dtype is"):
        _dlbridge._rebuild((2,), "float33", False, False, False, b"")


@pytest.mark.parametrize("order", ["C", "F", "A"])
@pytest.mark.parametrize("name", SOURCES)
def test_bytes_are_numpys(name, order):
    array = SOURCES[name]()
    assert dlbridge.asarray(array).tobytes(order) == array.tobytes(order)
    assert dlbridge.asarray(array).tobytes() == array.tobytes()


def test_other_orders():
    with pytest.raises(ValueError, match='order is "K"; it must be "C", "F" or "A"'):
        dlbridge.empty(3).tobytes(order="K")
