"""What C writes to: allocated where nothing is given, else the array that was given."""

import ctypes
import warnings

import dlbridge
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

NUMBER = "x: any[n], out y: *f32[n], count: i64 = n"
X = np.zeros(5, np.uint8)


@pytest.fixture
def number(functions):
    """0, 1, 2 ... as many as the array has elements."""
    return dlbridge.bind(functions.number_beside, NUMBER)


KINDS = {
    "numpy": (X, np.ndarray),
    "torch": (torch.zeros(5), torch.Tensor),
    "jax": (jnp.zeros(5), jax.Array),
    "dlbridge": (dlbridge.asarray(X), dlbridge.Tensor),
    "bytes": (b"12345", dlbridge.Tensor),
}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_of_the_framework_of_the_first_array(kind, number):
    given, wanted = KINDS[kind]
    result = number(given)
    assert isinstance(result, wanted)
    assert np.asarray(dlbridge.asarray(result).numpy()).tolist() == [0, 1, 2, 3, 4]


def test_the_first_array_decides(functions):
    signature = "a: any[n], b: any[n], out y: *f32[n]"
    function = dlbridge.bind(functions.take, signature)
    assert isinstance(function(torch.zeros(2), np.zeros(2)), torch.Tensor)
    assert isinstance(function(np.zeros(2), torch.zeros(2)), np.ndarray)
    optional = dlbridge.bind(functions.take, "optional " + signature)
    assert isinstance(optional(np.zeros(2)), np.ndarray)
    # Also an output, if it is the only array.
    two = dlbridge.bind(functions.nothing, "out y: *f32[n], n: i64, out z: *f32[n]")
    assert [type(it) for it in two(2, y=np.zeros(2, np.float32))] == [np.ndarray] * 2


@pytest.mark.parametrize("like", ["numpy", "torch", "jax", "dlbridge", None])
@pytest.mark.parametrize("given", ["numpy", "torch"])
def test_like_decides_before_all(like, given, functions):
    function = dlbridge.bind(functions.number_beside, NUMBER, like=like)
    wanted = KINDS[like or given][1]
    assert isinstance(function(KINDS[given][0]), wanted)


def test_like_is_as_to_of_convert(functions):
    function = dlbridge.bind(functions.number, "out y: *f32[n], n: i64", like=np)
    assert isinstance(function(3), np.ndarray)
    function = dlbridge.bind(functions.number, "out y: *f32[n], n: i64", like=torch.zeros(1))
    assert isinstance(function(3), torch.Tensor)
    with pytest.raises(ValueError, match="chainer"):
        dlbridge.bind(functions.number, "out y: *f32[n], n: i64", like="chainer")


DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "bfloat16"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("like", ["numpy", "torch", "dlbridge"])
def test_each_dtype_is_allocated(like, dtype, functions):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    function = dlbridge.bind(functions.nothing, f"out y: {dtype}[2, 3]", like=like)
    assert dlbridge.asarray(function()).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.complex128])
def test_the_dtype_of_an_input(dtype, functions):
    function = dlbridge.bind(functions.take, "x: any[n], out y: x.dtype[n, 2]")
    for x in [np.zeros(3, dtype), torch.from_numpy(np.zeros(3, dtype))]:
        result = function(x)
        assert (result.dtype, tuple(result.shape)) == (x.dtype, (3, 2))
    missing = dlbridge.bind(functions.take, "optional x: any[n], out y: x.dtype[2]")
    with pytest.raises(BufferError, match=r"take\(\): argument y: its dtype is not known: x was"):
        missing()


@pytest.mark.parametrize("like", ["numpy", "torch", "jax", "dlbridge"])
@pytest.mark.parametrize("shape", ["", "0", "3, 0", "1, 1, 1", ", ".join(["1"] * 32)])
def test_each_shape_is_allocated(like, shape, functions):
    function = dlbridge.bind(functions.nothing, f"out y: f32[{shape}]", like=like)
    wanted = tuple(int(extent) for extent in shape.split(",") if extent)
    assert tuple(function().shape) == wanted


@pytest.mark.parametrize("like", ["numpy", "torch", "dlbridge"])
@pytest.mark.parametrize("kind", ["f32[2, 3] f", "*f32[2, 3] f", "f32[2, 3] align=64"])
def test_outputs_obey_their_contract(like, kind, functions):
    function = dlbridge.bind(functions.nothing, f"out y: {kind}", like=like)
    tensor = dlbridge.asarray(function())
    dlbridge.bind(functions.take, f"y: {kind}")(tensor)


@pytest.mark.parametrize("kind", ["f32[4] cuda", "f32[4] cuda:1", "*f32[4] cuda"])
def test_outputs_elsewhere_are_not_made_on_the_host(kind, functions):
    function = dlbridge.bind(functions.take, f"out y: {kind}")
    before = functions.count_calls()
    with pytest.raises(BufferError, match=r"argument y: device is cpu, expected cuda"):
        function()
    assert functions.count_calls() == before


def test_outputs_are_where_the_inputs_are(functions, on_cuda):
    signature = "x: f32[...] anywhere, out y: f32[4]{}"
    with pytest.raises(BufferError, match="device is cuda:0, expected the host"):
        dlbridge.bind(functions.take, signature.format(""))(on_cuda)
    with pytest.raises(BufferError, match=r"argument y: no CUDA driver"):
        dlbridge.bind(functions.take, signature.format(" anywhere"))(on_cuda)


HUGE = [2**62, 2**63 - 1, 2**40]


@pytest.mark.parametrize("like", ["numpy", "torch", "jax", "dlbridge"])
@pytest.mark.parametrize("n", HUGE)
def test_outputs_too_large_for_memory(like, n, functions):
    function = dlbridge.bind(functions.take, "out y: *f32[n, n], n: i64", like=like)
    before = functions.count_calls()
    with pytest.raises((MemoryError, ValueError, BufferError)):
        function(n)
    with pytest.raises(ValueError, match=r"argument 1 \(n\) is -1; an extent is 0 or more"):
        function(-1)
    assert functions.count_calls() == before


def test_extents_of_unsigned_integers(functions):
    function = dlbridge.bind(functions.take, "out y: *u8[n], n: u64")
    assert function(0).shape == (0,)
    with pytest.raises(ValueError, match="is 18446744073709551615; an extent is at most"):
        function(2**64 - 1)


def test_extents_that_nobody_gives(functions):
    function = dlbridge.bind(functions.take, "optional x: f32[n], out y: f32[n]")
    assert function(np.zeros(2, np.float32)).shape == (2,)
    with pytest.raises(BufferError, match=r"argument y: its extent n is not known: no array"):
        function()


@pytest.mark.parametrize("target", [np.zeros(5, np.float32), torch.zeros(5)])
def test_a_given_output_is_the_result(target, number):
    assert number(X, y=target) is target
    assert list(target) == [0, 1, 2, 3, 4]
    strided = np.zeros(10, np.float32)[::2]
    with pytest.raises(BufferError, match="C order"):
        number(X, y=strided)


def test_none_is_the_same_as_nothing(number):
    assert number(X, y=None).tolist() == [0, 1, 2, 3, 4]


def test_the_input_may_be_the_output(functions):
    scale = dlbridge.bind(
        functions.scale, "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status"
    )
    x = np.ones((2, 3), np.float32)
    assert scale(x, 3, dst=x) is x
    assert (x == 3).all()


def read_only():
    array = np.zeros(5, np.float32)
    array.flags.writeable = False
    return array


READ_ONLY = {
    "numpy": read_only,
    "broadcast": lambda: np.broadcast_to(np.zeros(1, np.float32), 5),
    "bytes": lambda: memoryview(bytes(20)).cast("f"),
    "jax": lambda: jnp.zeros(5, jnp.float32),
    "dlbridge": lambda: dlbridge.asarray(read_only()),
}


@pytest.mark.parametrize("kind", READ_ONLY)
@pytest.mark.parametrize("copy", [False, None])
@pytest.mark.parametrize("mode", ["out", "inout", "optional out", "optional inout"])
def test_read_only_memory_is_not_written_to(mode, kind, copy, functions):
    given = READ_ONLY[kind]()
    function = dlbridge.bind(functions.take, f"{mode} y: f32[5]", copy=copy)
    before = functions.count_calls()
    with pytest.raises(BufferError, match=r"\(\): argument .*read-only and must be writable"):
        function(y=given)
    assert functions.count_calls() == before
    dlbridge.bind(functions.take, "x: f32[5] readonly")(given)


def test_several_outputs_come_in_the_order_of_c_after_the_result(functions):
    function = dlbridge.bind(functions.take, "out a: f32[1], out b: i64 -> void", like="numpy")
    first, second = function()
    assert (first.shape, second) == ((1,), 0)
    into = "h: i64, w: i64, new t: f64[h, w], out extra: f32[w] -> i32"
    status, made, extra = dlbridge.bind(functions.make_into, into, like="numpy")(2, 3)
    assert (status, made.shape, extra.shape) == (0, (2, 3), (3,))


def test_inputs_and_outputs_are_not_written_when_refused(functions):
    target = np.full(5, 9, np.float32)
    function = dlbridge.bind(functions.number_beside, "x: f32[n], out y: *f32[n], n: i64")
    with pytest.raises(ValueError, match="expected 4"):
        function(np.zeros(4, np.float32), 4, y=target)
    assert (target == 9).all()


@pytest.mark.parametrize("like", ["numpy", "torch", "dlbridge"])
def test_outputs_of_parts_of_bytes_are_not_made(like, functions):
    function = dlbridge.bind(functions.nothing, "out y: f4_e2m1fn[4]", like=like)
    with pytest.raises(
        BufferError, match=r"nothing\(\): argument y.*float4_e2m1fn, parts of bytes"
    ):
        function()


def entangled(shape, strides):
    return np.lib.stride_tricks.as_strided(
        np.zeros(20, np.float32), shape, [4 * it for it in strides]
    )


OVERLAPPING = {
    "expanded": lambda: torch.zeros(1, 3).expand(2, 3),
    "expanded rows": lambda: torch.zeros(2, 1).expand(2, 3),
    "torch.as_strided": lambda: torch.zeros(9).as_strided((2, 3), (1, 1)),
    "unfolded": lambda: torch.zeros(4).unfold(0, 3, 1),
    "sliding windows": lambda: np.lib.stride_tricks.sliding_window_view(
        np.zeros(4, np.float32), 3, writeable=True
    ),
    "as_strided": lambda: entangled((2, 3), (1, 1)),
    "half a row": lambda: entangled((2, 3), (2, 1)),
    "backwards": lambda: entangled((2, 3), (2, 1))[::-1, ::-1],
    "a Tensor": lambda: dlbridge.asarray(entangled((2, 3), (0, 1))),
    "a memoryview": lambda: memoryview(entangled((2, 3), (0, 1))),
}


@pytest.mark.parametrize("kind", OVERLAPPING)
@pytest.mark.parametrize("mode", ["inout ", "out ", "optional out ", "in writable "])
@pytest.mark.parametrize("copy", [False, None])
def test_what_c_writes_to_has_one_place_for_each_index(copy, mode, kind, functions):
    spec = "f32[h, w]"
    if mode == "in writable ":
        mode, spec = "", "f32[h, w] writable"
    given = OVERLAPPING[kind]()
    signature = f"{mode}y: {spec}, h: i64, w: i64"
    function = dlbridge.bind(functions.take, signature, copy=copy)
    before = functions.count_calls()
    with pytest.raises(
        BufferError, match=r"take\(\): argument .*y.*: two of its indices may reach one"
    ):
        function(y=given, h=2, w=3)
    argument = functions["take"]
    argument.argtypes = [dlbridge.capi.arg(f"{mode}{spec}"), ctypes.c_void_p]
    with pytest.raises(ctypes.ArgumentError, match="two of its indices may reach one"):
        argument(given, None)
    assert functions.count_calls() == before
    # What C only reads may overlap.
    dlbridge.bind(functions.take, "y: f32[h, w]")(given)


APART = {
    "whole": lambda: np.zeros((2, 3), np.float32),
    "transposed": lambda: np.zeros((3, 2), np.float32).T,
    "permuted": lambda: np.zeros((4, 2, 3), np.float32).transpose(1, 2, 0)[:, :, 0],
    "reversed": lambda: np.zeros((2, 3), np.float32)[::-1, ::-1],
    "stepped": lambda: np.zeros((8, 9), np.float32)[::4, ::3],
    "columns": lambda: entangled((2, 3), (1, 2)),
    "torch": lambda: torch.zeros(3, 2).T,
}


@pytest.mark.parametrize("kind", APART)
@pytest.mark.parametrize("mode", ["inout ", "out "])
def test_any_other_layout_is_written_to(mode, kind, functions):
    given = APART[kind]()
    function = dlbridge.bind(functions.take, f"{mode}y: f32[h, w], h: i64, w: i64")
    before = functions.count_calls()
    function(y=given, h=2, w=3)
    argument = functions["take"]
    argument.argtypes = [dlbridge.capi.arg(f"{mode}f32[h, w]"), ctypes.c_void_p]
    argument(given, None)
    assert functions.count_calls() == before + 2


def test_one_row_and_none_overlap_with_nothing(functions):
    function = dlbridge.bind(functions.take, "inout y: f32[h, w]")
    before = functions.count_calls()
    for shape, strides in [((1, 3), (0, 1)), ((1, 1), (0, 0)), ((0, 3), (0, 0)), ((3, 1), (1, 0))]:
        function(entangled(shape, strides))
        function(torch.zeros(9).as_strided(shape, strides))
    assert functions.count_calls() == before + 8


@pytest.mark.parametrize("mode", ["inout ", "out ", "optional inout "])
def test_broadcast_arrays_of_numpy_are_not_written_to(mode, functions):
    """They say that they are writable, and warn of it."""
    function = dlbridge.bind(functions.take, f"{mode}y: f32[h, w], h: i64, w: i64", copy=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in np.broadcast_arrays(*np.ix_(np.zeros(2, "f"), np.zeros(3, "f"))):
            with pytest.raises(BufferError, match="read-only and must be writable"):
                function(y=given, h=2, w=3)
