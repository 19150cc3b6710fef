"""capi.arg: the specs of bind as argument types of ctypes."""

import ctypes

import dlbridge
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from dlbridge import capi

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def function(functions, name, *kinds, restype=None):
    """A function of its own, with these argument types."""
    # Indexing makes a new one each time; attributes are shared.
    found = functions[name]
    found.argtypes = [capi.arg(kind) if isinstance(kind, str) else kind for kind in kinds]
    found.restype = restype
    return found


def test_the_example(functions):
    blur = function(functions, "scale", "f32[h, w]", "out f32[h, w]", ctypes.c_double)
    blur.restype = capi.Status
    for x in [X, torch.from_numpy(X), jnp.asarray(X), dlbridge.asarray(X), X.T]:
        target = np.zeros(tuple(x.shape), np.float32)
        assert blur(x, target, 1.5) is None
        assert np.array_equal(target, dlbridge.asarray(x).numpy() * 1.5)


SOURCES = {
    "numpy": lambda array: array,
    "torch": torch.from_numpy,
    "dlbridge": dlbridge.asarray,
    "memoryview": memoryview,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["*f32[...]", "*f32[h, w]", "*any[2, 3]", "in x: * f32 [ 2, w ]"])
def test_a_pointer_to_the_first_element(kind, source, functions):
    same = function(functions, "same", kind, restype=ctypes.c_void_p)
    assert same(SOURCES[source](X)) == X.ctypes.data


@pytest.mark.parametrize("wrong", [X.T, X[:, ::2], X[::-1], torch.from_numpy(X).T])
def test_pointers_need_c_order(wrong, functions):
    same = function(functions, "same", "*f32[...]", restype=ctypes.c_void_p)
    with pytest.raises(ctypes.ArgumentError, match=r"argument 1: BufferError: .*C order"):
        same(wrong)
    either = function(functions, "same", "*f32[...] contiguous", restype=ctypes.c_void_p)
    if wrong.shape == (3, 2):
        assert either(wrong) == X.ctypes.data
    fortran = function(functions, "same", "*f32[...] f", restype=ctypes.c_void_p)
    with pytest.raises(ctypes.ArgumentError, match="Fortran order"):
        fortran(X)


READ_ONLY = [
    np.broadcast_to(X, (2, 3)),
    memoryview(bytes(4)).cast("f"),
    jnp.zeros(3, jnp.float32),
    dlbridge.asarray(np.broadcast_to(X, (2, 3))),
]


@pytest.mark.parametrize("given", READ_ONLY, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("mode", ["out", "inout", "optional out"])
@pytest.mark.parametrize("kind", ["f32[...]", "*f32[...]"])
def test_read_only_arrays_are_not_written_to(kind, mode, given, functions):
    same = function(functions, "same", f"{mode} {kind}", restype=ctypes.c_void_p)
    with pytest.raises(ctypes.ArgumentError, match="read-only and must be writable, for C writes"):
        same(given)
    same.argtypes = [capi.arg(kind)]
    assert same(given)


WRONG = {
    "expected f32[h, w], got numpy.ndarray float64 [2, 3] with strides [3, 1] on cpu: "
    "dtype is float64, expected float32": X.astype(np.float64),
    "ndim is 1, expected 2": X[0],
    "requires grad": torch.zeros(2, 3, requires_grad=True),
    "masked array": np.ma.array(X, mask=X == X),
    "must be at a multiple of 4 bytes": np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3),
    "must be an array": [[1.0]],
    'was given and must be f32[h, w]; with "optional" in front it is NULL': None,
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_what_is_refused_never_reaches_c(text, functions):
    scale = function(functions, "scale", "f32[h, w]", "out f32[h, w]", ctypes.c_double)
    before = functions.count_calls()
    with pytest.raises(ctypes.ArgumentError) as caught:
        scale(WRONG[text], X.copy(), 1.0)
    assert str(caught.value).startswith("argument 1: ")
    assert text in str(caught.value)
    with pytest.raises(ctypes.ArgumentError) as caught:
        scale(X, WRONG[text], 1.0)
    assert str(caught.value).startswith("argument 2: ")
    assert functions.count_calls() == before


def test_extents_hold_within_one_argument(functions):
    same = function(functions, "same", "f32[n, n]", restype=ctypes.c_void_p)
    assert same(X[:, :2])
    with pytest.raises(ctypes.ArgumentError, match=r"shape\[1\] is 3, expected 2"):
        same(X)
    scale = function(functions, "scale", "f32[h, w]", "out f32[h, w]", ctypes.c_double)
    target = np.zeros((2, 3), np.float32)
    scale(X[:1], target, 1.0)
    assert target.tolist() == [X[0].tolist(), [0, 0, 0]]


@pytest.mark.parametrize("kind", ["optional f32[...]", "optional *f32[...]"])
def test_none_is_null_where_it_may_be(kind, functions):
    same = function(functions, "same", kind, restype=ctypes.c_void_p)
    assert same(None) is None
    assert same(X)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,) * 64])
def test_unusual_shapes(shape, functions):
    ndim = ctypes.c_int32()
    last = function(functions, "take", "any[...]", ctypes.c_void_p)
    for given in [np.ones(shape, np.float32), torch.ones(shape)]:
        last(given, ctypes.byref(ndim))
    extent = function(functions, "last_extent", "any[...]", restype=ctypes.c_int64)
    if shape:
        assert extent(np.ones(shape)) == extent(torch.ones(shape)) == shape[-1]


MALFORMED = {
    "f33[n]": '"f33"',
    "f32": '"f32"',
    "": '""',
    "f64": "is no tensor that C gets",
    "str": "is no tensor that C gets",
    "stream": "is no tensor that C gets",
    "new f32[n]": "is no tensor that C gets",
    "out f64": "is no tensor that C gets",
    "f32[n] q": '"q"',
    "out f32[n] readonly": "not read-only",
    "n: i64 = 5": "no value of its own",
    "f32[n], f32[n]": '","',
    "f32[n] -> void": '"->"',
}


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_specs(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        capi.arg(text)
    assert MALFORMED[text] in str(caught.value)


def test_how_it_looks():
    assert repr(capi.arg("out f32[h, w] c")) == 'dlbridge.capi.arg("out f32[h, w] c")'
    for wrong in [None, 5, b"f32[n]"]:
        with pytest.raises(TypeError):
            capi.arg(wrong)
