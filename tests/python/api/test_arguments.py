"""What the arguments of functions may be, and what is said of others."""

import ctypes
import inspect

import dlbridge
import handmade
import numpy as np
import pytest

array = np.arange(3.0)
tensor = dlbridge.asarray(array)
copy_into = ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into
SIGNATURE = "source: any[...], inout target: any[...] -> dlbridge_status"
COPIES = {
    "asarray": lambda copy: dlbridge.asarray(array, copy=copy),
    "from_dlpack": lambda copy: dlbridge.from_dlpack(array, copy=copy),
    "convert": lambda copy: dlbridge.convert(array, "torch", copy=copy),
    "bind": lambda copy: dlbridge.bind(copy_into, SIGNATURE, copy=copy),
    "__dlpack__": lambda copy: tensor.__dlpack__(copy=copy),
    **{
        name: lambda copy, name=name: getattr(tensor, name)(copy=copy)
        for name in ("numpy", "torch", "jax", "cupy", "tensorflow", "paddle", "mlx")
    },
}


@pytest.mark.parametrize("copy", ["x", 1, 0, 1.0, [], "None"], ids=repr)
@pytest.mark.parametrize("call", COPIES.values(), ids=COPIES)
def test_copy_is_named_where_it_is_wrong(call, copy):
    with pytest.raises(TypeError, match=r"^copy is .*; it must be True, False or None"):
        call(copy)


@pytest.mark.parametrize("value", ["x", 1, None])
def test_allow_writable_alias_is_named_where_it_is_wrong(value):
    for call in (
        lambda: dlbridge.convert(array, "torch", allow_writable_alias=value),
        lambda: dlbridge.plan(array, "torch", allow_writable_alias=value),
        lambda: tensor.torch(allow_writable_alias=value),
    ):
        with pytest.raises(TypeError, match=r"^allow_writable_alias is .* True or False"):
            call()


@pytest.mark.parametrize("device", [(16, 0), (10, 0), (8, 0), (7, 1), (17, 0)], ids=str)
@pytest.mark.parametrize("stream", [None, -1])
def test_devices_that_nothing_is_copied_to_are_refused_before_their_streams(device, stream):
    name = dlbridge.Device(device)
    with pytest.raises(BufferError, match=rf"dl_device is {name}, and the tensor is on cpu") as no:
        tensor.__dlpack__(dl_device=device, stream=stream)
    assert "stream" not in str(no.value)


LARGE = 10**30


LARGE_NUMBERS = [
    ("stream", lambda: dlbridge.asarray(array, stream=LARGE)),
    ("stream", lambda: dlbridge.empty(3, stream=LARGE)),
    ("stream", lambda: tensor.__dlpack__(stream=LARGE)),
    ("stream", lambda: tensor.__dlpack__(stream=-LARGE)),
    ("stream", lambda: tensor.to_device("cuda", stream=LARGE)),
    ("max_version", lambda: tensor.__dlpack__(max_version=(LARGE, 0))),
    ("max_version", lambda: tensor.__dlpack__(max_version=(1, LARGE))),
    ("dl_device", lambda: tensor.__dlpack__(dl_device=(LARGE, 0))),
    ("dl_device", lambda: tensor.__dlpack__(dl_device=(1, -LARGE))),
    ("device", lambda: dlbridge.asarray(array, device=(LARGE, 0))),
    ("shape", lambda: dlbridge.empty((LARGE,))),
    ("stream", lambda: tensor.__dlpack__(stream=10**5000)),
]


@pytest.mark.parametrize("place", range(len(LARGE_NUMBERS)))
def test_numbers_that_are_too_large_are_named(place):
    name, call = LARGE_NUMBERS[place]
    with pytest.raises(ValueError, match=rf"{name} is .*bits"):
        call()


@pytest.mark.parametrize(
    ("format", "item_size", "words"),
    [
        ("iii", 12, "several numbers an item"),
        ("3i", 12, "several numbers an item"),
        ("i i", 8, "several numbers an item"),
        ("ix", 8, "several numbers an item"),
        ("2f d", 16, "several numbers an item"),
        ("=hH", 4, "several numbers an item"),
        ("(2,3)i", 24, "several numbers an item"),
        ("3x", 3, "bytes without a meaning"),
        ("x", 1, "bytes without a meaning"),
        ("3s", 3, "several numbers an item"),
        ("s", 1, "raw bytes"),
        ("w", 4, "text"),
        ("O", 8, "Python objects"),
        ("%", 1, "not one of the struct module"),
        ("i%", 1, "not one of the struct module"),
        ("3", 1, "not one of the struct module"),
    ],
)
def test_formats_are_called_what_they_are(format, item_size, words):
    with pytest.raises(BufferError, match=rf"the buffer has the format .*: {words};"):
        dlbridge.asarray(handmade.lend(format, item_size))


REFUSED = {
    "asarray() missing required argument 'obj' (position 1)": lambda: dlbridge.asarray(),
    "convert() missing required argument 'to' (position 2)": lambda: dlbridge.convert(array),
    "convert() takes 2 positional arguments but 3 were given": lambda: dlbridge.convert(
        array, "torch", "cpu"
    ),
    "convert() got multiple values for argument 'to'": lambda: dlbridge.convert(
        array, "torch", to="numpy"
    ),
    "convert() got an unexpected keyword argument 'x'": lambda: dlbridge.convert(
        array, "torch", x=1
    ),
    "from_dlpack() takes 'x' by position only": lambda: dlbridge.from_dlpack(x=array),
    "from_dlpack() takes 1 positional argument but 2 were given": lambda: dlbridge.from_dlpack(
        array, "cpu"
    ),
    "Tensor.tobytes() takes from 0 to 1 positional arguments but 2 were given": lambda: (
        tensor.tobytes("C", "F")
    ),
    "Tensor.reshape() takes no keyword arguments": lambda: tensor.reshape(shape=(3, 1)),
    "Tensor.to_device() takes 'device' by position only": lambda: tensor.to_device(device="cpu"),
    "Tensor.torch() takes 0 positional arguments but 1 was given": lambda: tensor.torch(True),
}


@pytest.mark.parametrize("text", REFUSED)
def test_arguments_that_do_not_fit_are_named(text):
    with pytest.raises(TypeError) as error:
        REFUSED[text]()
    assert str(error.value) == text


def test_arguments_are_found_by_names_that_are_not_interned():
    name = "".join(["t", "o"])
    assert type(dlbridge.convert(array, **{name: "torch"})).__name__ == "Tensor"
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        dlbridge.asarray(array, **{"\ud800": 1})


def test_signatures_are_what_is_obeyed():
    assert str(inspect.signature(dlbridge.convert)) == (
        "(obj, to, *, device=None, copy=False, allow_writable_alias=False)"
    )
    assert str(inspect.signature(dlbridge.asarray)) == (
        "(obj, /, *, dtype=None, device=None, copy=None, stream=None)"
    )
    assert str(inspect.signature(dlbridge.Tensor.to_device)) == "(self, device, /, *, stream=None)"
    assert str(inspect.signature(tensor.tobytes)) == "(order='C')"
    assert dlbridge.convert.__doc__.startswith("An array of a framework on the memory of any array")


def test_a_name_that_is_given_twice_is_refused():
    class Name(str):
        __hash__ = object.__hash__

        def __eq__(self, other):
            return self is other

    with pytest.raises(TypeError, match="got multiple values for argument 'copy'"):
        dlbridge.asarray(array, **{"copy": False, Name("copy"): True})


def test_what_is_wrong_is_told_as_it_was_given():
    matrix = dlbridge.empty((2, 3))
    with pytest.raises(ValueError, match=r"^axes is \(-1, -1\); it must name each of the 2 axes"):
        matrix.transpose(-1, -1)
    with pytest.raises(ValueError, match=r"^axes is \(0, 1, 2, .*\.\.\.; it must") as error:
        matrix.transpose(*range(10_000))
    assert len(str(error.value)) < 200
    with pytest.raises(ValueError, match="device_type is 0"):
        dlbridge.asarray(array, device=(0, 0))
    for shape in (range(2), "ab", {2, 3}):
        with pytest.raises(TypeError, match=r"^shape is .*; it must be an int, or a tuple or list"):
            dlbridge.empty(shape)
