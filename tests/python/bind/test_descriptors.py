"""What C gets of arrays and texts is a copy: what C makes of it is never believed afterwards."""

import array
import ctypes

import dlbridge
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from dlbridge import capi

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


class Subclass(np.ndarray):
    pass


class Producer:
    """Has nothing but `__dlpack__`."""

    def __init__(self, values):
        self.values = values

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)


class Described:
    """Has nothing but an array interface."""

    def __init__(self, values):
        self.values = values
        self.__array_interface__ = values.__array_interface__


WRITABLE = {
    "numpy": lambda values: values,
    "a subclass of numpy": lambda values: values.view(Subclass),
    "torch": torch.from_numpy,
    "a parameter": lambda values: torch.nn.Parameter(torch.from_numpy(values), requires_grad=False),
    "dlbridge": dlbridge.asarray,
    "dlbridge of torch": lambda values: dlbridge.asarray(torch.from_numpy(values)),
    "a memoryview": memoryview,
    "__dlpack__": Producer,
    "array interface": Described,
}
READ_ONLY = {
    "jax": lambda values: jnp.asarray(values),
    "a read-only memoryview": lambda values: memoryview(np.broadcast_to(values, values.shape)),
    "a numpy array": lambda values: np.broadcast_to(values, values.shape),
}
LAYOUTS = {
    "whole": lambda: VALUES.copy(),
    "transposed": lambda: np.arange(6, dtype=np.float32).reshape(3, 2).T,
    "stepped": lambda: np.arange(60, dtype=np.float32).reshape(6, 10)[::3, 1:9:3],
    "one row": lambda: VALUES[:1].copy(),
    "empty": lambda: np.zeros((0, 3), np.float32),
}
CASES = [
    (kind, layout, mode)
    for kind in WRITABLE | READ_ONLY
    for layout in LAYOUTS
    for mode in ["", "inout ", "out ", "optional ", "optional inout ", "optional out "]
    if kind in WRITABLE or "out" not in mode
]


def facts(given):
    """All that can be known of an array, read anew."""
    if isinstance(given, (Producer, Described)):
        given = given.values
    tensor = dlbridge.asarray(given)
    known = tensor.shape, tensor.strides, str(tensor.dtype), str(tensor.device), tensor.ptr
    return *known, repr(tensor), np.array(tensor.numpy()).tolist()


@pytest.mark.parametrize(("kind", "layout", "mode"), CASES)
@pytest.mark.parametrize("copy", [False, None])
def test_what_c_makes_of_its_descriptor_is_never_believed(kind, layout, mode, copy, functions):
    given = (WRITABLE | READ_ONLY)[kind](LAYOUTS[layout]())
    signature = f"{mode}t: f32[h, w], h: i64, w: i64 -> status"
    function = dlbridge.bind(functions.scribble, signature, copy=copy)
    before = facts(given)
    for _ in range(2):
        assert function(h=before[0][0], w=before[0][1], t=given) is (
            given if "out" in mode.split() else None
        )
        assert facts(given) == before


@pytest.mark.parametrize("like", ["numpy", "torch", "jax", "dlbridge", None])
@pytest.mark.parametrize("kind", ["f32[h, w]", "f32[h, w] f", "f32[h, w] align=64"])
def test_outputs_that_bind_made(like, kind, functions):
    signature = f"x: f32[h, w], out y: {kind}, out z: {kind} -> status"
    function = dlbridge.bind(functions.scribble_three, signature, like=like)
    for x in [VALUES.copy(), dlbridge.asarray(VALUES.copy()), memoryview(VALUES.copy())]:
        for made in function(x):
            tensor = dlbridge.asarray(made)
            assert (tensor.shape, str(tensor.dtype), str(tensor.device)) == (
                (2, 3),
                "float32",
                "cpu",
            )
            assert np.array(tensor.numpy()).shape == (2, 3)


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("mode", ["", "inout ", "out "])
@pytest.mark.parametrize("order", ["c", "f"])
def test_copies_go_back_as_they_were_made(kind, mode, order, functions):
    values = np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2]
    given = WRITABLE[kind](values)
    signature = f"{mode}t: f32[h, w] {order}, h: i64, w: i64 -> status"
    function = dlbridge.bind(functions.scribble, signature, copy=None)
    before = facts(given)
    function(h=2, w=3, t=given)
    assert facts(given) == before


def test_the_same_tensor_three_times(functions):
    tensor = dlbridge.asarray(VALUES.copy())
    function = dlbridge.bind(
        functions.scribble_three, "a: f32[h, w], inout b: f32[h, w], c: f32[h, w]"
    )
    before = facts(tensor)
    function(tensor, tensor, tensor)
    assert facts(tensor) == before


@pytest.mark.parametrize("kind", WRITABLE | READ_ONLY)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mode", ["", "inout ", "optional out "])
def test_arguments_of_ctypes(kind, layout, mode, functions):
    if kind in READ_ONLY and mode:
        mode = "optional "
    given = (WRITABLE | READ_ONLY)[kind](LAYOUTS[layout]())
    function = functions["scribble"]
    function.argtypes = [capi.arg(f"{mode}f32[h, w]")]
    before = facts(given)
    for _ in range(2):
        assert function(given) == 0
        assert facts(given) == before


@pytest.mark.parametrize(
    "given", [array.array("f", [1, 2]), (ctypes.c_float * 2)(1, 2)], ids=["array", "ctypes"]
)
def test_buffers_of_one_axis(given, functions):
    function = dlbridge.bind(functions.scribble, "inout t: f32[n] -> status")
    function(given)
    assert list(given) == [1, 2]


def test_texts(functions):
    cut = dlbridge.bind(functions.cut, 'text: str = "default" -> str')
    given = "given" * 20
    for _ in range(2):
        assert cut() == "#efault"
        assert cut(given) == "#" + given[1:]
    assert given == "given" * 20
