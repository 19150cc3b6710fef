"""Arrays that DLPack has only as a copy: fields of packed records, whose strides are no
multiples of their elements, and numbers in the byte order of another machine."""

import ctypes
import gc
import sys
import weakref

import dlbridge
import numpy as np
import pytest
import torch

OTHER = ">" if sys.byteorder == "little" else "<"


def packed(dtype, shape=(2, 3)):
    """A field behind a single byte."""
    records = np.zeros(shape, [("a", "i1"), ("x", dtype)])
    records["x"] = fill(shape, dtype)
    return records["x"]


def fill(shape, dtype):
    numbers = np.arange(np.prod(shape)).reshape(shape)
    return numbers * (1 - 2j) if np.dtype(dtype).kind == "c" else numbers


def swapped(dtype, shape=(2, 3)):
    return fill(shape, dtype).astype(np.dtype(dtype).newbyteorder(OTHER))


ARRAYS = {
    "packed int16": packed("i2"),
    "packed float32": packed("f4"),
    "packed float64": packed("f8"),
    "packed complex64": packed("c8"),
    "packed complex128": packed("c16"),
    "packed vector": packed("f4", (5,)),
    "packed transposed": packed("f4").T,
    "packed reversed": packed("f4")[::-1, ::-2],
    "packed and swapped": packed(OTHER + "f4"),
    "packed and swapped complex": packed(OTHER + "c16"),
    "packed broadcast": np.broadcast_to(packed("f4")[:1], (2, 3)),
    "packed record": packed("f4", (3,)).view(np.ndarray),
    "swapped int16": swapped("i2"),
    "swapped uint64": swapped("u8"),
    "swapped float16": swapped("f2"),
    "swapped float64": swapped("f8"),
    "swapped complex64": swapped("c8"),
    "swapped complex128": swapped("c16"),
    "swapped scalar": swapped("f8", ()),
    "swapped empty": swapped("f8", (0, 3)),
    "swapped transposed": swapped("i4").T,
    "swapped stepped": swapped("i4", (8, 6))[::3, ::-2],
    "swapped and large": swapped("f4", (700, 801)),
}
each = pytest.mark.parametrize("name", ARRAYS)


def native(array):
    return np.ascontiguousarray(array).reshape(array.shape).astype(array.dtype.newbyteorder("="))


class Interface:
    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Struct:
    def __init__(self, array):
        self.array = array
        self.__array_struct__ = array.__array_struct__


class InBuffer:
    """An array interface whose data is a buffer."""

    def __init__(self, array):
        whole = np.ascontiguousarray(array).reshape(array.shape)
        self.__array_interface__ = {
            "version": 3,
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": bytearray(whole.tobytes() or b"\0"),
        }


def memory_of(array):
    """Objects that describe the same elements."""
    yield array
    yield array.view(type("Subclass", (np.ndarray,), {}))
    yield Interface(array)
    yield Struct(array)
    if OTHER in array.dtype.str:
        yield InBuffer(array)
    if array.dtype.kind != "c" or sys.version_info < (3, 14):
        yield memoryview(array)


@each
def test_they_become_tensors_by_a_copy(name):
    array = ARRAYS[name]
    expected = native(array)
    for source in memory_of(array):
        for copy in (None, True):
            tensor = dlbridge.asarray(source, copy=copy)
            np.testing.assert_array_equal(tensor.numpy(), expected)
            assert tensor.dtype == expected.dtype.name
            assert not tensor.readonly
            assert tensor.ptr % 64 == 0
    for source in (array, array.view(type("Subclass", (np.ndarray,), {}))):
        for copy in (None, True):
            np.testing.assert_array_equal(dlbridge.from_dlpack(source, copy=copy).numpy(), expected)
        np.testing.assert_array_equal(dlbridge.from_dlpack(source).numpy(), expected)


@each
def test_without_a_copy_they_are_refused_with_the_way(name):
    array = ARRAYS[name]
    reason = "byte order" if OTHER in array.dtype.str else "multiple of the element size"
    for source in memory_of(array):
        calls = [
            lambda x: dlbridge.asarray(x, copy=False),
            lambda x: dlbridge.convert(x, "torch"),
            lambda x: dlbridge.convert(x, to="torch"),
        ]
        if isinstance(source, np.ndarray):
            calls.append(lambda x: dlbridge.from_dlpack(x, copy=False))
        for call in calls:
            with pytest.raises(BufferError) as error:
                call(source)
            assert reason in str(error.value)
            assert f"copy=None makes a copy ({array.nbytes} bytes)" in str(error.value)


@each
def test_convert_makes_one_copy_and_plan_and_audit_agree(name):
    array = ARRAYS[name]
    expected = native(array)
    for source in memory_of(array):
        for target in ("torch", "tvm_ffi", "dlbridge"):
            plan = dlbridge.plan(source, target)
            assert plan.copies
            assert "byte order" in plan.reason or "multiple of the element" in plan.reason
            if target == "tvm_ffi":
                continue
            assert plan.bytes == array.nbytes, plan
            for copy in (None, True):
                with dlbridge.audit() as log:
                    found = dlbridge.convert(source, target, copy=copy)
                assert [entry.copied for entry in log] == [True]
                assert (log.bytes_copied, log.bytes_shared) == (array.nbytes, 0)
                if copy is None:
                    assert log[0].reason == "DLPack does not have its strides or its byte order"
                np.testing.assert_array_equal(found.numpy(), expected)


def test_the_audit_names_the_copy():
    for source in (packed("f4"), Interface(packed("f4")), memoryview(swapped("f4"))):
        with dlbridge.audit() as log:
            dlbridge.asarray(source)
        (entry,) = log
        assert (entry.copied, entry.bytes) == (True, 24)
        assert entry.reason == "DLPack does not have its strides or its byte order"


def test_numpy_keeps_what_it_has():
    array = packed("f4")
    assert dlbridge.convert(array, "numpy") is array
    copy = dlbridge.convert(array, "numpy", copy=True)
    np.testing.assert_array_equal(copy, array)
    assert not np.shares_memory(copy, array)
    frozen = swapped("f4")
    frozen.flags.writeable = False
    assert dlbridge.asarray(frozen).readonly is False


def test_a_copy_does_not_hold_the_array():
    for source in (packed("f4").copy(), packed("f4"), swapped("f4")):
        base = source.view(type("Subclass", (np.ndarray,), {}))
        alive = weakref.ref(base)
        tensor = dlbridge.asarray(base)
        del base
        gc.collect()
        assert (alive() is None) == (
            source.flags.c_contiguous is False or OTHER in source.dtype.str
        )
        del tensor


def test_a_buffer_is_released_after_the_copy():
    memory = bytearray(swapped("f4").tobytes())
    view = memoryview(memory)
    numbers = np.frombuffer(view, OTHER + "f4")
    tensor = dlbridge.asarray(memoryview(numbers))
    del numbers
    view.release()
    memory.append(0)
    np.testing.assert_array_equal(tensor.numpy(), range(6))


def test_ctypes_arrays_of_the_other_byte_order():
    other = getattr(ctypes.c_int32, "__ctype_be__" if OTHER == ">" else "__ctype_le__")
    array = (other * 3)(1, 2, 3)
    np.testing.assert_array_equal(dlbridge.asarray(array).numpy(), [1, 2, 3])
    with pytest.raises(BufferError, match=r"byte order.*copy=None makes a copy \(12 bytes\)"):
        dlbridge.asarray(array, copy=False)


def test_records_memmaps_and_matrices(tmp_path):
    records = np.rec.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i1"), ("x", "f8")])
    np.testing.assert_array_equal(dlbridge.asarray(records.x).numpy(), [2.5, 4.5])
    path = tmp_path / "numbers"
    path.write_bytes(swapped("f4").tobytes())
    mapped = np.memmap(path, OTHER + "f4", "r")
    for take in (dlbridge.asarray, dlbridge.from_dlpack):
        np.testing.assert_array_equal(take(mapped).numpy(), range(6))
    assert torch.equal(dlbridge.convert(mapped, "torch", copy=None), torch.arange(6.0))


def test_small_types_of_ml_dtypes_between_bytes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = packed(ml_dtypes.bfloat16)
    tensor = dlbridge.asarray(array)
    assert tensor.dtype == "bfloat16"
    np.testing.assert_array_equal(tensor.numpy().astype("f4"), array.astype("f4"))


def test_what_no_copy_helps_stays_refused():
    for array in (np.array([None]), np.zeros(2, "S3"), np.zeros(2, [("a", "i1"), ("b", "f4")])):
        for copy in (None, True):
            with pytest.raises(BufferError):
                dlbridge.asarray(array, copy=copy)
        assert dlbridge.plan(array, "torch").refuses


def test_strides_that_reach_nothing_need_no_copy():
    one = packed("f4")[:1, :1]
    assert dlbridge.asarray(one).ptr == one.ctypes.data
    assert dlbridge.plan(one, "torch").shares


def test_described_memory_with_impossible_strides_is_not_read():
    described = Interface(np.zeros(3, OTHER + "f4"))
    described.__array_interface__ = described.__array_interface__ | {"strides": (2**63 - 1,)}
    with pytest.raises(BufferError, match="overflow"):
        dlbridge.asarray(described)
