"""What else NumPy has than arrays: scalars, masked arrays, and `__array__`."""

import sys

import dlbridge
import ml_dtypes
import numpy as np
import pytest

SCALARS = [
    *(np.int8(-3), np.uint8(200), np.int16(-3), np.uint16(3), np.int32(-3), np.uint32(3)),
    *(np.int64(-3), np.uint64(2**64 - 1), np.longlong(-3), np.ulonglong(3), np.float16(1.5)),
    *(
        np.float32(1.5),
        np.float64(1.5),
        np.complex64(1 + 2j),
        np.complex128(1 - 2j),
        np.bool_(True),
    ),
    *(ml_dtypes.bfloat16(1.5), ml_dtypes.float8_e4m3fn(1.5), ml_dtypes.int4(-3)),
    *(ml_dtypes.float4_e2m1fn(1.5), np.arange(3.0).sum(), np.ones(3, np.uint8).max()),
]

PARTS_OF_BYTES = ["int4", "float4_e2m1fn"]


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: f"{type(scalar).__name__} {scalar}")
def test_scalars_are_read_only_tensors_on_their_memory(scalar):
    before = sys.getrefcount(scalar)
    tensor = dlbridge.asarray(scalar, copy=False)
    assert (tensor.dtype, tensor.shape, tensor.readonly) == (scalar.dtype.name, (), True)
    assert tensor.item() == scalar.item()
    assert sys.getrefcount(scalar) > before
    array = tensor.numpy()
    assert (array.dtype, array.shape, array.flags.writeable) == (scalar.dtype, (), False)
    del array, tensor
    assert sys.getrefcount(scalar) == before
    if scalar.dtype.name not in PARTS_OF_BYTES:  # which are not copied
        copied = dlbridge.asarray(scalar, copy=True, dtype=scalar.dtype)
        assert (copied.readonly, copied.item()) == (False, scalar.item())


def test_scalars_are_converted():
    total = np.arange(4.0).sum()
    assert dlbridge.convert(total, "numpy").item() == 6
    assert dlbridge.convert(total, "torch", copy=None).item() == 6
    assert dlbridge.plan(total, "torch").copies
    assert dlbridge.plan(total, "numpy").shares
    with pytest.raises(BufferError, match="read-only"):
        dlbridge.convert(total, "torch")


def test_scalars_are_arguments(functions):
    total = dlbridge.bind(functions.sum, "first: *f32[...], count: int64 -> f64")
    assert total(np.float32(2.5), 1) == 2.5
    with pytest.raises((TypeError, ValueError), match="dtype is float64"):
        total(np.float64(2.5), 1)
    number = dlbridge.bind(functions.number, "inout first: *f32[...], count: int64")
    with pytest.raises((TypeError, ValueError, BufferError), match="read-only"):
        number(np.float32(2.5), 1)


OTHER_SCALARS = {
    "date": (np.datetime64("2026-01-01"), r"dates.*x\.view\(.int64.\)"),
    "time": (np.timedelta64(3, "s"), "time differences"),
    "text": (np.str_("text"), "dtype <U4"),
    "bytes": (np.bytes_(b"abc"), r"dtype \|S3"),
    "struct": (np.zeros(1, "i4,i4")[0], "pass a field"),
    "void": (np.void(b"abc"), r"dtype \|V3"),
    "long double": (np.longdouble(1), "float128|longdouble"),
}


@pytest.mark.parametrize("name", OTHER_SCALARS)
def test_other_scalars_are_refused(name):
    scalar, words = OTHER_SCALARS[name]
    with pytest.raises(BufferError, match=f"x is a NumPy scalar of dtype .*({words})|{words}"):
        dlbridge.asarray(scalar)


def test_a_scalar_is_of_the_type_that_it_is():
    class Liar(np.float64):
        dtype = np.dtype("int8")

    assert dlbridge.asarray(Liar(2.5)).item() == 2.5


def test_scalars_with_dlpack_are_taken_by_it():
    with pytest.raises(TypeError, match="__dlpack__"):
        dlbridge.from_dlpack(np.float64(1))

    class Scalar(np.float64):
        def __dlpack__(self, **keywords):
            return np.array(self).__dlpack__(**keywords)

        def __dlpack_device__(self):
            return (1, 0)

    assert dlbridge.from_dlpack(Scalar(2)).item() == 2


DATA = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "mask", [np.ma.nomask, False, np.zeros((2, 3), bool)], ids=["nomask", "False", "all False"]
)
def test_arrays_without_masked_elements_are_their_data(mask):
    array = np.ma.array(DATA, mask=mask)
    for take in (dlbridge.asarray, dlbridge.from_dlpack, lambda x: dlbridge.convert(x, "torch")):
        assert dlbridge.asarray(take(array)).ptr == array.ctypes.data
    part = array[:, 1]
    assert dlbridge.asarray(part).tolist() == [1, 4]


@pytest.mark.parametrize("mask", [DATA > 4, True, DATA == 0], ids=["one", "all", "first"])
def test_masks_are_not_lost(mask):
    array = np.ma.array(DATA, mask=mask)
    for take in (dlbridge.asarray, dlbridge.from_dlpack, lambda x: dlbridge.convert(x, "torch")):
        with pytest.raises(BufferError, match=r"masked elements.*x\.filled\(\), or x\.data"):
            take(array)
    with pytest.raises(BufferError, match="masked"):
        dlbridge.asarray(np.ma.masked)
    with pytest.raises(BufferError):
        dlbridge.asarray(np.ma.array([(1, 2.0)], dtype="i4,f8", mask=[(0, 1)]))


@pytest.mark.parametrize(
    "name", ["float32", "bool", "complex128", "bfloat16", "float8_e5m2", "int4"]
)
def test_numpy_asks_for_an_array(name):
    array = np.ones((2, 3), getattr(ml_dtypes, name, name))
    for writable in (True, False):
        array.flags.writeable = writable
        tensor = dlbridge.asarray(array)
        for make in (np.asarray, tensor.__array__, lambda t: np.array(t, copy=False)):
            out = make(tensor) if make != tensor.__array__ else make()
            assert (out.dtype, out.shape) == (array.dtype, array.shape)
            assert (out.ctypes.data, out.flags.writeable) == (array.ctypes.data, writable)


def test_array_converts_as_numpy_does():
    tensor = dlbridge.asarray(DATA)
    assert tensor.__array__(np.float64).ctypes.data == DATA.ctypes.data
    assert tensor.__array__(dtype="f4").dtype == np.float32
    for keywords in ({"copy": True}, {"copy": True, "dtype": "f8"}, {"dtype": "f4", "copy": None}):
        out = tensor.__array__(**keywords)
        assert out.ctypes.data != DATA.ctypes.data
        assert out.flags.writeable
        np.testing.assert_array_equal(out, DATA)
    assert tensor.__array__(copy=False).ctypes.data == DATA.ctypes.data
    with pytest.raises(ValueError, match="takes a copy, and copy is False"):
        tensor.__array__("f4", copy=False)
    bfloat16 = dlbridge.asarray(DATA.astype(ml_dtypes.bfloat16))
    assert np.asarray(bfloat16, dtype="f4").tolist() == DATA.tolist()
    with pytest.raises(ValueError, match="copy"):
        np.asarray(bfloat16, dtype="f4", copy=False)


def test_memory_of_a_gpu_is_no_array(on_cuda):
    for attribute in ("__array_interface__", "__array_struct__"):
        assert not hasattr(on_cuda, attribute)
        with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
            getattr(on_cuda, attribute)
    for make in (np.asarray, dlbridge.Tensor.__array__, np.array):
        with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
            make(on_cuda)


def test_what_numpy_cannot_have_is_no_array():
    for name in ("float32x4", "opaque64", "complex32"):
        tensor = dlbridge.empty(3, dtype=name)
        assert not hasattr(tensor, "__array_interface__")
        with pytest.raises(BufferError, match=name):
            tensor.__array__()
        with pytest.raises((BufferError, RuntimeError)):
            np.asarray(tensor)


def test_numpy_computes_with_tensors():
    tensor = dlbridge.asarray(DATA)
    assert np.add(tensor, 1).tolist() == (DATA + 1).tolist()
    assert (DATA * tensor).tolist() == (DATA * DATA).tolist()
    assert np.stack([tensor, tensor]).shape == (2, 2, 3)
    assert np.sum(dlbridge.asarray(DATA.astype(ml_dtypes.bfloat16))) == 15


def test_numpy_knows_the_dtype_of_a_tensor():
    for name in ("float32", "bool", "bfloat16", "int4"):
        array = np.ones(3, getattr(ml_dtypes, name, name))
        tensor = dlbridge.asarray(array)
        assert np.dtype(tensor) == np.result_type(tensor) == array.dtype
    with pytest.raises(BufferError, match="complex32"):
        np.dtype(dlbridge.empty(3, dtype="complex32"))


def test_jax_takes_tensors():
    import jax

    tensor = dlbridge.asarray(DATA.astype(np.float32))
    assert jax.numpy.asarray(tensor).tolist() == DATA.tolist()
    assert jax.device_put(tensor.numpy()).tolist() == DATA.tolist()
    half = dlbridge.asarray(DATA.astype(ml_dtypes.bfloat16))
    assert jax.numpy.asarray(half).dtype == jax.numpy.bfloat16


def test_pandas_makes_columns():
    pd = pytest.importorskip("pandas")
    for name in ("float64", "int32", "bool"):
        tensor = dlbridge.asarray(DATA.astype(name))
        frame = pd.DataFrame(tensor)
        assert frame.dtypes.tolist() == [np.dtype(name)] * 3
        np.testing.assert_array_equal(frame.to_numpy(), DATA.astype(name))
        series = pd.Series(tensor[0])
        assert (series.dtype, series.tolist()) == (np.dtype(name), DATA[0].astype(name).tolist())
