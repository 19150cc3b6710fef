"""Elements as numbers of Python: item, tolist, int, float, complex, bool, index and format."""

import math
import operator

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import pytest
from dlbridge import _dlbridge

# Every type of one byte, with all its values.
BYTES = [
    *("int8", "uint8", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"),
    *("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
]
PARTS = {
    **{"int2": 2, "uint2": 2, "int4": 4, "uint4": 4},
    **{"float4_e2m1fn": 4, "float6_e2m3fn": 6, "float6_e3m2fn": 6},
}
PLAIN = ["int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
HALF = ["float16", "bfloat16"]


def numpy_type(name):
    return np.dtype(getattr(ml_dtypes, name, name))


def same(values, expected):
    return np.array_equal(np.array(values), expected, equal_nan=expected.dtype.kind in "fc")


@pytest.mark.parametrize("name", [*BYTES, *HALF, *PARTS])
def test_every_value_of_the_small_types(name):
    dtype = numpy_type(name)
    bits = PARTS.get(name, 8 * dtype.itemsize)
    array = np.arange(1 << bits, dtype=f"u{dtype.itemsize}").view(dtype)
    values = dlbridge.asarray(array).tolist()
    with np.errstate(invalid="ignore"):  # signalling NaN
        assert same(values, array.astype("i8" if "int" in name else "f8"))
    assert {type(value) for value in values} == {int if "int" in name else float}


@pytest.mark.parametrize("name", PLAIN)
def test_the_ends_of_the_plain_types(name):
    info = np.finfo(name) if name.startswith("float") else np.iinfo(name)
    array = np.array([info.min, info.max, 0, 1], name)
    assert dlbridge.asarray(array).tolist() == array.tolist()


@pytest.mark.parametrize("name", ["complex64", "complex128", "bool"])
def test_truth_values_and_complex_numbers(name):
    array = np.array([[0, 1], [1, 0]], name) * (1 if name == "bool" else 1 - 2j)
    array = array.astype(name)
    values = dlbridge.asarray(array).tolist()
    assert values == array.tolist()
    assert type(values[0][1]) is type(array.tolist()[0][1])
    assert dlbridge.asarray(np.array([7], np.uint8).view(bool)).tolist() == [True]


def test_complex_numbers_of_halves():
    halves = np.array([1, -2, 0.5, np.inf], np.float16)
    tensor = dlbridge.asarray(halves)
    packed = handmade.Foreign((2,), (1,), data=tensor.ptr, dtype=(5, 32, 1))
    assert _dlbridge._from_managed(packed.address).tolist() == [1 - 2j, complex(0.5, math.inf)]


def test_packed_parts_of_bytes():
    memory = bytes([0xE1, 0x87, 0x3C])
    address = dlbridge.asarray(memory).ptr
    packed = handmade.Foreign((2, 3), (3, 1), data=address, dtype=(0, 4, 1))
    assert _dlbridge._from_managed(packed.address).tolist() == [[1, -2, 7], [-8, -4, 3]]
    bits = handmade.Foreign((2, 8), (8, 1), data=address, dtype=(1, 1, 1))
    tensor = _dlbridge._from_managed(bits.address)
    assert tensor.tolist()[0] == [1, 0, 0, 0, 0, 1, 1, 1]
    assert [tensor.item(i) for i in (0, 7, 8, -1)] == [1, 1, 1, 1]


LAYOUTS = {
    "C": lambda a: a,
    "transposed": lambda a: a.T,
    "reversed": lambda a: a[::-1, ::-2],
    "repeated": lambda a: np.broadcast_to(a[:1], (4, 6)),
    "one axis": lambda a: a[:, 1],
    "number": lambda a: a[2, 3, ...],
    "empty": lambda a: a[:, :0],
    "nothing": lambda a: a[:0],
    "more axes": lambda a: a.reshape(2, 2, 3, 1, 2),
    "unaligned": lambda a: (
        np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(4, 6)
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_lists_are_numpys(name):
    array = LAYOUTS[name](np.arange(24, dtype=np.int32).reshape(4, 6))
    tensor = dlbridge.asarray(array)
    assert tensor.tolist() == array.tolist()
    for flat in range(-array.size, array.size):
        assert tensor.item(flat) == array.item(flat)
    for index in np.ndindex(*array.shape):
        assert tensor.item(*index) == tensor.item(index) == array.item(index)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
@pytest.mark.parametrize("name", ["int8", "uint64", "float32", "bool", "bfloat16", "float8_e5m2"])
def test_one_element_is_a_number(shape, name):
    tensor = dlbridge.asarray(np.ones(shape, numpy_type(name)))
    assert tensor.item() == int(tensor) == float(tensor) == complex(tensor) == 1
    assert bool(tensor) is True
    assert bool(dlbridge.asarray(np.zeros(shape, numpy_type(name)))) is False
    assert math.floor(tensor) == math.sqrt(tensor) == 1


def test_large_integers_are_exact():
    for value in (2**64 - 1, 2**63, 2**63 - 1, 2**53 + 1):
        tensor = dlbridge.asarray(np.array(value, np.uint64))
        assert int(tensor) == operator.index(tensor) == tensor.item() == value
        assert float(tensor) == float(value)
    assert int(dlbridge.asarray(np.array(-(2**63)))) == -(2**63)


def test_bytes_are_numbers_and_no_text():
    assert int(dlbridge.asarray(np.array([53], np.uint8))) == 53
    assert float(dlbridge.asarray(np.array(53, np.uint8))) == 53.0


def test_floats_become_integers_towards_zero():
    for value in (2.7, -2.7, 1e300):
        assert int(dlbridge.asarray(np.array(value))) == int(value)
    with pytest.raises(ValueError, match="cannot convert float NaN to integer"):
        int(dlbridge.asarray(np.array(math.nan)))
    with pytest.raises(OverflowError, match="cannot convert float infinity to integer"):
        int(dlbridge.asarray(np.array(-math.inf, np.float16)))


def test_truth_is_not_being_zero():
    for value in (math.nan, -1, 0.5, 1e-300):
        assert dlbridge.asarray(np.array(value))
    assert not dlbridge.asarray(np.array(-0.0))
    assert dlbridge.asarray(np.array(1j))
    assert not dlbridge.asarray(np.array(0j))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (0,), (1, 0), (2, 1)], ids=str)
@pytest.mark.parametrize("function", [int, float, complex, bool])
def test_several_elements_and_none_are_no_number(function, shape):
    words = rf"{function.__name__}\(\) takes a tensor of one element; .* shape \({shape[0]}"
    with pytest.raises(TypeError, match=words):
        function(dlbridge.empty(shape))
    with pytest.raises(ValueError, match="one element"):
        dlbridge.empty(shape).item()


def test_complex_numbers_are_no_real_ones():
    tensor = dlbridge.asarray(np.array(2 + 1j, np.complex64))
    for function in (int, float):
        with pytest.raises(TypeError, match=r"does not take .* complex64; call item\(\)"):
            function(tensor)
    assert complex(tensor) == tensor.item() == 2 + 1j


def test_an_index_is_an_integer_without_axes():
    three = dlbridge.asarray(np.array(3, np.uint8))
    assert "abcde"[three] == "d"
    assert range(10)[three] == operator.index(three) == 3
    assert hex(three) == "0x3"
    numbers = dlbridge.asarray(np.arange(5))
    assert numbers[three].item() == 3
    for other in (np.array([3]), np.array([[3]]), np.array(3.0), np.array(True), np.array(3j)):
        with pytest.raises(TypeError, match="is no integer"):
            operator.index(dlbridge.asarray(other))
        with pytest.raises(TypeError, match="an index is of type"):
            numbers[dlbridge.asarray(other)]


@pytest.mark.parametrize("name", ["float32x2", "opaque64"])
def test_what_is_no_number_is_refused(name):
    tensor = dlbridge.empty((), dtype=name)
    for function in (int, float, complex, bool, dlbridge.Tensor.item, dlbridge.Tensor.tolist):
        with pytest.raises(TypeError, match=f"dtype is {name}, whose elements are no numbers"):
            function(tensor)


def test_bad_indices_of_item():
    tensor = dlbridge.empty((2, 3))
    for index in (6, -7, (2, 0), (0, -4), (10**18, 0)):
        with pytest.raises(IndexError, match="index is"):
            tensor.item(*index) if isinstance(index, tuple) else tensor.item(index)
    with pytest.raises(ValueError, match=r"item\(\) has 3 indices"):
        tensor.item(0, 0, 0)
    with pytest.raises(TypeError, match="an entry of index is 'a'"):
        tensor.item("a")


def test_numbers_are_formatted():
    number = dlbridge.asarray(np.array(2.5, np.float16))
    assert f"{number:.2f}|{number:>6}" == "2.50|   2.5"
    assert f"{dlbridge.asarray(np.array(7, np.uint8)):#x}" == "0x7"
    assert f"{number}" == str(number) == repr(number)
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{dlbridge.empty(1):.2f}"


def test_memory_that_the_host_cannot_reach_is_not_read(on_cuda):
    # Without a driver there is no copy either.
    for use in (int, bool):
        with pytest.raises((TypeError, BufferError)):
            use(on_cuda)
    for use in (dlbridge.Tensor.tolist, dlbridge.Tensor.tobytes, lambda t: t.item(0)):
        with pytest.raises(BufferError, match="cuda:0"):
            use(on_cuda)
