"""Every C function, called through dlbridge.capi: once well, and once with NULL
for each pointer, which must be an error that leaves the outputs as they were."""

import ctypes
import os
from ctypes import POINTER, byref

import pytest
from dlbridge import capi
from dlbridge.capi.structs import StatusCode

Owned = POINTER(capi.DLManagedTensorVersioned)
Legacy = POINTER(capi.DLManagedTensor)
Array = POINTER(capi.dlbridge_array_struct)
INT32 = capi.DLDataType(capi.DLDataTypeCode.kDLInt, 32, 1)
CPU = capi.DLDevice(capi.DLDeviceType.kDLCPU, 0)
GPU = capi.DLDevice(capi.DLDeviceType.kDLCUDA, 0)
PER_THREAD_STREAM = 2
ON_FAKE_DRIVER = "FAKE_DEVICES" in os.environ


class Out:
    """An output, filled with a pattern to see whether it was written to."""

    def __init__(self, kind):
        self.value = kind()
        ctypes.memset(byref(self.value), 0x5A, ctypes.sizeof(self.value))

    def is_untouched(self):
        return set(bytes(self.value)) == {0x5A}


class Text(Out):
    def __init__(self):
        super().__init__(ctypes.c_char * capi.NAME_SIZE)


class World:
    """Arguments for the functions, and a count of what was made and released."""

    def __init__(self):
        self.numbers = (ctypes.c_int32 * 6)(*range(6))
        self.shape = (ctypes.c_int64 * 2)(2, 3)
        self.tensor = capi.DLTensor(
            ctypes.addressof(self.numbers), CPU, 2, INT32, self.shape, None, 0
        )
        self.made = self.released = 0
        self.callback = capi.ReleaseCallback(self.count_release)
        self.owned_here = []

    def count_release(self, context):
        assert context == 42
        self.released += 1

    def source(self):
        self.made += 1
        return [42, self.callback]

    def owned(self):
        out = Owned()
        capi.check(capi.lib.dlbridge_wrap(self.tensor, 0, *self.source(), byref(out)))
        self.owned_here.append(out)
        return out

    def legacy(self):
        out = Legacy()
        capi.check(capi.lib.dlbridge_export_legacy(self.owned(), byref(out)))
        self.owned_here[-1] = out
        return out

    def array_struct(self):
        out = Array()
        capi.check(capi.lib.dlbridge_to_array_struct(self.owned(), byref(out)))
        self.owned_here.append(out)
        return out

    def on_gpu(self):
        """A tensor on the GPU, or where there is none, what could be one."""
        out = Owned()
        arguments = [INT32, 2, self.shape, GPU, None, byref(out)]
        if capi.lib.dlbridge_cuda_empty(*arguments) == StatusCode.NO_CUDA:
            return capi.DLTensor(0x1000, GPU, 2, INT32, self.shape, None, 0)
        self.owned_here.append(out)
        return out.contents.dl_tensor

    def array_interface(self):
        out = capi.dlbridge_array_interface()
        capi.check(capi.lib.dlbridge_to_array_interface(self.owned(), byref(out)))
        return out


def device_count(_):
    out = ctypes.c_int32()
    capi.check(capi.lib.dlbridge_cuda_device_count(byref(out)))
    return [out.value]


def release(pointer):
    by_type = {
        Owned: capi.lib.dlbridge_release,
        Legacy: capi.lib.dlbridge_release_legacy,
        Array: capi.lib.dlbridge_release_array_struct,
    }
    if type(pointer) in by_type:
        by_type[type(pointer)](pointer)


@pytest.fixture
def world():
    world = World()
    yield world
    for pointer in world.owned_here:
        release(pointer)
    assert world.released == world.made


def plain(value):
    """An output as plain Python values."""
    match value:
        case Owned():
            tensor = value.contents.dl_tensor
            return tensor.shape[: tensor.ndim], tensor.strides[: tensor.ndim]
        case Legacy():
            return value.contents.dl_tensor.shape[:2]
        case Array():
            return value.contents.shape[:2], value.contents.strides[:2]
        case capi.dlbridge_array_interface():
            return value.typestr, value.shape[:2], value.strides[:2]
        case capi.DLDataType():
            return value.code, value.bits, value.lanes
        case capi.DLDevice():
            return value.device_type, value.device_id
    return value.value


STEP_2 = capi.dlbridge_range(capi.OPEN, capi.OPEN, 2)
TURNED = (ctypes.c_int32 * 2)(1, 0)
FLAT = (ctypes.c_int64 * 1)(-1)
WIDE = (ctypes.c_int64 * 3)(4, 2, 3)
BOTH = ([2, 3], [3, 1])

# name: (arguments, what comes out)
CALLS = {
    "dlbridge_empty": (lambda w: [INT32, 2, w.shape, Out(Owned)], [BOTH]),
    "dlbridge_wrap": (lambda w: [w.tensor, 0, *w.source(), Out(Owned)], [BOTH]),
    "dlbridge_share": (lambda w: [w.owned(), 0, Out(Owned)], [BOTH]),
    "dlbridge_import": (lambda w: [w.owned(), Out(Owned)], [BOTH]),
    "dlbridge_import_legacy": (lambda w: [w.legacy(), 0, Out(Owned)], [BOTH]),
    "dlbridge_export_legacy": (lambda w: [w.owned(), Out(Legacy)], [[2, 3]]),
    "dlbridge_validate": (lambda w: [w.tensor], []),
    "dlbridge_validate_managed": (lambda w: [w.owned()], []),
    "dlbridge_check": (lambda w: [w.tensor, b"i32[_, 3] c"], []),
    "dlbridge_check_managed": (lambda w: [w.owned(), b"i32 writable"], []),
    "dlbridge_check_all": (
        lambda w: [1, (POINTER(capi.DLTensor) * 1)(ctypes.pointer(w.tensor)), b"i32"],
        [],
    ),
    "dlbridge_element_count": (lambda w: [w.tensor, Out(ctypes.c_int64)], [6]),
    "dlbridge_byte_count": (lambda w: [w.tensor, Out(ctypes.c_int64)], [24]),
    "dlbridge_is_c_contiguous": (lambda w: [w.tensor, Out(ctypes.c_bool)], [True]),
    "dlbridge_is_f_contiguous": (lambda w: [w.tensor, Out(ctypes.c_bool)], [False]),
    "dlbridge_byte_range": (
        lambda w: [w.tensor, Out(ctypes.c_void_p), Out(ctypes.c_void_p)],
        lambda w: [w.tensor.data, w.tensor.data + 24],
    ),
    "dlbridge_describe": (
        lambda w: [w.tensor, Out(ctypes.c_char * capi.TEXT_SIZE), capi.TEXT_SIZE],
        [b"int32 [2, 3] with strides [3, 1] on cpu"],
    ),
    "dlbridge_slice": (lambda w: [w.owned(), 1, STEP_2, Out(Owned)], [([1, 3], [3, 1])]),
    "dlbridge_select": (lambda w: [w.owned(), 0, -1, Out(Owned)], [([3], [1])]),
    "dlbridge_permute": (lambda w: [w.owned(), 2, TURNED, Out(Owned)], [([3, 2], [1, 3])]),
    "dlbridge_reshape": (lambda w: [w.owned(), 1, FLAT, Out(Owned)], [([6], [1])]),
    "dlbridge_expand": (lambda w: [w.owned(), 3, WIDE, Out(Owned)], [([4, 2, 3], [0, 3, 1])]),
    "dlbridge_copy": (lambda w: [w.tensor, Out(Owned)], [BOTH]),
    "dlbridge_copy_into": (lambda w: [w.tensor, w.tensor], []),
    "dlbridge_dtype_name": (lambda w: [INT32, Text(), capi.NAME_SIZE], [b"int32"]),
    "dlbridge_dtype_from_name": (
        lambda w: [b"float32x4", Out(capi.DLDataType)],
        [(capi.DLDataTypeCode.kDLFloat, 32, 4)],
    ),
    "dlbridge_dtype_typestr": (lambda w: [INT32, Text(), capi.NAME_SIZE], [b"<i4"]),
    "dlbridge_dtype_from_typestr": (
        lambda w: [b"|b1", Out(capi.DLDataType)],
        [(capi.DLDataTypeCode.kDLBool, 8, 1)],
    ),
    "dlbridge_device_name": (lambda w: [CPU, Text(), capi.NAME_SIZE], [b"cpu"]),
    "dlbridge_device_from_name": (
        lambda w: [b"cuda:3", Out(capi.DLDevice)],
        [(capi.DLDeviceType.kDLCUDA, 3)],
    ),
    "dlbridge_to_array_interface": (
        lambda w: [w.owned(), Out(capi.dlbridge_array_interface)],
        [(b"<i4", [2, 3], [12, 4])],
    ),
    "dlbridge_from_array_interface": (
        lambda w: [w.array_interface(), *w.source(), Out(Owned)],
        [BOTH],
    ),
    "dlbridge_to_array_struct": (lambda w: [w.owned(), Out(Array)], [([2, 3], [12, 4])]),
    "dlbridge_from_array_struct": (
        lambda w: [w.array_struct(), *w.source(), Out(Owned)],
        [BOTH],
    ),
    "dlbridge_cuda_device_count": (lambda w: [Out(ctypes.c_int32)], device_count),
    "dlbridge_cuda_empty": (lambda w: [INT32, 2, w.shape, GPU, None, Out(Owned)], [BOTH]),
    "dlbridge_cuda_pointer_device": (
        lambda w: [w.tensor.data, Out(capi.DLDevice)],
        [(capi.DLDeviceType.kDLCPU, 0)],
    ),
    "dlbridge_cuda_check": (lambda w: [w.tensor], []),
    "dlbridge_cuda_copy": (lambda w: [w.tensor, GPU, None, Out(Owned)], [BOTH]),
    "dlbridge_cuda_copy_into": (lambda w: [w.tensor, w.on_gpu(), None], []),
    "dlbridge_stream_wait": (lambda w: [None, PER_THREAD_STREAM, GPU], []),
    "dlbridge_cuda_synchronize": (lambda w: [None, GPU], []),
}
CUDA = {name for name in CALLS if "_cuda_" in name or "_stream_" in name}
# These cannot fail, or ignore NULL.
WITHOUT_STATUS = {
    "dlbridge_version",
    "dlbridge_abi_version",
    "dlbridge_last_error",
    "dlbridge_status_name",
    "dlbridge_fail",
    "dlbridge_release",
    "dlbridge_release_legacy",
    "dlbridge_release_array_struct",
}
CONSUMING = {"dlbridge_import", "dlbridge_import_legacy", "dlbridge_export_legacy"}


def call(name, arguments):
    values = [each.value if isinstance(each, Out) else each for each in arguments]
    types = capi.FUNCTIONS[name][1]
    values = [
        byref(value) if isinstance(each, Out) and not hasattr(type(value), "_length_") else value
        for each, value in zip(arguments, values, strict=True)
    ]
    assert len(values) == len(types)
    return getattr(capi.lib, name)(*values)


def required_pointers():
    """Each pointer argument that must not be NULL: (function, position)."""
    for name in CALLS:
        for position, kind in enumerate(capi.FUNCTIONS[name][1]):
            is_pointer = hasattr(kind, "contents") or kind is ctypes.c_char_p
            if is_pointer and kind is not capi.ReleaseCallback:
                yield name, position


def test_every_function_is_called_here():
    assert set(CALLS) | WITHOUT_STATUS == set(capi.FUNCTIONS)


@pytest.mark.parametrize("name", CALLS)
def test_call(name, world):
    make, expected = CALLS[name]
    arguments = make(world)
    status = call(name, arguments)
    if name in CUDA and status == StatusCode.NO_CUDA and not ON_FAKE_DRIVER:
        assert "no CUDA driver: " in capi.last_error()
        assert all(each.is_untouched() for each in arguments if isinstance(each, Out))
        return
    capi.check(status)
    outputs = [each.value for each in arguments if isinstance(each, Out)]
    assert [plain(output) for output in outputs] == (
        expected(world) if callable(expected) else expected
    )
    if name in CONSUMING:
        world.owned_here.pop()
    for output in outputs:
        release(output)


@pytest.mark.parametrize(("name", "position"), list(required_pointers()))
def test_null(name, position, world):
    arguments = CALLS[name][0](world)
    # The release callback of a failed call is not called.
    world.made -= capi.ReleaseCallback in capi.FUNCTIONS[name][1]
    outputs = [each for i, each in enumerate(arguments) if isinstance(each, Out) and i != position]
    kind = capi.FUNCTIONS[name][1][position]
    arguments[position] = kind()
    assert call(name, arguments) == capi.StatusCode.NULL
    assert "NULL" in capi.last_error()
    assert all(output.is_untouched() for output in outputs)


def test_functions_without_status(world):
    assert capi.lib.dlbridge_version().count(b".") == 2
    assert capi.lib.dlbridge_abi_version() == capi.ABI_VERSION
    assert isinstance(capi.lib.dlbridge_last_error(), bytes)
    assert capi.lib.dlbridge_status_name(capi.StatusCode.DTYPE) == b"DLBRIDGE_ERROR_DTYPE"
    assert capi.lib.dlbridge_status_name(-1) == b"unknown"
    assert capi.lib.dlbridge_fail(1234, b"a sentence") == 1234
    assert capi.last_error() == "a sentence"
    assert capi.lib.dlbridge_fail(capi.ERROR_USER, None) == capi.ERROR_USER
    assert capi.last_error() == ""


@pytest.mark.parametrize("kind", ["owned", "legacy", "array_struct"])
def test_release(kind, world):
    pointer = getattr(world, kind)()
    world.owned_here.clear() if kind != "array_struct" else world.owned_here.pop()
    release(pointer)
    release(type(pointer)())
