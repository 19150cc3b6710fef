"""Numbers of every C type go in, come out and are returned, up to their limits."""

import array
import cmath
import ctypes
import math
import os
import pathlib
import platform

import dlbridge
import jax.numpy as jnp
import numpy as np
import pytest
import torch


class Path(os.PathLike):
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"Path({self.path!r})"


BITS = {
    **{f"{letter}{bits}": (bits, letter == "i") for letter in "iu" for bits in (8, 16, 32, 64)},
    # Unsigned on some machines.
    "char": (8, platform.machine() in ("x86_64", "AMD64")),
    "uchar": (8, False),
    "short": (16, True),
    "ushort": (16, False),
    "int": (32, True),
    "uint": (32, False),
    "long": (8 * np.dtype("l").itemsize, True),
    "ulong": (8 * np.dtype("l").itemsize, False),
    "longlong": (64, True),
    "ulonglong": (64, False),
    "size_t": (8 * np.dtype("N").itemsize, False),
    "ssize_t": (8 * np.dtype("n").itemsize, True),
    "ptrdiff_t": (8 * np.dtype("n").itemsize, True),
    "intptr_t": (8 * np.dtype("p").itemsize, True),
    "uintptr_t": (8 * np.dtype("P").itemsize, False),
}


def echo(functions, kind, name=None):
    """Gives a value back twice: as the result, and through a pointer."""
    target = getattr(functions, f"echo_{name or kind}")
    return dlbridge.bind(target, f"value: {kind}, out copy: {kind} -> {kind}", name="echo")


def limits(kind):
    bits, signed = BITS[kind]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


@pytest.mark.parametrize("kind", BITS)
def test_integers_up_to_their_limits(kind, functions):
    function = echo(functions, kind)
    least, most = limits(kind)
    for value in [least, most, 0, 1, most // 3, least // 3]:
        assert function(value) == (value, value)
        assert [type(it) for it in function(value)] == [int, int]
    before = functions.count_calls()
    for value in [least - 1, most + 1, 1 << 64, -(1 << 64), 10**60]:
        with pytest.raises(OverflowError, match=rf"echo\(\): argument 1 \(value\) is .*{most}"):
            function(value)
    text = [] if "char" in kind else ["1", b"1"]
    for value in [1.0, *text, "12", None, 1j, [1], object(), np.float32(1)]:
        with pytest.raises(
            TypeError, match=r"echo\(\): argument 1 \(value\) is .*(an integer|a number)"
        ):
            function(value)
    assert functions.count_calls() == before


def test_integers_of_frameworks(functions):
    function = echo(functions, "i32")
    for value in [np.int64(-5), np.uint8(7), torch.tensor(3), np.array(4), True]:
        assert function(value) == (int(value), int(value))
    with pytest.raises(OverflowError, match="2147483648 and must be -2147483648 to 2147483647"):
        function(np.int64(2**31))


def test_what_stands_above_a_small_integer_does_not_reach_c(functions):
    assert dlbridge.bind(functions.widen_i8, "i8 -> i64")(-128) == -128
    assert dlbridge.bind(functions.widen_u16, "u16 -> u64")(65535) == 65535


FLOATS = {"float": np.float32, "f32": np.float32, "double": np.float64, "f64": np.float64}


@pytest.mark.parametrize("kind", FLOATS)
def test_floats_up_to_their_limits(kind, functions):
    function = echo(functions, kind)
    info = np.finfo(FLOATS[kind])
    numbers = [info.max, info.min, info.tiny, info.smallest_subnormal, info.eps, 0, math.inf, -1]
    for value in map(float, numbers):
        assert function(value) == (value, value)
    assert math.copysign(1, function(-0.0)[0]) == -1
    assert all(map(math.isnan, function(math.nan)))
    assert function(0.1)[0] == float(FLOATS[kind](0.1))
    for value in [1, True, np.float64(1), np.float16(1), torch.tensor(1.0), np.array(1)]:
        assert function(value) == (1, 1)
    too_large = [10**400, *([1e39, -1e300] if FLOATS[kind] is np.float32 else [])]
    for value in too_large:
        with pytest.raises(OverflowError, match=r"echo\(\): argument 1 \(value\) is"):
            function(value)
    for value in ["1", None, 1j, [1], torch.ones(2), np.ones(1)]:
        with pytest.raises(TypeError, match=r"echo\(\): argument 1 \(value\) is .*a number"):
            function(value)


@pytest.mark.parametrize(("kind", "part"), [("c64", np.float32), ("c128", np.float64)])
def test_complex_numbers(kind, part, functions):
    function = echo(functions, kind)
    most = float(np.finfo(part).max)
    for value in [0, 1, 1 + 2j, complex(most, -most), complex(0, math.inf), np.complex64(1j), 2.5]:
        assert function(value) == (value, value)
    assert cmath.isnan(function(math.nan)[0])
    assert function(torch.tensor(1 - 1j)) == (1 - 1j, 1 - 1j)
    if kind == "c64":
        with pytest.raises(OverflowError, match=r"argument 1 \(value\) is 1e300"):
            function(1e300j)
    for value in ["1", None, [1]]:
        with pytest.raises(TypeError, match=r"argument 1 \(value\) is .*a complex number"):
            function(value)


def test_booleans(functions):
    function = echo(functions, "bool")
    for value in [True, False, np.True_, np.False_]:
        assert function(value) == (bool(value), bool(value))
        assert type(function(value)[0]) is bool
    for value in [1, 0, np.int64(1), np.uint8(0)]:
        assert function(value) == (bool(value), bool(value))
    for value in [None, "true", [], 0.0, 1.0, np.float64(1), 1j]:
        with pytest.raises(TypeError, match=r"argument 1 \(value\) is .*True or False"):
            function(value)
    for value in [2, -1, 256, 2**64, 2**64 + 1, np.int64(2)]:
        with pytest.raises(OverflowError, match=r"argument 1 \(value\) is .*must be False or True"):
            function(value)


@pytest.mark.parametrize("kind", ["char", "uchar"])
def test_characters(kind, functions):
    function = echo(functions, kind)
    for value in ["U", b"U", 85]:
        assert function(value) == (85, 85)
    assert function("\0") == function(b"\0") == (0, 0)
    high = 255 if kind == "uchar" or platform.machine() not in ("x86_64", "AMD64") else -1
    assert function(b"\xff") == (high, high)
    for value in ["", b"", "UV", b"UV", "é", "€", bytearray(b"U")]:
        with pytest.raises(TypeError, match=r"argument 1 \(value\) is "):
            function(value)
    for other in ["i8", "u8"]:
        with pytest.raises(TypeError, match="an integer"):
            echo(functions, other)("U")


def test_pointers(functions):
    function = echo(functions, "pointer")
    assert function(2**64 - 1) == (2**64 - 1, 2**64 - 1)
    assert function(None) == (None, None)
    # ctypes would cut the integers off, and the characters of the text have no owner.
    for value in [-1, 2**64, 2**64 + 16, np.int64(-1)]:
        with pytest.raises(OverflowError, match=r"argument 1 \(value\) is .*18446744073709551615"):
            function(value)
    for value in ["text", 1.5, [], object(), ctypes.c_int(5), np.float64(1), {}]:
        with pytest.raises(TypeError, match=r"argument 1 \(value\) is .*a ctypes pointer"):
            function(value)


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


class Either(ctypes.Union):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


def address_of_buffer(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


POINT, EITHER, POINTS = Point(), Either(), (Point * 2)()
BYTES, BYTEARRAY, ARRAY = b"bytes", bytearray(b"bytes"), array.array("h", [1, 2])
FLOATS_, RECORDS, NUMBER = np.zeros((2, 3)), np.zeros(2, "i4,f8"), np.array(5)
TENSOR, WHOLE = torch.zeros(3), dlbridge.asarray(np.zeros(3))
POINTERS = {
    "a struct": (POINT, ctypes.addressof(POINT)),
    "a union": (EITHER, ctypes.addressof(EITHER)),
    "structs": (POINTS, ctypes.addressof(POINTS)),
    "byref": (ctypes.byref(POINT), ctypes.addressof(POINT)),
    "a pointer": (ctypes.pointer(POINT), ctypes.addressof(POINT)),
    "c_void_p": (ctypes.c_void_p(2**40), 2**40),
    "c_char_p": (ctypes.c_char_p(BYTES), ctypes.cast(BYTES, ctypes.c_void_p).value),
    "bytes": (BYTES, ctypes.cast(BYTES, ctypes.c_void_p).value),
    "bytearray": (BYTEARRAY, address_of_buffer(BYTEARRAY)),
    "memoryview": (memoryview(ARRAY), ARRAY.buffer_info()[0]),
    "array": (ARRAY, ARRAY.buffer_info()[0]),
    "numpy": (FLOATS_, FLOATS_.ctypes.data),
    "a part": (FLOATS_[1:], FLOATS_.ctypes.data + 24),
    "records": (RECORDS, RECORDS.ctypes.data),
    "dates": (np.zeros(2, "M8[s]"), None),
    "an array that is a number": (NUMBER, NUMBER.ctypes.data),
    "torch": (TENSOR, TENSOR.data_ptr()),
    "a tensor that is a number": (torch.tensor(5), None),
    "bfloat16": (torch.zeros(2, dtype=torch.bfloat16), None),
    "dlbridge": (WHOLE, WHOLE.ptr),
    "an integer of numpy": (np.int64(77), 77),
}


@pytest.mark.parametrize("kind", POINTERS)
def test_what_a_pointer_may_point_to(kind, functions):
    given, address = POINTERS[kind]
    if kind == "dates":
        with pytest.raises(BufferError, match="argument 1"):
            echo(functions, "pointer")(given)
        return
    if address is None:
        address = given.data_ptr()
    assert echo(functions, "pointer")(given) == (address, address)


def test_what_c_writes_through_a_pointer_is_there(functions):
    number = dlbridge.bind(functions.number, "first: pointer, n: i64")
    tensor, numbers, floats = torch.zeros(3), np.zeros(3, np.float32), (ctypes.c_float * 3)()
    for given in [tensor, numbers, floats, bytearray(12), array.array("f", [5, 6, 7])]:
        number(given, 3)
        assert np.frombuffer(given if given is not tensor else tensor.numpy(), "f").tolist() == [
            0,
            1,
            2,
        ]
    assert tensor._version == 1


def test_what_a_pointer_may_not_point_to(functions):
    number = dlbridge.bind(functions.number, "first: pointer, n: i64")
    before = functions.count_calls()
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    for given in [frozen, memoryview(b"abc"), jnp.zeros(3), dlbridge.asarray(frozen)]:
        with pytest.raises(BufferError, match=r"argument 1 \(first\) is a .* that is read-only"):
            number(given, 0)
    for given in [
        np.zeros((2, 3)).T,
        np.zeros(6)[::2],
        torch.zeros(2, 3).T,
        dlbridge.asarray(frozen.copy()[::2]),
    ]:
        with pytest.raises(BufferError, match="do not lie in C order without gaps"):
            number(given, 0)
    with pytest.raises(BufferError, match="requires grad"):
        number(torch.zeros(3, requires_grad=True), 0)
    with pytest.raises(BufferError, match="read-only"):
        number(np.broadcast_arrays(np.zeros(3), np.zeros((2, 1)))[0], 0)
    assert functions.count_calls() == before


def test_the_buffer_of_a_pointer_stays_where_it_is(functions):
    buffer = bytearray(64)
    failures = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    def grow(_):
        try:
            buffer.extend(bytes(100000))
        except BufferError as error:
            failures.append(error)
        return 0

    call_back = dlbridge.bind(
        functions.call_back, "x: f32[h, w], function: pointer, depth: int -> f64"
    )
    two = dlbridge.bind(
        call_two(functions), "buffer: pointer, function: pointer, depth: int -> int"
    )
    two(buffer, grow, 1)
    assert len(failures) == 1
    buffer.extend(b"now")
    assert call_back(np.ones((1, 1), np.float32), grow, 1) == 1


def call_two(functions):
    """A function of C that calls the second of its arguments."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, kind, ctypes.c_int)
    def call(buffer, function, depth):
        return function(depth)

    return call


@pytest.mark.parametrize(
    "given",
    [
        "/tmp/café",
        b"/tmp/caf\xc3\xa9",
        pathlib.Path("/tmp/café"),
        Path("/tmp/café"),
        Path(b"/tmp/caf\xc3\xa9"),
    ],
    ids=repr,
)
def test_texts_are_str_bytes_and_paths(given, functions):
    assert dlbridge.bind(functions.greet, "name: str -> str")(given) == "hello /tmp/café"
    assert dlbridge.bind(functions.greet, "optional name: str -> str")(given) == "hello /tmp/café"


def test_texts_that_are_no_utf_8_come_out_and_go_in_as_they_are(functions):
    text = dlbridge.bind(functions.not_utf8, "-> str")()
    assert os.fsencode(text) == b"caf\xe9"
    greet = dlbridge.bind(functions.greet, "name: str -> str")
    for given in [text, b"caf\xe9", pathlib.Path(text)]:
        assert greet(given) == "hello " + text


MANY = (
    "a: i8, b: f32, c: u8, d: f64, e: i16, f: f32, g: u16, h: f64, i: i32, j: f32, k: u32, l: f64, "
    "m: i64, n: f32, o: u64, p: f64, q: bool, r: f32, s: char, t: double, u: short, v: float -> f64"
)


def test_more_numbers_than_registers(functions):
    function = dlbridge.bind(functions.many, MANY)
    nothing = [*[0] * 16, False, *[0] * 5]
    for place in range(len(nothing)):
        value = True if place == 16 else 3
        given = [*nothing[:place], value, *nothing[place + 1 :]]
        assert function(*given) == (place + 1) * value
    values = [*range(16), True, *range(17, 22)]
    assert function(*values) == sum(weight * value for weight, value in enumerate(values, 1))


def test_more_tensors_than_registers(functions):
    signature = (
        "a: f32[1, 1], b: f64, c: f32[1, 1], d: f64, e: f32[1, 1], f: f32[1, 1], g: f32[1, 1], "
        "h: f32[1, 1], i: f32[1, 1], j: i64, k: f32[1, 1] -> f64"
    )
    function = dlbridge.bind(functions.many_tensors, signature)
    values = [np.full((1, 1), 10**index, np.float32) for index in range(8)]
    a, c, e, f, g, h, i, k = (torch.from_numpy(it) if it[0, 0] > 99 else it for it in values)
    assert function(a, 0.25, c, 0.5, e, f, g, h, i, 0, k) == 87654321.75


def test_3000_numbers(functions):
    signature = ", ".join(f"a{index}: i64" for index in range(3000))
    function = dlbridge.bind(functions.nothing, signature)
    assert function(*range(3000)) is None
    with pytest.raises(TypeError, match=r"missing required argument 'a2999' \(position 3000\)"):
        function(*range(2999))


DEFAULTS = {
    "i8 = -128": -128,
    "i64 = 9223372036854775807": 2**63 - 1,
    "int = +5": 5,
    "f64 = 1": 1.0,
    "f64 = -2.5e-3": -0.0025,
    "f32 = 0.5": 0.5,
    "f64 = inf": math.inf,
    "bool = true": True,
    "bool = false": False,
    "c128 = 2.5": 2.5,
    "c64 = 2.5": 2.5,
}


@pytest.mark.parametrize("text", DEFAULTS)
def test_defaults(text, functions):
    kind = text.split()[0]
    target = getattr(functions, f"echo_{kind}")
    function = dlbridge.bind(target, f"value: {text}, out copy: {kind} -> {kind}")
    value = DEFAULTS[text]
    assert function() == function(None) == function(value=None) == (value, value)
    other = not value if kind == "bool" else 3
    assert function(other) == function(value=other) == (other, other)


@pytest.mark.parametrize("text", ["u8 = 300", "i8 = -129", "u64 = -1", "f32 = 1e39", "c64 = 1e39"])
def test_defaults_that_do_not_fit_are_refused_when_bound(text, functions):
    with pytest.raises(OverflowError, match=r"take\(\): the default of x is .* and must be"):
        dlbridge.bind(functions.take, f"x: {text}")


class Broken:
    def __index__(self):
        raise LookupError("broken")

    __float__ = __index__


def test_a_number_that_raises_is_no_number(functions):
    before = functions.count_calls()
    for kind in ["i32", "u64", "f32", "f64", "c128", "pointer"]:
        with pytest.raises((TypeError, LookupError)):
            echo(functions, kind)(Broken())
    assert functions.count_calls() == before
