"""Warp's own tests of DLPack, run on dlbridge."""

import sys
from unittest import mock

import dlbridge
import pytest
import suites


def given(tests):
    """Capsules of Warp are tensors, and Warp takes all else as tensors too."""
    from_dlpack = tests.wp.from_dlpack

    def from_tensor(source, *arguments, **keywords):
        if not isinstance(source, dlbridge.Tensor):
            source = suites.tensor(source)
        return from_dlpack(source, *arguments, **keywords)

    # Warp's kernels must find Warp itself under this name.
    change = mock.patch.multiple(tests.wp, to_dlpack=suites.tensor, from_dlpack=from_tensor)
    tests.TestDLPack = change(tests.TestDLPack)
    suites.keep(tests.TestDLPack, lambda name: "cuda" not in name)
    tests.N = 1024  # elements, instead of a million


with pytest.MonkeyPatch.context() as patch:
    # These stay out of this process, and their tests too.
    patch.setitem(sys.modules, "jax", None)
    patch.setitem(sys.modules, "paddle", None)
    TestGiven = suites.suite(
        "warp.tests.interop.test_dlpack",
        given,
        install="Warp's wheels have it",
        only=["TestDLPack"],
        beside={
            "calls only the methods of Warp's arrays": [
                "test_dlpack_stream_arg_cpu",
                "test_dlpack_warp_to_torch_v2_cpu",
            ]
        },
        left_out={
            "a legacy capsule of PyTorch cannot say that it may be written to, as Warp wants it": [
                "test_dlpack_torch_to_warp_cpu"
            ],
            "has the words of Warp's own errors": [
                "test_invalid_capsule_error",
                "test_dlpack_unsupported_source_device_error",
            ],
        },
    )
