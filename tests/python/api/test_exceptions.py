"""Exceptions that are what DLPack has and what the array API standard has."""

import pickle

import dlbridge
import handmade
import numpy as np
import pytest
from dlbridge import CopyError, NoDLPackError
from handmade import Foreign, Producer

CAPSULE = Foreign().capsule()
READ_ONLY = np.zeros(3)
READ_ONLY.flags.writeable = False
REVERSED = np.arange(6.0)[::-1]


def copied():
    return Producer(lambda: Foreign(flags=handmade.IS_COPIED).capsule())


COPIES = {
    "reversed for torch": lambda: dlbridge.convert(REVERSED, "torch"),
    "read-only for torch": lambda: dlbridge.convert(READ_ONLY, "torch"),
    "a method": lambda: dlbridge.asarray(REVERSED).torch(),
    "gaps for jax": lambda: dlbridge.asarray(np.zeros((4, 4))[::2]).tensorflow(),
    "always copied": lambda: dlbridge.convert(np.zeros(3), "mlx"),
    "a producer that copies": lambda: dlbridge.from_dlpack(copied(), copy=False),
    "the same for asarray": lambda: dlbridge.asarray(copied(), copy=False),
    "another device": lambda: dlbridge.asarray(np.zeros(3), device="cuda", copy=False),
    "of from_dlpack": lambda: dlbridge.from_dlpack(np.zeros(3), device="cuda", copy=False),
    "of a capsule": lambda: dlbridge.from_dlpack(CAPSULE, device="cuda:1", copy=False),
    "of a consumer": lambda: dlbridge.asarray(np.zeros(3)).__dlpack__(dl_device=(2, 0), copy=False),
}


@pytest.mark.parametrize("call", COPIES.values(), ids=COPIES)
def test_a_copy_that_is_not_allowed_is_of_both_classes(call):
    for kind in (BufferError, ValueError, CopyError):
        with pytest.raises(kind):
            call()


def test_what_a_copy_does_not_help_is_no_error_of_copies():
    for call in (
        lambda: dlbridge.asarray(np.zeros(3, "M8[s]")),
        lambda: dlbridge.convert(np.zeros(3, np.uint16), "paddle"),
    ):
        with pytest.raises(BufferError) as refused:
            call()
        assert not isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "x", [object(), [1, 2], 5, None, "text", np.ndarray], ids=lambda x: type(x).__name__
)
def test_what_has_no_dlpack_is_of_both_classes(x):
    for kind in (TypeError, AttributeError, NoDLPackError):
        with pytest.raises(kind, match=r"it must be an object with __dlpack__"):
            dlbridge.from_dlpack(x)


def test_they_are_exceptions_as_others_are():
    for kind in (CopyError, NoDLPackError):
        assert kind.__module__ == "dlbridge"
        assert getattr(dlbridge, kind.__name__) is kind
        error = pickle.loads(pickle.dumps(kind("text")))
        assert (type(error), error.args) == (kind, ("text",))
        assert kind.__doc__
