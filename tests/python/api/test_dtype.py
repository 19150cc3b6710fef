"""Names and objects that stand for element types, and what DType and Device lead to."""

import ctypes
import enum
import importlib.util
import subprocess
import sys
import unittest.mock

import dlbridge
import ml_dtypes
import numpy as np
import pytest
import torch

NAMES = {
    "float32": ["float32", "f32", "f4", "<f4", "=f4", "f", "single", "torch.float32"],
    "float64": ["float64", "f64", "f8", "<f8", "d", "double", "float", "float_"],
    "float16": ["float16", "f16", "f2", "<f2", "e", "half"],
    "bfloat16": ["bfloat16", "bf16", "torch.bfloat16", "paddle.bfloat16"],
    "int8": ["int8", "|i1", "<i1", ">i1", "b", "byte"],
    "uint8": ["uint8", "|u1", "B", "ubyte"],
    "int16": ["int16", "i16", "<i2", "h", "short"],
    "int32": ["int32", "i32", "<i4", "i", "intc"],
    "uint32": ["uint32", "u32", "<u4", "I", "uintc"],
    "int64": ["int64", "i64", "<i8", "q", "longlong", "int", "int_", "intp", "n"],
    "uint64": ["uint64", "u64", "<u8", "Q", "ulonglong", "uint", "uintp"],
    "bool": ["bool", "b1", "|b1", "?", "bool_"],
    "complex64": ["complex64", "c64", "c8", "<c8", "F", "csingle"],
    "complex128": ["complex128", "c128", "c16", "<c16", "D", "cdouble", "complex"],
    "complex32": ["complex32", "c32"],
    "int4": ["int4"],
    "float8_e4m3fn": ["float8_e4m3fn"],
    "float32x4": ["float32x4"],
}
OBJECTS = {
    "float32": [np.float32, np.single, np.dtype("f4"), torch.float32, torch.float, ctypes.c_float],
    "float64": [float, np.float64, np.double, np.dtype("d"), torch.double, ctypes.c_double],
    "float16": [np.float16, np.half, torch.half],
    "int64": [int, np.int64, np.int_, np.longlong, np.dtype("i8"), torch.long],
    "uint8": [np.uint8, np.ubyte, torch.uint8, ctypes.c_uint8],
    "bool": [bool, np.bool_, np.dtype("?"), torch.bool],
    "complex128": [complex, np.complex128, torch.complex128],
    "bfloat16": [ml_dtypes.bfloat16, np.dtype(ml_dtypes.bfloat16), torch.bfloat16],
    "int4": [ml_dtypes.int4],
    "float8_e5m2": [ml_dtypes.float8_e5m2, torch.float8_e5m2],
}


@pytest.mark.parametrize("name", [*NAMES, "float8_e5m2"])
def test_what_stands_for_an_element_type(name):
    for given in NAMES.get(name, []) + OBJECTS.get(name, []):
        assert dlbridge.DType(given) == name
        if name != "int4":
            assert dlbridge.empty(3, dtype=given).dtype == name


@pytest.mark.parametrize("name", ["float32", "int8", "bool"])
def test_asarray_takes_them_too(name):
    array = np.zeros(3, name)
    for given in NAMES[name] + OBJECTS.get(name, []):
        assert dlbridge.asarray(array, dtype=given).ptr == array.ctypes.data
        with pytest.raises(TypeError, match="never converts"):
            dlbridge.asarray(array.astype("u2"), dtype=given)


@pytest.mark.parametrize("name", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_what_means_two_types_is_refused(name):
    kind = {"i": "int", "u": "uint"}[name[0]]
    short, numpys = f"{kind}{name[1]}", f"{kind}{8 * int(name[1])}"
    words = f'"{name}", which is {short} in signatures and {numpys} in NumPy; write "{short}" or'
    with pytest.raises(ValueError, match=words):
        dlbridge.DType(name)
    assert dlbridge.DType(f"<{name}") == numpys


@pytest.mark.parametrize("name", [">f4", ">i8", ">c16"])
def test_other_byte_orders_are_refused(name):
    for given, error in ((name, ValueError), (np.dtype(name), TypeError)):
        for use in (dlbridge.DType, lambda given: dlbridge.empty(3, dtype=given)):
            with pytest.raises(error, match=f'dtype is "{name}", in the byte order of another'):
                use(given)


FRAMEWORKS = {
    "jax": "import jax.numpy as jnp; types = jnp.float32, jnp.bfloat16, jnp.bool_",
    "tensorflow": "import tensorflow as tf; types = tf.float32, tf.bfloat16, tf.bool",
    "paddle": "import paddle; types = paddle.float32, paddle.bfloat16, paddle.bool",
    "mlx": "import mlx.core as mx; types = mx.float32, mx.bfloat16, mx.bool_",
    "tinygrad": "from tinygrad import dtypes as d; types = d.float, d.bfloat16, d.bool",
    "tvm_ffi": "from tvm_ffi import dtype; types = map(dtype, ('float32', 'bfloat16', 'bool'))",
    "pyarrow": "import pyarrow as pa; types = pa.float32(), 'bf16', pa.bool_()",
    "warp": "import warp as wp; types = wp.float32, 'bf16', wp.bool",
    "numba": "import numba; types = numba.float32, 'bf16', numba.types.boolean",
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_dtypes_of_frameworks(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    code = f"""
import dlbridge
{FRAMEWORKS[name]}
print("", *(dlbridge.empty(3, dtype=given).dtype for given in types))
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout.endswith(" float32 bfloat16 bool\n"), result.stderr


def test_dtypes_of_others_that_speak_dlpack():
    class Other:
        def __dlpack_data_type__(self):
            return (2, 16, 1)

    assert dlbridge.DType(Other()) == "float16"
    assert dlbridge.DType("float32x4").__dlpack_data_type__() == (2, 32, 4)


@pytest.mark.parametrize(
    "name", ["float32", "int64", "bool", "complex64", "uint16", "bfloat16", "float8_e4m3fn", "int4"]
)
def test_dtypes_lead_to_numpy(name):
    dtype, expected = dlbridge.DType(name), np.dtype(getattr(ml_dtypes, name, name))
    assert dtype.numpy == dtype.dtype == np.dtype(dtype) == expected
    assert np.zeros(3, dtype=dtype).dtype == np.zeros(3).astype(dtype).dtype == expected


def test_dtypes_lead_to_torch():
    for name in ("float32", "int8", "bool", "bfloat16", "complex32", "float8_e5m2", "uint16"):
        assert dlbridge.DType(name).torch is getattr(torch, name)
    assert dlbridge.DType("float4_e2m1fnx2").torch is torch.float4_e2m1fn_x2
    assert torch.zeros(3, dtype=dlbridge.empty(3, dtype="float16").dtype.torch).dtype == torch.half
    for name in ("float32x4", "opaque64", "float8_e3m4"):
        with pytest.raises(BufferError, match=f"{name}, which PyTorch does not have"):
            _ = dlbridge.DType(name).torch
    for name in ("float32x4", "opaque64", "complex32"):
        with pytest.raises(BufferError, match=f"{name}, which NumPy does not have"):
            _ = dlbridge.DType(name).numpy


def test_devices_are_pairs_of_numbers():
    class Kind(enum.IntEnum):
        CUDA = 2

    device = dlbridge.Device("cuda:3")
    assert device == (2, 3) == device
    assert device == (Kind.CUDA, 3)
    assert device == (2, 3)
    assert device not in ((2, 0), (1, 3), (2,), ("cuda", 3), (2, 3, 0), [2, 3])
    assert dlbridge.empty(3).device == (1, 0)
    assert hash(device) == hash("cuda:3")


def test_devices_speak_dlpack():
    device = dlbridge.Device("cuda:1")
    assert device.__dlpack_device__() == (2, 1)

    class Other:
        def __dlpack_device__(self):
            return (2, 1)

    assert dlbridge.Device(Other()) == device == Other()
    # An array has a device, and is none.
    assert dlbridge.Device("cpu") != dlbridge.empty(3)
    for array in (np.zeros(3), dlbridge.empty(3)):
        with pytest.raises(TypeError, match="device is"):
            dlbridge.Device(array)


class Itself:
    """Leads to itself, whatever it is asked for."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments, **keywords):
        return self


@pytest.mark.parametrize("make", [Itself, unittest.mock.Mock, unittest.mock.MagicMock])
def test_what_leads_nowhere_is_no_dtype(make):
    assert dlbridge.DType("float32") != make()
    with pytest.raises(TypeError, match="dtype"):
        dlbridge.DType(make())


@pytest.mark.parametrize("answer", [None, (1, 2), (300, 32, 1), ("a", 1, 1), (2, 32, 1 << 70)])
def test_what_is_no_data_type_of_dlpack_is_named(answer):
    class Foreign:
        def __dlpack_data_type__(self):
            return answer

    wanted = r"__dlpack_data_type__\(\) is .*; it must be a tuple of code, bits and lanes"
    with pytest.raises(TypeError, match=wanted):
        dlbridge.empty(3, dtype=Foreign())


@pytest.mark.parametrize("name", ["dtype", "device"])
@pytest.mark.parametrize("kind", ["raises", "large"])
def test_what_has_no_text_is_refused_by_the_name_of_the_argument(name, kind):
    class Silent:
        def __str__(self):
            raise RuntimeError("no")

        __repr__ = __str__

    value = Silent() if kind == "raises" else 10**5000
    with pytest.raises(TypeError, match=f"^{name} is unprintable"):
        dlbridge.empty(3, **{name: value})
