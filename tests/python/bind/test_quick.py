"""What is accepted at once is what a closer look accepts, which all arrays get under an audit."""

import ctypes

import dlbridge
import numpy as np
import pytest
import toolchain
from kinds import ARRAYS


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = toolchain.compile(
        toolchain.ROOT / "tests/python/bind/seen.c",
        output=tmp_path_factory.mktemp("seen") / "seen.so",
        link="nothing",
        flags=["-shared", "-fPIC"],
    )
    return ctypes.CDLL(path)


def outcome(library, function, *arguments, **named):
    """What a call returns or raises, and what C saw of it."""
    seen = (ctypes.c_int64 * 64).in_dll(library, "seen")
    ctypes.memset(seen, 0, ctypes.sizeof(seen))
    try:
        result = function(*arguments, **named)
    except Exception as error:
        return type(error), str(error), list(seen)
    shape = tuple(getattr(result, "shape", ()))
    return type(result), None if shape else result, shape, list(seen)


def looked_at(library, function, *arguments, **named):
    """As `outcome`, with a closer look at each array."""
    with dlbridge.audit():
        return outcome(library, function, *arguments, **named)


def takes_some(outcomes):
    """Whether some arrays are taken and some refused: else nothing was compared."""
    refused = [issubclass(kind, Exception) for kind, *_ in outcomes]
    return 0 < sum(refused) < len(refused)


SPECS = [
    "f32[h, w]",
    "f32[h, w] c",
    "f32[h, w] f",
    "f32[h, w] contiguous",
    "f32[h, w] cpu",
    "f32[h, w] cuda",
    "f32[h, w] readonly",
    "f32[h, w] writable",
    "f32[h, w] align=64",
    "f32|f64[h, h]",
    "f32[4, _]",
    "f32[_]",
    "f32[]",
    "f32[..., 6]",
    "f32[...] c",
    "f32[...]",
    "complex64[...]",
    "any[...]",
    "any[h, ...]",
    "int4[...]",
]


# C does not write to what is read-only: that is no signature.
MODES = [("", spec) for spec in SPECS] + [
    ("inout ", spec) for spec in SPECS if "readonly" not in spec
]
modes = pytest.mark.parametrize(("mode", "spec"), MODES)


@modes
@pytest.mark.parametrize("copy", [False, None])
def test_one_array(library, spec, mode, copy):
    function = dlbridge.bind(library.one, f"{mode}x: {spec} -> status", copy=copy)
    outcomes = []
    for x in ARRAYS:
        quick, careful = outcome(library, function, x), looked_at(library, function, x)
        named = outcome(library, function, x=x)
        if copy is None and quick[0] is type(None):
            quick[-1][0] = careful[-1][0] = named[-1][0] = 0
        assert quick == careful == named, (type(x), getattr(x, "dtype", None))
        outcomes.append(quick)
    assert takes_some(outcomes)


@modes
def test_an_argument_of_ctypes(library, spec, mode):
    function = dlbridge.bind(library.one, f"{mode}x: {spec} -> status")
    plain = library["one"]
    plain.argtypes = [dlbridge.capi.arg(mode + spec)]
    outcomes = []
    for x in ARRAYS:
        expected, found = looked_at(library, function, x), outcome(library, plain, x)
        assert expected[-1] == found[-1]
        assert issubclass(expected[0], Exception) == issubclass(found[0], Exception)
        outcomes.append(found)
    assert takes_some(outcomes)


@pytest.mark.parametrize(
    "signature",
    [
        "x: f32[h, w], inout y: f32[h, w] -> status",
        "x: f32[h, w], inout y: f32[w, h] -> status",
        "x: any[...], inout y: x.dtype[...] -> status",
        "inout y: f32[n, ...], x: f32[n] -> status",
        "x: f32[n], inout y: f32[n] -> status",
    ],
)
def test_two_arrays(library, signature):
    function = dlbridge.bind(library.two, signature)
    names = ("y", "x") if signature.startswith("inout") else ("x", "y")
    outcomes = []
    for x in ARRAYS:
        for y in ARRAYS:
            given = dict(zip(names, (x, y), strict=True))
            outcomes.append(outcome(library, function, *given.values()))
            assert outcomes[-1] == outcome(library, function, **given)
            assert outcomes[-1] == looked_at(library, function, **given)
    assert takes_some(outcomes)


@pytest.mark.parametrize(
    "signature",
    [
        "x: f32[h, w], out y: f32[w, h] -> status",
        "x: any[h, w], out y: x.dtype[h, 3] -> status",
        "x: f32[...], out y: f32[2] align=64 -> status",
        "x: f32[n], out y: u8[n, n] f -> status",
        "x: f32[n], optional out y: u8[n] -> void",
    ],
)
@pytest.mark.parametrize("like", [None, "numpy", "torch", "dlbridge"])
def test_outputs(library, signature, like):
    address = library.one if "optional" in signature else library.made
    function = dlbridge.bind(address, signature, like=like)
    outcomes = [outcome(library, function, x) for x in ARRAYS]
    assert outcomes == [outcome(library, function, x=x) for x in ARRAYS]
    assert outcomes == [looked_at(library, function, x) for x in ARRAYS]
    assert takes_some(outcomes)


@pytest.mark.parametrize(
    "signature",
    [
        "x: *f32[...], count: i64 = x.size, n: i64 = x.nbytes, k: u32 = x.ndim, s: f64 -> i64",
        "x: *any[h, w], count: i64 = h * w * 2, n: i64 = h, k: u32 = w, s: double -> i64",
        "x: *f32[h, w], h: i64, n: i64 = 3 * h, k: u32 = 7, s: double = 2.0 -> i64",
    ],
)
def test_numbers(library, signature):
    function = dlbridge.bind(library.elements, signature)
    names = ["x", "h", "k", "s"] if ", h: i64" in signature else ["x", "s"]
    outcomes = []
    for x in ARRAYS:
        for number in (4, 4.0, -4, True, np.float64(4), 2**70, "4", None):
            given = dict.fromkeys(names, number) | {"x": x}
            outcomes.append(outcome(library, function, *given.values()))
            assert outcomes[-1] == outcome(library, function, **given)
            assert outcomes[-1] == looked_at(library, function, **given)
    assert takes_some(outcomes)


def test_an_audit_sees_the_usual_call(library):
    function = dlbridge.bind(library.one, "x: f32[h, w] -> status")
    with dlbridge.audit() as log:
        function(ARRAYS[0])
    assert [exchange.protocol for exchange in log] == ["bind"]
    function(ARRAYS[0])
    assert len(log) == 1


def test_a_status_is_an_error(library):
    function = dlbridge.bind(library.two, "x: f32[n], inout y: f32[n] -> status")
    x = np.zeros(13, np.float32)
    with pytest.raises(RuntimeError, match="7"):
        function(x, x)


REGISTERS = {
    "a: i32, b: f64, c: u8, d: f32, e: u64, f: f64, g: i64, h: f32, i: bool, j: f64, k: f64, "
    "l: f64, m: u32, n: f32 -> f64": (
        "six_and_eight",
        [-5, 1.5, 200, 2.5, 2**40, -3.5, -(2**41), 4.5, True, 5.5, 6.5, 7.5, 2**32 - 1, -8.5],
    ),
    "a: i32, b: u8, c: u16, d: i64, e: u64, f: bool, g: i32 -> u64": (
        "seven",
        [2**30, 255, 65535, 2**50, 2**40, True, -100],
    ),
    "a: f64, b: f32, c: f64, d: f32, e: f64, f: f32, g: f64, h: f32, i: f64 -> f64": (
        "nine",
        [1.5, -2.5, 3.25, 4.5, -5.5, 6.75, 7.5, 8.5, 1e30],
    ),
}


@pytest.mark.parametrize("signature", REGISTERS)
def test_each_number_reaches_its_register(library, signature):
    name, numbers = REGISTERS[signature]
    function = dlbridge.bind(library[name], signature)
    expected = sum(place * number for place, number in enumerate(numbers, 1))
    assert function(*numbers) == expected


@pytest.mark.parametrize(
    ("name", "signature", "arguments", "result"),
    [
        ("narrow", "a: i8, b: i16 -> i8", (-100, -20), -120),
        ("narrow", "a: i8, b: i16 -> i8", (100, 20), 120),
        ("negative", "a: i32 -> i16", (300,), -300),
        ("is_odd", "a: u64 -> bool", (2**63 + 1,), True),
        ("is_odd", "a: u64 -> bool", (256,), False),
        ("half", "a: f32 -> f32", (-3.0,), -1.5),
        ("third", "a: i64 -> f32", (-9,), -3.0),
        ("rounded", "a: f64 -> u64", (2.0**53,), 2**53),
    ],
)
def test_results_come_from_their_register(library, name, signature, arguments, result):
    found = dlbridge.bind(library[name], signature)(*arguments)
    assert (type(found), found) == (type(result), result)
