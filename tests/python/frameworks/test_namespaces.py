"""Libraries that `convert` knows only by the namespace of the array API standard."""

import types

import dlbridge
import numpy as np
import pytest
from dlbridge import CopyError


class Array:
    """An array of a library that stands nowhere."""

    def __init__(self, inner):
        self.inner = inner

    def __array_namespace__(self, *, api_version=None):
        return library

    def __dlpack__(self, **keywords):
        return self.inner.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.inner.__dlpack_device__()


def from_dlpack(x, /, *, device=None, copy=None):
    return Array(np.from_dlpack(x, device=device, copy=copy))


def named(**functions):
    module = types.ModuleType("other_arrays")
    vars(module).update(functions)
    return module


library = named(from_dlpack=from_dlpack)
array = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("to", [library, Array(array)], ids=["module", "array"])
def test_its_function_takes_the_tensor(to):
    for copy in (False, None):
        there = dlbridge.convert(array, to, copy=copy)
        assert type(there) is Array
        assert there.inner.ctypes.data == array.ctypes.data
    copied = dlbridge.convert(array, to, copy=True)
    assert copied.inner.tolist() == array.tolist()
    assert not np.shares_memory(copied.inner, array)
    plan = dlbridge.plan(array, to)
    assert (plan.shares, plan.bytes, plan.target) == (True, 48, "other_arrays")


def test_its_own_arrays_stay_as_they_are():
    own = Array(array)
    assert dlbridge.convert(own, library) is own
    assert dlbridge.convert(own, own, device="cpu") is own
    assert dlbridge.convert(own, library, copy=True).inner.tolist() == array.tolist()
    assert dlbridge.plan(own, library).shares
    assert np.shares_memory(dlbridge.convert(own, "numpy"), array)


def test_any_array_goes_there():
    torch = pytest.importorskip("torch")
    there = torch.arange(3.0)
    assert dlbridge.convert(there, library).inner.ctypes.data == there.data_ptr()
    assert dlbridge.convert(bytearray(b"abc"), library).inner.tolist() == [97, 98, 99]


def copying(x, /):
    return Array(np.from_dlpack(x).copy())


def picky(x, /):
    inner = np.from_dlpack(x)
    if not inner.flags.c_contiguous:
        raise ValueError("not in C order")
    return Array(inner)


def forgetful(x, /):
    inner = np.asarray(memoryview(x).cast("B").cast("d"))
    address = inner.ctypes.data
    import ctypes

    return Array(np.ctypeslib.as_array((ctypes.c_double * inner.size).from_address(address)))


READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("function", "source", "words"),
    [
        (copying, array, "other_arrays copies it"),
        (picky, array.T, "not in C order"),
        (forgetful, READ_ONLY, "read-only"),
    ],
    ids=["copying", "picky", "forgetful"],
)
def test_what_it_does_not_share_takes_a_copy(function, source, words):
    other = named(from_dlpack=function)
    with pytest.raises(CopyError, match=rf"{words}.*; copy=None makes a copy"):
        dlbridge.convert(source, other)
    copied = dlbridge.convert(source, other, copy=None)
    assert copied.inner.tolist() == source.tolist()
    assert not np.shares_memory(copied.inner, source)
    plan = dlbridge.plan(source, other)
    assert plan.copies
    assert words in plan.reason
    with dlbridge.audit() as log:
        dlbridge.convert(source, other, copy=None)
    entries = [(it.copied, it.bytes) for it in log if it.target == "other_arrays"]
    assert entries == [(True, source.nbytes)]
    assert log.bytes_copied == source.nbytes


def test_read_only_memory_may_be_given_on_purpose():
    other = named(from_dlpack=forgetful)
    shared = dlbridge.convert(READ_ONLY, other, allow_writable_alias=True)
    assert shared.inner.ctypes.data == READ_ONLY.ctypes.data


def test_what_it_refuses_altogether():
    def never(x, /):
        raise RuntimeError("never")

    other = named(from_dlpack=never)
    for copy in (None, True):
        with pytest.raises(BufferError, match=r"other_arrays does not take .*: never"):
            dlbridge.convert(array, other, copy=copy)
    assert dlbridge.plan(array, other).refuses


def test_interrupts_of_it_are_passed_on():
    def stopped(x, /):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dlbridge.convert(array, named(from_dlpack=stopped), copy=None)


@pytest.mark.parametrize(
    ("to", "kind"),
    [(named(), ValueError), (types, ValueError), (object(), TypeError), (Array, TypeError)],
)
def test_what_has_no_such_function_is_unknown(to, kind):
    with pytest.raises(kind, match=r"^to is"):
        dlbridge.convert(array, to)


def test_array_api_strict():
    strict = pytest.importorskip("array_api_strict")
    there = dlbridge.convert(array, strict)
    assert type(there) is type(strict.zeros(1))
    assert np.shares_memory(np.from_dlpack(there), array)
    assert type(dlbridge.convert(array, there, copy=True)) is type(there)
