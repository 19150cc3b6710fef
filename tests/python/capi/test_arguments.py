"""Arrays go to C functions of the user, and tensors come back, without a copy."""

import ctypes
import gc
import pickle
import sys
import threading
import weakref
from pathlib import Path

import dlbridge
import numpy as np
import pytest
import toolchain
import torch
from dlbridge import capi

OwnedPointer = ctypes.POINTER(capi.DLManagedTensorVersioned)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = toolchain.compile(
        Path(__file__).with_name("user_library.c"),
        output=tmp_path_factory.mktemp("user") / "libuser.so",
        link="nothing",
        flags=["-shared", "-fPIC"],
    )
    library = ctypes.CDLL(str(path))
    library.weigh.argtypes = [capi.arg("[...]")]
    library.weigh.restype = ctypes.c_double
    library.address.restype = ctypes.c_void_p
    library.address_after.restype = ctypes.c_void_p
    library.set.argtypes = [
        capi.arg("out [...]"),
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_double,
    ]
    library.set.restype = None
    for function in [library.make, library.make_read_only]:
        function.argtypes = [ctypes.c_int64, ctypes.c_int64]
        function.restype = capi.OwnedTensor
    library.make_malformed.restype = capi.OwnedTensor
    library.make_nothing.restype = capi.OwnedTensor
    library.make_into.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(OwnedPointer)]
    library.make_into.restype = capi.Status
    library.consume.argtypes = [OwnedPointer]
    library.consume.restype = ctypes.c_double
    library.consume_on_another_thread.argtypes = [OwnedPointer]
    return library


@pytest.fixture
def deletions(library):
    """How many tensors the library has deleted since the test began."""
    before = library.count_deletions()
    return lambda: library.count_deletions() - before


@pytest.fixture
def address(library):
    function = library.address
    function.argtypes = [capi.arg("[...]")]
    return function


class OnlyArrayInterface:
    def __init__(self, array):
        self.__array_interface__ = array.__array_interface__
        self.owner = array


SOURCES = {
    "numpy": lambda array: array,
    "torch": torch.from_numpy,
    "dlbridge": dlbridge.asarray,
    "array interface": OnlyArrayInterface,
}
VIEWS = {
    "whole": lambda array: array,
    "transposed": lambda array: array.T,
    "stepped": lambda array: array[::2, 1::2],
    "reversed": lambda array: array[::-1, ::-1],
    "broadcast": lambda array: np.broadcast_to(array[0], (3, 6)),
    "one row": lambda array: array[2:3],
    "nothing": lambda array: array[:0],
}


def numbers():
    return np.arange(24, dtype=np.float64).reshape(4, 6)


def weigh(array):
    return float((np.arange(array.size).reshape(array.shape) * array).sum())


@pytest.mark.parametrize(
    ("source", "view"),
    # torch has no negative strides, and warns of read-only arrays.
    [(s, v) for s in SOURCES for v in VIEWS if s != "torch" or v not in ("reversed", "broadcast")],
)
def test_arguments_are_not_copied(source, view, library, address):
    array = VIEWS[view](numbers())
    given = SOURCES[source](array)
    assert library.weigh(given) == weigh(array)
    assert address(given) == (array.ctypes.data if array.size else None)


@pytest.mark.parametrize("source", SOURCES)
def test_c_writes_where_python_reads(source, library):
    array = numbers()
    library.set(SOURCES[source](array), 1, 2, -7.5)
    assert array[1, 2] == -7.5
    library.set(SOURCES[source](array[::2].T), 5, 1, 3.5)
    assert array[2, 5] == 3.5


def test_read_only_arrays_are_not_written_to(library):
    array = numbers()
    array.flags.writeable = False
    assert library.weigh(array) == weigh(array)
    for given in [array, dlbridge.asarray(array), np.broadcast_to(array[0], (2, 6))]:
        with pytest.raises(ctypes.ArgumentError, match=r"argument 1.*read-only.*must be writable"):
            library.set(given, 0, 0, 1.0)


NO_ARRAYS = {
    "list": [1.0, 2.0],
    "number": 3.5,
    "text": "text",
    "objects": np.array([object()]),
    "swapped bytes": np.zeros(2, ">f8"),
    "dates": np.zeros(2, "M8[s]"),
    "gradient": torch.zeros(2, requires_grad=True),
    "conjugated": torch.zeros(2, dtype=torch.complex64).conj(),
    "meta": torch.zeros(2, device="meta"),
    "sparse": torch.eye(2).to_sparse(),
    "address": 0x1000,
    "untyped pointer": ctypes.c_void_p(0x1000),
}


@pytest.mark.parametrize("given", NO_ARRAYS.values(), ids=NO_ARRAYS.keys())
def test_what_is_no_array_is_refused(given, library):
    with pytest.raises(ctypes.ArgumentError, match=r"argument 1: .*Error: .{20}"):
        library.weigh(given)


def test_none_is_null_only_where_it_may_be(library):
    function = library.address
    array = numbers()
    for kind in [capi.arg("[...]"), capi.arg("out [...]")]:
        function.argtypes = [kind]
        for null in [None, ctypes.POINTER(capi.DLTensor)()]:
            with pytest.raises(ctypes.ArgumentError, match="must be"):
                function(null)
    for kind in [capi.arg("optional [...]"), capi.arg("optional out [...]")]:
        function.argtypes = [kind]
        assert function(None) is None
        assert function(ctypes.POINTER(capi.DLTensor)()) is None
        assert function(array) == array.ctypes.data
    array.flags.writeable = False
    with pytest.raises(ctypes.ArgumentError, match="read-only"):
        function(array)


def test_descriptors_go_as_they_are(address):
    tensor = dlbridge.asarray(numbers())
    descriptor = capi.DLTensor.from_address(tensor._dltensor)
    for given in [descriptor, ctypes.byref(descriptor), ctypes.pointer(descriptor)]:
        assert address(given) == tensor.ptr
    with pytest.raises(ctypes.ArgumentError):
        address(ctypes.byref(ctypes.c_int()))


class Base(np.ndarray):
    """An array to which weak references can be made."""


class Producer:
    """Makes an array for each consumer, and does not keep it."""

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **options):
        array = numbers().view(Base)
        self.made = weakref.ref(array)
        return array.__dlpack__(**options)


def test_what_is_borrowed_lives_until_the_call_is_over(library):
    seen = []

    @ctypes.CFUNCTYPE(None)
    def look():
        gc.collect()
        seen.append(producer.made().ctypes.data)

    function = library.address_after
    function.argtypes = [ctypes.CFUNCTYPE(None), capi.arg("[...]")]
    producer = Producer()
    assert function(look, producer) == seen[0]
    gc.collect()
    assert producer.made() is None


def test_calls_leave_no_reference(library):
    array = numbers()
    before = sys.getrefcount(array)
    for _ in range(1000):
        library.weigh(array)
    assert sys.getrefcount(array) == before


@pytest.mark.parametrize("order", ["tensor first", "array first"])
def test_a_returned_tensor_is_owned(order, library, deletions):
    tensor = library.make(2, 3)
    assert isinstance(tensor, dlbridge.Tensor)
    assert (tensor.shape, tensor.strides, tensor.dtype) == ((2, 3), (1, 2), "float64")
    array = np.from_dlpack(tensor)
    assert array.ctypes.data == tensor.ptr
    assert array.tolist() == [[0, 2, 4], [1, 3, 5]]
    array[0, 0] = 9
    assert library.weigh(tensor) == weigh(array)
    if order == "tensor first":
        del tensor
        gc.collect()
        assert deletions() == 0
        assert array[0, 0] == 9
        del array
    else:
        del array
        gc.collect()
        assert deletions() == 0
        del tensor
    gc.collect()
    assert deletions() == 1


def test_a_returned_tensor_may_be_read_only(library, deletions):
    tensor = library.make_read_only(2, 3)
    assert tensor.readonly
    assert not tensor.numpy().flags.writeable
    with pytest.raises(ctypes.ArgumentError, match="read-only"):
        library.set(tensor, 0, 0, 1.0)
    del tensor
    assert deletions() == 1


def test_returned_null_is_an_error(library):
    capi.lib.dlbridge_validate(None)
    with pytest.raises(RuntimeError, match=r"NULL instead of a tensor.*tensor is NULL"):
        library.make_nothing()


def test_a_malformed_result_is_an_error_and_released(library, deletions):
    with pytest.raises(BufferError, match="ndim is -1"):
        library.make_malformed()
    assert deletions() == 1


def test_take(library, deletions):
    pointer = OwnedPointer()
    library.make_into(2, 3, ctypes.byref(pointer))
    tensor = capi.take(pointer)
    assert tensor.shape == (2, 3)
    assert not pointer
    with pytest.raises(ValueError, match="NULL"):
        capi.take(pointer)
    del tensor
    assert deletions() == 1


def test_take_from_an_untyped_pointer(library, deletions):
    pointer = ctypes.c_void_p()
    function = library.make_into
    typed = function.argtypes
    try:
        function.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        function(1, 1, ctypes.byref(pointer))
    finally:
        function.argtypes = typed
    capi.take(pointer)
    assert deletions() == 1
    assert pointer.value is None


def test_a_failed_status_is_an_error(library):
    pointer = OwnedPointer()
    with pytest.raises(capi.Error) as caught:
        library.make_into(-1, 3, ctypes.byref(pointer))
    assert (caught.value.status, caught.value.name) == (capi.StatusCode.NDIM, "DLBRIDGE_ERROR_NDIM")
    with pytest.raises(ValueError, match="never filled"):
        capi.take(pointer)


def test_check_has_code_name_and_sentence():
    descriptor = capi.DLTensor(ndim=-3)
    assert capi.check(capi.StatusCode.OK) is None
    with pytest.raises(capi.Error, match="ndim is -3") as caught:
        capi.check(capi.lib.dlbridge_validate(descriptor))
    error = caught.value
    assert error.status == capi.StatusCode.NDIM
    assert error.name == "DLBRIDGE_ERROR_NDIM"
    assert error.sentence == capi.last_error()
    assert str(error) == f"{error.sentence} (DLBRIDGE_ERROR_NDIM)"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def managed_array():
    array = numbers().view(Base)
    return array, weakref.ref(array)


def test_managed_tensors_can_be_consumed(library):
    array, alive = managed_array()
    expected = weigh(np.asarray(array))
    pointer = capi.managed(array)
    del array
    gc.collect()
    assert alive() is not None
    assert library.consume(pointer) == expected
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("how", ["thread of C", "thread of Python"])
def test_managed_tensors_can_be_released_on_any_thread(how, library):
    array, alive = managed_array()
    pointer = capi.managed(array)
    del array
    if how == "thread of C":
        assert library.consume_on_another_thread(pointer) == 0
    else:
        thread = threading.Thread(target=capi.lib.dlbridge_release, args=(pointer,))
        thread.start()
        thread.join()
    gc.collect()
    assert alive() is None


def test_managed_tensors_go_to_every_function_of_the_library():
    array = numbers()
    pointer, part = capi.managed(array), OwnedPointer()
    every_other = capi.dlbridge_range(capi.OPEN, capi.OPEN, 2)
    capi.check(capi.lib.dlbridge_slice(pointer, 1, every_other, ctypes.byref(part)))
    capi.lib.dlbridge_release(pointer)
    view = capi.take(part).numpy()
    assert view.ctypes.data == array.ctypes.data
    assert np.array_equal(view, array[::2])


def test_managed_tensors_stay_read_only(library):
    array = numbers()
    array.flags.writeable = False
    pointer = capi.managed(array)
    assert pointer.contents.flags == capi.DLPACK_FLAG_BITMASK_READ_ONLY
    tensor = capi.take(pointer)
    assert tensor.readonly
    assert tensor.ptr == array.ctypes.data
