"""`convert(x, "numpy", copy=True)` of what is a NumPy array already."""

import dlbridge
import numpy as np
import pytest

ARRAYS = {
    "numbers": np.arange(6.0).reshape(2, 3).T,
    "dates": np.array(["2020-01-01", "NaT"], "M8[D]"),
    "differences": np.array([1, 2], "m8[s]"),
    "texts": np.array(["a", "bc"]),
    "bytes": np.array([b"a", b"bc"]),
    "objects": np.array([None, "x"], object),
    "records": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "of another byte order": np.arange(3, dtype=">i4"),
    "long doubles": np.arange(3, dtype=np.longdouble),
    "masked": np.ma.array([1.0, 2.0], mask=[True, False]),
    "a matrix": np.ones((1, 2)).view(np.matrix),
    "a record array": np.rec.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_it_is_as_much_as_the_array_itself(array, device):
    assert dlbridge.convert(array, "numpy", device=device) is array
    copy = dlbridge.convert(array, "numpy", copy=True, device=device)
    assert type(copy) is type(array)
    assert copy.dtype == array.dtype
    assert not np.shares_memory(copy, array)
    assert repr(copy) == repr(array)
    assert copy.flags.writeable


def test_an_audit_sees_the_copy():
    dates = ARRAYS["dates"]
    with dlbridge.audit() as log:
        dlbridge.convert(dates, "numpy", copy=True)
    assert [(it.source, it.target, it.copied, it.bytes, it.reason) for it in log] == [
        ("numpy", "numpy", True, dates.nbytes, "copy=True")
    ]


def test_other_frameworks_get_no_dates():
    with pytest.raises(BufferError, match="dates"):
        dlbridge.convert(ARRAYS["dates"], "torch", copy=True)
