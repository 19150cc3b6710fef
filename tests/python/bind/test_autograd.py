"""What C writes to a torch.Tensor, autograd is told of."""

import ctypes
import warnings

import dlbridge
import numpy as np
import pytest
import torch
from dlbridge import capi
from torch.utils._python_dispatch import TorchDispatchMode

NUMBER = "inout p: *f32[...], n: i64 = p.size"


class Subclass(torch.Tensor):
    pass


SIGNATURES = {
    "inout": NUMBER,
    "out": "out p: *f32[m], n: i64 = p.size, m: i64 = 6",
    "optional out": "optional out p: *f32[...], n: i64 = p.size",
    "optional inout": "optional inout p: *f32[...], n: i64 = p.size",
    "writable": "p: *f32[...] writable, n: i64 = p.size",
}


@pytest.mark.parametrize("mode", SIGNATURES)
@pytest.mark.parametrize("copy", [False, None])
@pytest.mark.parametrize("kind", ["plain", "parameter", "subclass"])
def test_the_version_of_a_tensor_that_c_wrote_to_is_another(kind, copy, mode, functions):
    function = dlbridge.bind(functions.number, SIGNATURES[mode], copy=copy)
    x = torch.zeros(6)
    if kind == "parameter":
        x = torch.nn.Parameter(x, requires_grad=False)
    if kind == "subclass":
        x = x.as_subclass(Subclass)
    for round in range(1, 4):
        function(p=x)
        assert (x._version, x.tolist()) == (round, [0, 1, 2, 3, 4, 5])


def test_by_position_and_beside_others(functions):
    function = dlbridge.bind(functions.number, NUMBER)
    x, array = torch.zeros(6), np.zeros(6, np.float32)
    function(x)
    function(array)
    function(dlbridge.asarray(array))
    assert x._version == 1
    beside = dlbridge.bind(
        functions.number_beside, "x: f32[...], inout y: *f32[...], n: i64 = y.size"
    )
    y = torch.zeros(6)
    beside(x, y)
    assert (x._version, y._version) == (1, 1)
    beside(x, x)
    assert x._version == 2


@pytest.mark.parametrize("mode", ["", "optional "])
def test_what_c_only_reads_keeps_its_version(mode, functions):
    x = torch.ones(6)
    dlbridge.bind(functions.sum, f"{mode}p: *f32[...], n: i64 = p.size -> f64")(x)
    assert x._version == 0


def test_what_was_copied_back(functions):
    function = dlbridge.bind(functions.number, NUMBER, copy=None)
    x = torch.zeros(3, 2)
    function(x.T)
    assert x._version == 1
    assert x.T.tolist() == [[0, 1, 2], [3, 4, 5]]
    failing = dlbridge.bind(
        functions.answer, "status: i32, inout y: *f32[...] -> status", copy=None
    )
    strided = torch.zeros(6)[::2]
    with pytest.raises(capi.Error):
        failing(5, strided)
    assert strided._version == 0
    whole = torch.zeros(3)
    with pytest.raises(capi.Error):
        failing(5, whole)
    assert (whole._version, whole[0].item()) == (1, -1)


@pytest.mark.parametrize(
    "view",
    [lambda x: x[1:], lambda x: x.detach(), lambda x: x.view(2, 3)],
    ids=["slice", "detach", "view"],
)
def test_views_share_their_version(view, functions):
    x = torch.zeros(6)
    dlbridge.bind(functions.number, NUMBER)(view(x))
    assert x._version == 1


@pytest.mark.parametrize("bound", [True, False], ids=["bind", "capi.arg"])
def test_a_gradient_that_would_be_wrong_is_an_error(bound, functions):
    if bound:
        function = dlbridge.bind(functions.number, NUMBER)
    else:
        number = functions["number"]
        number.argtypes = [capi.arg("inout *f32[...]"), ctypes.c_int64]

        def function(x):
            number(x, x.numel())

    x, w = torch.ones(6), torch.ones(6, requires_grad=True)
    y = (x * w).sum()
    function(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("inside", [True, False])
def test_tensors_of_the_inference_mode_have_no_version(inside, functions):
    function = dlbridge.bind(functions.number, NUMBER)
    number = functions["number"]
    number.argtypes = [capi.arg("inout *f32[...]"), ctypes.c_int64]
    plain = torch.zeros(6)
    with torch.inference_mode():
        x = torch.zeros(6)
        subclass = torch.zeros(6).as_subclass(Subclass)
    with torch.inference_mode(inside):
        for given in [x, subclass, plain]:
            function(given)
            number(given, 6)
    assert x.tolist() == subclass.tolist() == [0, 1, 2, 3, 4, 5]
    assert plain._version == 2


def test_arguments_of_ctypes(functions):
    number = functions["number"]
    x = torch.zeros(6)
    for mode, version in [("out ", 1), ("inout ", 2), ("", 2), ("optional out ", 3)]:
        number.argtypes = [capi.arg(f"{mode}*f32[...]"), ctypes.c_int64]
        number(x, 6)
        assert x._version == version
    number.argtypes = [capi.arg("out f32[...]"), ctypes.c_int64]
    number(x, 0)
    assert x._version == 4


class Interrupt(TorchDispatchMode):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def __torch_dispatch__(self, function, kinds, arguments=(), options=None):
        if "empty" in str(function):
            raise self.error("raised by the mode")
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError, MemoryError])
def test_what_a_mode_raises_where_an_output_is_made_comes_through(error, functions):
    function = dlbridge.bind(functions.number_beside, "x: f32[n], out y: *f32[n], count: i64 = n")
    x = torch.ones(4)
    before = functions.count_calls()
    with Interrupt(error), pytest.raises(error, match="raised by the mode"):
        function(x)
    assert functions.count_calls() == before
    assert function(x).tolist() == [0, 1, 2, 3]


class Look(TorchDispatchMode):
    def __torch_dispatch__(self, function, kinds, arguments=(), options=None):
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("dtype", ["f32", "f64", "i8", "bool", "bf16", "c64", "u16"])
def test_outputs_under_a_mode_that_only_looks_on(dtype, functions):
    function = dlbridge.bind(functions.take, f"x: any[n], out y: {dtype}[n, 3]")
    x = torch.ones(4)
    with Look():
        made = function(x)
    assert (made.shape, made.dtype) == ((4, 3), function(x).dtype)


def test_a_trace_that_would_take_the_result_for_a_constant_is_warned_of(functions):
    function = dlbridge.bind(
        functions.scale, "src: f32[h, w], out dst: f32[h, w], factor: f64 = 2 -> status"
    )
    x = torch.ones(2, 3)
    with pytest.warns(torch.jit.TracerWarning, match=r"scale\(\) is C code") as caught:
        torch.jit.trace(lambda x: function(x) + x, x, check_trace=False)
    assert [it.filename for it in caught if "is C code" in str(it.message)] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        assert (function(x) == 2).all()
        with pytest.raises(torch.jit.TracerWarning):
            torch.jit.trace(lambda x: function(x) + x, x, check_trace=False)
