"""With copy=None C gets a copy of what DLPack cannot say, and what it writes goes back."""

import dlbridge
import numpy as np
import pytest

RECORD = np.dtype([("tag", "u1"), ("x", "f4"), ("y", "f4")])  # 9 bytes


def records():
    made = np.zeros((2, 3), RECORD)
    made["tag"], made["y"] = 7, 9
    made["x"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    return made


class Interface:
    """Has nothing but an array interface."""

    def __init__(self, array):
        self.array, self.__array_interface__ = array, array.__array_interface__


class Struct:
    """Has nothing but an array struct."""

    def __init__(self, array):
        self.array, self.__array_struct__ = array, array.__array_struct__


class Subclass(np.ndarray):
    pass


VALUES = {
    "a field of packed records": lambda: records()["x"],
    "another byte order": lambda: np.arange(6, dtype=">f4" if np.little_endian else "<f4").reshape(
        2, 3
    ),
    "both": lambda: np.zeros((2, 3), np.dtype([("tag", "u1"), ("x", ">f4")]))["x"],
    "transposed": lambda: np.ascontiguousarray(records().T).T["x"],
    "reversed": lambda: records()["x"][::-1, ::-1],
    "misaligned": lambda: np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3),
}
WAYS = {
    "numpy": lambda array: array,
    "subclass": lambda array: array.view(Subclass),
    "interface": Interface,
    "struct": Struct,
}
SIGNATURES = {
    "inout": "inout p: *f32[h, w], n: i64 = p.size -> f64",
    "optional inout": "optional inout p: *f32[h, w], n: i64 = p.size -> f64",
    "writable": "p: *f32[h, w] writable, n: i64 = p.size -> f64",
}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", SIGNATURES)
def test_what_c_writes_to_a_copy_goes_back(mode, way, values, functions):
    array = VALUES[values]()
    array[...] = np.arange(6).reshape(2, 3)
    given = WAYS[way](array)
    add = dlbridge.bind(functions.add_numbers, SIGNATURES[mode], copy=None)
    with dlbridge.audit() as log:
        assert add(given) == 15
    assert array.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert (log.bytes_copied, log.bytes_shared) == (48, 0)
    assert log[0].reason
    if array.base is not None and array.base.dtype == RECORD:
        assert (array.base["tag"] == 7).all()
        assert (array.base["y"] == 9).all()


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", ["", " c", " f"])
def test_what_c_reads(order, way, values, functions):
    array = VALUES[values]()
    array[...] = np.arange(6).reshape(2, 3)
    scale = dlbridge.bind(
        functions.scale,
        f"src: f32[h, w]{order}, out dst: f32[h, w], factor: f64 -> status",
        copy=None,
    )
    with dlbridge.audit() as log:
        result = scale(WAYS[way](array), 2.0)
    assert np.asarray(dlbridge.asarray(result).numpy()).tolist() == [[0, 2, 4], [6, 8, 10]]
    assert log.bytes_copied >= 24
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("order", ["", " c", " f"])
def test_outputs_that_the_caller_gives(order, values, functions):
    target = VALUES[values]()
    scale = dlbridge.bind(
        functions.scale,
        f"src: f32[h, w], out dst: f32[h, w]{order}, factor: f64 -> status",
        copy=None,
    )
    src = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert scale(src, 2.0, dst=target) is target
    assert target.tolist() == [[0, 2, 4], [6, 8, 10]]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_without_leave_it_is_refused_and_told_how(way, values, functions):
    add = dlbridge.bind(functions.add_numbers, SIGNATURES["inout"])
    before = functions.count_calls()
    with pytest.raises(BufferError, match=r"add_numbers\(\): argument 1 \(p\).*copy=None"):
        add(WAYS[way](VALUES[values]()))
    assert functions.count_calls() == before


def test_what_fails_in_c_is_not_written_back(functions):
    answer = dlbridge.bind(functions.answer, "status: i32, inout y: *f32[...] -> status", copy=None)
    array = records()["x"]
    with pytest.raises(dlbridge.capi.Error):
        answer(5, array)
    assert array[0, 0] == 0
    answer(0, array)
    assert array[0, 0] == -1


def test_a_copy_that_could_not_go_back_is_refused_before_the_call(functions):
    add = dlbridge.bind(functions.add_numbers, SIGNATURES["inout"], copy=None)
    before = functions.count_calls()
    frozen = records()
    frozen.flags.writeable = False
    with pytest.raises(BufferError, match=r"argument 1 \(p\).*read-only and must be writable"):
        add(frozen["x"])
    swapped = np.zeros(6, ">f4" if np.little_endian else "<f4")
    for overlapping in [
        np.lib.stride_tricks.as_strided(records()["x"], (2, 3), (0, 9)),
        np.lib.stride_tricks.as_strided(np.zeros(40, "u1").view("f4"), (2, 3), (9, 3)),
        np.lib.stride_tricks.as_strided(swapped, (2, 3), (4, 4)),
    ]:
        with pytest.raises(BufferError, match="two of its indices may reach one element"):
            add(overlapping)
    with pytest.raises(ValueError, match="ndim is 1, expected 2"):
        add(records()["x"][0])
    with pytest.raises(TypeError, match="dtype is uint8, expected float32"):
        add(records()["tag"][:, ::2])
    assert functions.count_calls() == before
