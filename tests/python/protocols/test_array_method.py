"""Objects that have `__array__` alone: columns of tables, data sets in files."""

import ctypes

import dlbridge
import numpy as np
import pytest
import torch
from dlbridge import CopyError

bound = dlbridge.bind(
    ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into,
    "source: f64[n], out target: f64[n] -> dlbridge_status",
)


class Sharing:
    """What gives its own memory, as the signature of NumPy 2 lets it say."""

    def __init__(self, array=None):
        self.array = np.arange(6.0) if array is None else array

    def __array__(self, dtype=None, copy=None):
        return self.array.copy() if copy else self.array


class Copying(Sharing):
    """What can only make copies, and says so."""

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("cannot avoid a copy")
        return self.array.copy()


class Old(Sharing):
    """What has the signature before NumPy 2."""

    def __array__(self, dtype=None):
        return self.array


class Oldest(Sharing):
    def __array__(self):
        return self.array


@pytest.mark.parametrize("copy", [None, False])
def test_memory_that_is_given_is_shared(copy):
    x = Sharing()
    tensor = dlbridge.asarray(x, copy=copy)
    assert tensor.ptr == x.array.ctypes.data
    there = dlbridge.convert(x, "torch", copy=copy)
    assert there.data_ptr() == x.array.ctypes.data
    assert dlbridge.plan(x, "torch").shares
    assert bound(x).numpy().tolist() == x.array.tolist()
    copied = dlbridge.asarray(x, copy=True)
    assert copied.ptr != x.array.ctypes.data


@pytest.mark.parametrize(("kind", "words"), [(Copying, "cannot avoid"), (Old, "no argument copy")])
def test_what_may_copy_is_taken_where_a_copy_is_allowed(kind, words):
    x = kind()
    for call in (
        lambda: dlbridge.asarray(x, copy=False),
        lambda: dlbridge.convert(x, "torch"),
        lambda: dlbridge.convert(x, "numpy", copy=False),
        lambda: bound(x),
    ):
        with pytest.raises(
            CopyError, match=rf"does not give its own memory \(.*{words}.*copy=None"
        ):
            call()
    assert dlbridge.asarray(x).numpy().tolist() == x.array.tolist()
    assert dlbridge.convert(x, "torch", copy=None).tolist() == x.array.tolist()
    copy = dlbridge.convert(x, "numpy", copy=True)
    assert copy.tolist() == x.array.tolist()
    assert not np.shares_memory(copy, x.array)
    plan = dlbridge.plan(x, "numpy")
    assert (plan.copies, plan.bytes, words in plan.reason) == (True, x.array.nbytes, True)
    allowed = dlbridge.bind(
        ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into,
        "source: f64[n], out target: f64[n] -> dlbridge_status",
        copy=None,
    )
    assert allowed(x).numpy().tolist() == x.array.tolist()


def test_the_oldest_signature():
    x = Oldest()
    assert dlbridge.asarray(x).numpy().tolist() == x.array.tolist()
    assert dlbridge.asarray(x, copy=True).ptr != x.array.ctypes.data


def test_an_audit_tells_the_copy():
    with dlbridge.audit() as log:
        dlbridge.convert(Copying(), "torch", copy=None)
        dlbridge.convert(Sharing(), "torch")
    assert [(it.copied, it.bytes) for it in log] == [(True, 48), (False, 48)]


def test_read_only_memory_stays_so():
    array = np.arange(3.0)
    array.flags.writeable = False
    assert dlbridge.asarray(Sharing(array)).readonly


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([None]), "Python objects"),
        (np.array(["a"]), "number type"),
        (np.zeros(2, "M8[s]"), "dates"),
        (np.ma.array([1.0], mask=[True]), "mask would be lost"),
    ],
)
def test_arrays_without_numbers_are_refused(array, words):
    with pytest.raises(BufferError, match=rf"__array__ of .*Sharing gives no numbers.*{words}"):
        dlbridge.asarray(Sharing(array))


@pytest.mark.parametrize("result", [None, [1, 2], torch.ones(3), 5], ids=repr)
def test_what_gives_no_array_is_refused(result):
    x = type("Wrong", (), {"__array__": lambda self, dtype=None, copy=None: result})()
    with pytest.raises(TypeError, match=r"__array__ of .*Wrong is .*numpy\.ndarray"):
        dlbridge.asarray(x)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, OSError, KeyboardInterrupt])
def test_errors_of_the_method_are_passed_on(error):
    def array(self, dtype=None, copy=None):
        raise error("no")

    expected = BufferError if error is RuntimeError else error
    with pytest.raises(expected, match="no"):
        dlbridge.asarray(type("Failing", (), {"__array__": array})())


def test_other_protocols_come_first():
    class Both(Sharing):
        def __dlpack__(self, **_keywords):
            return np.zeros(3).__dlpack__()

    assert dlbridge.asarray(Both()).shape == (3,)


def test_from_dlpack_has_nothing_to_do_with_it():
    with pytest.raises(TypeError, match="__dlpack__"):
        dlbridge.from_dlpack(Sharing())


def test_a_class_is_no_array():
    with pytest.raises(TypeError, match="must be an array"):
        dlbridge.asarray(Sharing)


def test_data_sets_of_h5py(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "file.h5", "w") as file:
        data = file.create_dataset("x", data=np.arange(6.0).reshape(2, 3))
        assert dlbridge.convert(data, "torch", copy=None).tolist() == [[0, 1, 2], [3, 4, 5]]
        with pytest.raises(CopyError, match=r"h5py\..*Dataset does not give its own memory"):
            dlbridge.convert(data, "torch")


@pytest.mark.parametrize("dtype", ["f8", "i4", "bool"])
def test_columns_of_pandas(dtype):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(np.arange(6).astype(dtype))
    tensor = dlbridge.asarray(column, copy=False)
    assert tensor.ptr == column.to_numpy().ctypes.data
    table = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    assert dlbridge.asarray(table).numpy().tolist() == [[1, 3], [2, 4]]
    with pytest.raises(BufferError, match="Python objects"):
        dlbridge.asarray(pandas.Series(["a", None]))
