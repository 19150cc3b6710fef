"""NumPy's own tests of DLPack, run on dlbridge.

They come from the installed NumPy, each time with another `np`: `Through` sends
from_dlpack through dlbridge, `Given` gives NumPy's from_dlpack a dlbridge tensor on
the array, and `Made` makes dlbridge tensors, whose methods the tests then call.
"""

import importlib.util
import types

import dlbridge
import numpy as np
import pytest
from numpy._core.tests import test_dlpack

# The tests that cannot apply, and why.
NOT_FOR = {
    "through": {},
    "given": {},
    "made": {
        "test_dunder_dlpack_refcount": "a capsule owns the memory, not the Tensor object",
        "test_dunder_dlpack_stream": "a stream on the host is a ValueError, not a RuntimeError",
        "test_dunder_dlpack_copy": "a copy= that is no bool is a TypeError, not a ValueError",
        "test_invalid_byte_swapping": "no tensor has another byte order: asarray refuses it",
        "test_readonly": "sets the flags of a NumPy array",
        "test_writeable": "makes a subclass of NumPy's array",
    },
}


class Patched(types.ModuleType):
    """NumPy, but for what is set on it."""

    def __getattr__(self, name):
        return getattr(np, name)


def suite(how, **replaced):
    """The class of NumPy's tests, in whose `np` these functions are others."""
    spec = importlib.util.spec_from_file_location(f"numpy_tests_{how}", test_dlpack.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, test in vars(module.TestDLPack).items():
        marks = getattr(test, "pytestmark", [])
        # pytest wants lists, and generators would run with the other functions.
        marks = [
            pytest.mark.parametrize(mark.args[0], list(mark.args[1])).mark
            if mark.name == "parametrize"
            else mark
            for mark in marks
        ]
        if reason := NOT_FOR[how].pop(name, None):
            marks.append(pytest.mark.skip(reason=reason).mark)
        if marks:
            test.pytestmark = marks
    assert not NOT_FOR[how], "NumPy has no such test any more"
    module.np = Patched("numpy")
    vars(module.np).update(replaced)
    return module.TestDLPack


def through(x, /, *, device=None, copy=None):
    return dlbridge.from_dlpack(x, device=device, copy=copy).numpy()


def given(x, /, **keywords):
    return np.from_dlpack(dlbridge.from_dlpack(x), **keywords)


def arange(*arguments, **keywords):
    return dlbridge.asarray(np.arange(*arguments, **keywords))


class TestThrough(suite("through", from_dlpack=through)):
    pass


class TestGiven(suite("given", from_dlpack=given)):
    pass


class TestMade(suite("made", arange=arange)):
    pass
