"""dlbridge tensors as arguments of functions that nanobind and TVM FFI bind."""

import importlib.util
import sysconfig
from pathlib import Path

import dlbridge
import nanobind
import numpy as np
import pytest
import toolchain
import tvm_ffi

LAYOUTS = {
    "contiguous": lambda a: a,
    "transposed": lambda a: a.T,
    "stepped": lambda a: a[::2, 1::3],
    "negative": lambda a: a[::-1],
    "zero-size": lambda a: a[:, 3:3],
    "offset": lambda a: a[1:],
}
DTYPES = {
    "bool": (6, 8, 1),
    "int8": (0, 8, 1),
    "uint64": (1, 64, 1),
    "float16": (2, 16, 1),
    "bfloat16": (4, 16, 1),
    "float8_e4m3fn": (10, 8, 1),
    "complex128": (5, 128, 1),
}
layouts = pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
dtypes = pytest.mark.parametrize(("dtype", "numbers"), DTYPES.items(), ids=DTYPES)


@pytest.fixture
def array():
    return np.arange(24, dtype=np.float32).reshape(4, 6)


@pytest.fixture(scope="module")
def bound(tmp_path_factory):
    """The module of nanobind_functions.cpp."""
    source = Path(nanobind.source_dir())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    output = tmp_path_factory.mktemp("nanobind") / f"nanobind_functions{suffix}"
    toolchain.run(
        *toolchain.cpp_compiler(),
        "-std=c++17",
        "-O1",
        "-fPIC",
        "-shared",
        "-fvisibility=hidden",
        "-fno-strict-aliasing",
        f"-I{sysconfig.get_path('include')}",
        f"-I{nanobind.include_dir()}",
        f"-I{source.parent / 'ext/robin_map/include'}",
        source / "nb_combined.cpp",
        Path(__file__).with_name("nanobind_functions.cpp"),
        "-o",
        output,
    )
    spec = importlib.util.spec_from_file_location("nanobind_functions", output)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


@layouts
def test_nanobind_reads_the_same_memory(bound, array, view):
    tensor = dlbridge.asarray(view(array))
    assert bound.shape(tensor) == list(tensor.shape)
    assert bound.values(tensor) == view(array).ravel().tolist()
    if tensor.size:
        assert bound.address(tensor) == tensor.ptr == view(array).ctypes.data
        assert bound.strides(tensor) == list(tensor.strides)


def test_nanobind_takes_scalars(bound, array):
    tensor = dlbridge.asarray(array)[1, 2]
    assert bound.shape(tensor) == bound.strides(tensor) == []
    assert bound.address(tensor) == array[1, 2:].ctypes.data


@dtypes
def test_nanobind_takes_every_dtype(bound, dtype, numbers):
    tensor = dlbridge.empty((2, 3), dtype=dtype)
    assert tuple(bound.dtype(tensor)) == numbers
    assert bound.address(tensor) == tensor.ptr


def test_nanobind_writes_into_the_array(bound, array):
    expected = 2 * array
    bound.double_all(dlbridge.asarray(array))
    np.testing.assert_array_equal(array, expected)


def test_nanobind_writes_to_nothing_that_is_read_only(bound, array):
    tensor = dlbridge.asarray(read_only(array))
    with pytest.raises(TypeError):
        bound.double_all(tensor)
    assert bound.values(tensor) == array.ravel().tolist()


def test_nanobind_releases_once(bound, counted):
    held, released = counted
    bound.keep(held[0])
    held.clear()
    assert released() == 0
    bound.forget()
    assert released() == 1


@tvm_ffi.register_global_func("dlbridge.tests.look")
def look(tensor):
    """What a function of TVM FFI is given."""
    return tvm_ffi.Array([tensor.data_ptr(), *tensor.shape, *tensor.strides])


@tvm_ffi.register_global_func("dlbridge.tests.same")
def same(tensor):
    return tensor


@layouts
def test_tvm_ffi_gets_the_same_memory(array, view):
    tensor = dlbridge.asarray(view(array))
    address, *extents = tvm_ffi.get_global_func("dlbridge.tests.look")(tensor)
    assert extents == [*tensor.shape, *tensor.strides]
    if tensor.size:
        assert address == tensor.ptr == view(array).ctypes.data


@layouts
def test_tvm_ffi_gives_the_same_memory_back(array, view):
    tensor = dlbridge.asarray(view(array))
    back = tvm_ffi.get_global_func("dlbridge.tests.same")(tensor)
    np.testing.assert_array_equal(dlbridge.convert(back, "numpy"), view(array))
    if tensor.size:
        assert dlbridge.asarray(back).ptr == tensor.ptr


@dtypes
def test_tvm_ffi_takes_every_dtype(dtype, numbers):
    tensor = dlbridge.empty((2, 3), dtype=dtype)
    back = tvm_ffi.get_global_func("dlbridge.tests.same")(tensor)
    found = dlbridge.asarray(back)
    assert (found.dtype.code, found.dtype.bits, found.dtype.lanes) == numbers
    assert found.ptr == tensor.ptr


def test_tvm_ffi_and_read_only_memory(array):
    """TVM FFI gets the flag, by the exchange table, and ignores it: as with PyTorch's own
    read-only wrapper. The legacy form, which could not say it, is refused."""
    tensor = dlbridge.asarray(read_only(array))
    tvm_ffi.get_global_func("dlbridge.tests.look")(tensor)
    with pytest.raises(BufferError, match="read-only"):
        tensor.__dlpack__()


def test_tvm_ffi_releases_once(counted):
    held, released = counted
    kept = tvm_ffi.get_global_func("dlbridge.tests.same")(held[0])
    held.clear()
    assert released() == 0
    del kept
    assert released() == 1
