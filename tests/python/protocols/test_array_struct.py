"""`__array_struct__` and `__array_interface__`, in and out."""

import ctypes
import gc
import sys

import dlbridge
import handmade
import numpy as np
import pytest

C, FORTRAN, ALIGNED, NOTSWAPPED, WRITEABLE, HAS_DESCR = 0x1, 0x2, 0x100, 0x200, 0x400, 0x800
USUAL = C | ALIGNED | NOTSWAPPED | WRITEABLE


class ArrayInterface(ctypes.Structure):
    """NumPy's PyArrayInterface."""

    _fields_ = (
        ("two", ctypes.c_int),
        ("nd", ctypes.c_int),
        ("typekind", ctypes.c_char),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("data", ctypes.c_void_p),
        ("descr", ctypes.c_void_p),
    )


def inside(capsule):
    """The struct in a capsule, which must have no name."""
    struct = ArrayInterface.from_address(handmade._pointer(capsule, None))
    struct.capsule = capsule  # which keeps the struct alive
    return struct


class Struct:
    """An object with only an `__array_struct__`, of which every field can be wrong."""

    def __init__(self, shape=(2, 3), strides=(12, 4), *, name=None, null_shape=False, **fields):
        self.memory = (ctypes.c_float * 6)(*range(6))
        self.shape = (ctypes.c_ssize_t * max(len(shape), 1))(*shape)
        self.interface = ArrayInterface(
            2, len(shape), b"f", 4, USUAL, self.shape, None, ctypes.addressof(self.memory)
        )
        if strides is not None:
            self.strides = (ctypes.c_ssize_t * max(len(strides), 1))(*strides)
            self.interface.strides = self.strides
        if null_shape:
            self.interface.shape = ctypes.POINTER(ctypes.c_ssize_t)()
        for field, value in fields.items():
            setattr(self.interface, field, value)
        self.name = name

    @property
    def __array_struct__(self):
        return handmade._new(ctypes.addressof(self.interface), self.name, None)


class Holder:
    """An object with one attribute of a protocol."""

    def __init__(self, name, value):
        setattr(self, name, value)


# In


def test_structs_are_shared():
    lender = Struct()
    tensor = dlbridge.asarray(lender)
    assert (tensor.dtype, tensor.shape, tensor.strides) == ("float32", (2, 3), (3, 1))
    assert (tensor.ptr, tensor.readonly) == (ctypes.addressof(lender.memory), False)
    tensor.numpy()[1, 2] = 9
    assert lender.memory[5] == 9


def test_numpys_own_struct():
    array = np.arange(24, dtype=np.int16).reshape(4, 6)
    for view in (array, array.T, array[::-1, ::2], array[1, 2, ...], array[:, :0]):
        tensor = dlbridge.asarray(Holder("__array_struct__", view.__array_struct__))
        np.testing.assert_array_equal(tensor.numpy(), view)
        assert tensor.size == 0 or tensor.ptr == view.ctypes.data
    array.flags.writeable = False
    assert dlbridge.asarray(Holder("__array_struct__", array.__array_struct__)).readonly


def test_struct_without_strides_is_in_c_order():
    assert dlbridge.asarray(Struct(strides=None)).strides == (3, 1)
    assert dlbridge.asarray(Struct(shape=(), strides=None)).shape == ()
    assert dlbridge.asarray(Struct(flags=NOTSWAPPED)).readonly


def test_object_and_capsule_are_kept():
    lender = Struct()
    capsule = lender.__array_struct__
    holder = Holder("__array_struct__", capsule)
    before = sys.getrefcount(capsule), sys.getrefcount(holder)
    tensor = dlbridge.asarray(holder)
    view = tensor[1:]
    del tensor
    gc.collect()
    assert (sys.getrefcount(capsule), sys.getrefcount(holder)) == (before[0] + 1, before[1] + 1)
    del view
    assert (sys.getrefcount(capsule), sys.getrefcount(holder)) == before


def test_the_interface_alone_keeps_the_memory():
    # The capsule is made anew each time, and holds the array.
    array = np.arange(3)
    before = sys.getrefcount(array)
    tensor = dlbridge.asarray(Holder("__array_struct__", array.__array_struct__))
    assert sys.getrefcount(array) > before
    del tensor
    assert sys.getrefcount(array) == before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"two": 3}, "two is 3"),
        ({"nd": -1}, "nd is -1"),
        ({"nd": 65}, "nd is 65"),
        ({"flags": USUAL & ~NOTSWAPPED}, "byte order"),
        ({"itemsize": 3}, "of a size"),
        ({"itemsize": -4}, "typestr"),
        ({"typekind": b"O", "itemsize": 8}, "Python objects"),
        ({"typekind": b"M", "itemsize": 8}, "dates"),
        ({"data": None}, "data is NULL"),
        ({"null_shape": True}, "shape is NULL"),
        ({"strides": (6, 4)}, r"strides\[0\] is 6 bytes"),
        ({"shape": (-1, 3)}, r"shape\[0\] is -1"),
        ({"shape": (1 << 62, 1 << 62)}, "63 bits"),
    ],
    ids=str,
)
def test_malformed_structs(fields, words):
    lender = Struct(**fields)
    before = sys.getrefcount(lender)
    with pytest.raises(BufferError, match=words):
        dlbridge.asarray(lender, copy=False)
    assert sys.getrefcount(lender) == before


def test_trap_53_structured_types():
    array = np.zeros(2, [("a", "<i4"), ("b", "<f4")])
    with pytest.raises(BufferError, match="a struct"):
        dlbridge.asarray(Holder("__array_struct__", array.__array_struct__))
    assert inside(array.__array_struct__).flags & NOTSWAPPED == 0


def test_descr_of_a_plain_type_is_not_needed():
    descr = [("", "<f4")]
    lender = Struct(flags=USUAL | HAS_DESCR, descr=id(descr))
    assert dlbridge.asarray(lender).dtype == "float32"


@pytest.mark.parametrize("value", [None, 3, "text", {}], ids=str)
def test_what_is_no_struct(value):
    with pytest.raises(TypeError, match=r"__array_struct__ is .*a capsule without a name"):
        dlbridge.asarray(Holder("__array_struct__", value))


def test_capsules_with_a_name_are_not_followed():
    with pytest.raises(TypeError, match="a capsule without a name"):
        dlbridge.asarray(Struct(name=b"array"))


def test_capsules_of_other_protocols_are_not_followed():
    # A capsule without a name may be anything at all.
    for capsule in (
        np.zeros(3).__array_struct__,
        dlbridge.Tensor.__dlpack_c_exchange_api__,
    ):
        for take in (dlbridge.asarray, dlbridge.from_dlpack):
            with pytest.raises(BufferError, match="the capsule is named"):
                take(capsule)


def test_classes_are_no_arrays():
    with pytest.raises(TypeError, match="must be an array"):
        dlbridge.asarray(Struct)


def test_the_struct_comes_before_the_dictionary():
    lender = Struct()
    lender.__array_interface__ = {"version": 3, "shape": (1,), "typestr": "|u1", "data": b"x"}
    assert dlbridge.asarray(lender).dtype == "float32"


# Out

VIEWS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "stepped": lambda a: a[::-1, ::2],
    "number": lambda a: a[1, 2, ...],
    "empty": lambda a: a[:, :0],
    "read-only": lambda a: np.broadcast_to(a[0], (3, 6)),
}


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "complex128"])
@pytest.mark.parametrize("name", VIEWS)
def test_struct_of_a_tensor_is_numpys(name, dtype):
    array = VIEWS[name](np.zeros((4, 6), dtype))
    ours, theirs = (
        inside(capsule)
        for capsule in [dlbridge.asarray(array).__array_struct__, array.__array_struct__]
    )
    for field in ("two", "nd", "typekind", "itemsize"):
        assert getattr(ours, field) == getattr(theirs, field), field


@pytest.mark.parametrize("name", VIEWS)
def test_struct_of_a_tensor(name):
    array = VIEWS[name](np.arange(24, dtype=np.float32).reshape(4, 6))
    tensor = dlbridge.asarray(array)
    capsule = tensor.__array_struct__
    struct = inside(capsule)
    assert (struct.two, struct.nd, struct.typekind, struct.itemsize) == (2, array.ndim, b"f", 4)
    assert struct.shape[: array.ndim] == list(array.shape)
    assert (struct.data, struct.descr) == (tensor.ptr or None, None)
    flags = {
        C: array.flags.c_contiguous,
        FORTRAN: array.flags.f_contiguous,
        ALIGNED: True,
        NOTSWAPPED: True,
        WRITEABLE: array.flags.writeable,
        HAS_DESCR: False,
    }
    assert {bit: bool(struct.flags & bit) for bit in flags} == flags
    if array.size:
        assert struct.strides[: array.ndim] == list(array.strides)
    back = np.asarray(Holder("__array_struct__", capsule))
    np.testing.assert_array_equal(back, array)
    assert back.size == 0 or back.ctypes.data == array.ctypes.data
    assert back.size == 0 or back.flags.writeable == array.flags.writeable


def test_the_capsule_keeps_the_memory(counted):
    box, releases = counted
    capsules = [box[0].__array_struct__, box.pop().__array_struct__]
    gc.collect()
    assert (releases(), inside(capsules.pop()).two) == (0, 2)
    assert releases() == 0
    capsules.clear()
    assert releases() == 1


def test_what_has_no_struct(on_cuda):
    with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
        _ = on_cuda.__array_struct__
    for name in ("bfloat16", "float8_e5m2", "complex32", "float32x4"):
        tensor = dlbridge.empty(3, dtype=name)
        for attribute in ("__array_struct__", "__array_interface__"):
            with pytest.raises(BufferError, match=rf"{name}.*numpy\(\)"):
                getattr(tensor, attribute)


# The rest of the dictionary, version 3


class Buffer(bytearray):
    """Whose own buffer is the data."""


def interface(**entries):
    return Holder("__array_interface__", {"version": 3, "shape": (3,), "typestr": "<i4", **entries})


def test_interface_without_data_means_the_buffer():
    lender = Buffer(range(16))
    lender.__array_interface__ = {"version": 3, "shape": (3,), "typestr": "<i4", "data": None}
    tensor = dlbridge.asarray(lender)
    assert tensor.numpy().tobytes() == bytes(range(12))
    with pytest.raises(BufferError):
        lender.append(1)
    lender.__array_interface__.update(offset=4, strides=None, mask=None, descr=[("", "<i4")])
    assert dlbridge.asarray(lender).numpy().tobytes() == bytes(range(4, 16))
    del tensor
    gc.collect()
    lender.append(1)


def test_interface_versions_and_offsets():
    array = np.arange(3, dtype=np.int32)
    address = array.ctypes.data
    for version in (3, 4, 99):
        tensor = dlbridge.asarray(interface(data=(address, False), version=version, offset=99))
        assert (tensor.ptr, tensor.readonly, tensor.strides) == (address, False, (1,))
    assert dlbridge.asarray(interface(data=(address, True))).readonly
    assert dlbridge.asarray(interface(data=b"x" * 12)).readonly


@pytest.mark.parametrize(
    ("entries", "kind", "words"),
    [
        ({"mask": np.zeros(3)}, BufferError, "mask"),
        ({"typestr": "|V8", "descr": [("a", "<i4"), ("b", "<i4")]}, BufferError, "a struct"),
        ({"strides": [4]}, TypeError, "strides"),
        ({"strides": (4, 4)}, BufferError, "strides has 2 entries"),
        ({"shape": [3]}, TypeError, "shape"),
        ({"shape": None}, TypeError, "no 'shape'|no \"shape\""),
        ({"typestr": 3}, TypeError, "typestr"),
        ({"data": (1, 2, 3)}, TypeError, "data"),
        ({"data": 3}, BufferError, "buffer cannot be had"),
        ({"offset": -1, "data": bytes(12)}, TypeError, "offset"),
    ],
    ids=str,
)
def test_malformed_interfaces(entries, kind, words):
    with pytest.raises(kind, match=words):
        dlbridge.asarray(interface(**entries))
