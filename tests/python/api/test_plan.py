"""plan tells what convert then does."""

import sys

import dlbridge
import numpy as np
import pytest
import toolchain
import torch
from framework_runs import cases, need

FRAMEWORKS = dlbridge.frameworks()


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("what", ["layouts", "dtypes"])
def test_plan_is_what_convert_does(name, what):
    for title, case in cases(name)[what].items():
        (plan,) = case["plan"]
        without, needed = case["False"], case["None"]
        assert needed["did"] == plan, title
        assert without["did"] == ("shares" if plan == "shares" else "refuses"), title
        if plan == "refuses":
            assert case["reason"] == needed["reason"] == without["reason"], title
            assert case["bytes"] == 0
            continue
        assert case["bytes"] == needed["bytes"], title
        if plan == "copies":
            assert case["reason"] == needed["reason"], title
            assert without["reason"].startswith(case["reason"]), title
            assert case["bytes"] in (case["nbytes"], 2 * case["nbytes"])
        else:
            assert case["bytes"] == case["nbytes"]


def test_fields():
    array = np.zeros((2, 3), "f4")
    plan = dlbridge.plan(array, "torch")
    assert (plan.shares, plan.copies, plan.refuses) == (True, False, False)
    assert (plan.source, plan.target, plan.bytes) == ("numpy", "torch", 24)
    assert plan.protocol == "DLPack exchange API"
    assert repr(plan) == "Plan(numpy -> torch: shares 24 bytes by DLPack exchange API)"
    plan = dlbridge.plan(array[::-1], torch)
    assert (plan.shares, plan.copies, plan.refuses) == (False, True, False)
    assert "negative" in plan.reason
    assert repr(plan).startswith("Plan(numpy -> torch: copies 24 bytes by")
    plan = dlbridge.plan(np.array([None]), "torch")
    assert (plan.shares, plan.copies, plan.refuses) == (False, False, True)
    assert "Python objects" in plan.reason
    assert repr(plan).startswith("Plan(numpy -> torch: refuses, since x is a NumPy array")


def test_an_array_that_is_one_already():
    array = np.zeros(3)
    plan = dlbridge.plan(array, np)
    assert (plan.shares, plan.bytes, plan.protocol) == (True, 24, "nothing")
    tensor = dlbridge.empty(3)
    assert dlbridge.plan(tensor, tensor).shares
    # What cannot be shared can still be itself.
    assert dlbridge.plan(np.array([None]), "numpy").shares


def test_sources():
    assert dlbridge.plan(torch.zeros(3), "numpy").source == "torch"
    assert dlbridge.plan(dlbridge.empty(3), "numpy").source == "dlbridge"
    assert dlbridge.plan(memoryview(bytes(3)), "numpy").source == "memoryview"


def test_allow_writable_alias():
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    assert dlbridge.plan(frozen, "torch").copies
    assert dlbridge.plan(frozen, "torch", allow_writable_alias=True).shares


def test_device(on_cuda):
    assert dlbridge.plan(np.zeros(3), "torch", device="cpu").shares
    plan = dlbridge.plan(np.zeros(3), "torch", device="cuda:0")
    assert (plan.copies, plan.bytes) == (True, 24)
    assert "on cpu and cuda:0 is wanted" in plan.reason
    assert dlbridge.plan(on_cuda, "numpy", device="cpu").copies
    for name in ("numpy", "tensorflow", "paddle"):
        assert dlbridge.plan(on_cuda, name).refuses
    for name in ("torch", "jax", "cupy", "numba"):
        assert dlbridge.plan(on_cuda, name).shares


def test_no_arrays():
    for thing in ([1], 3, None):
        with pytest.raises(TypeError, match="must be an array"):
            dlbridge.plan(thing, "numpy")


def test_nothing_moves():
    array = np.arange(6.0)
    with dlbridge.audit() as log:
        dlbridge.plan(array[::-1], "torch")
        dlbridge.plan(array, "jax")
    assert len(log) == 0
    assert (array == np.arange(6.0)).all()


AGREES = """
import dlbridge, numpy as np

def answers(array, to):
    plan = dlbridge.plan(array, to)
    yield plan.refuses
    for copy in (None, True, False):
        try:
            dlbridge.convert(array, to, copy=copy)
            yield False
        except BufferError as error:
            assert not plan.refuses or plan.reason == str(error), (plan, error)
            yield plan.refuses or copy is False

for dtype in ("f4", "c8"):
    for array in (np.ones((2, 3), dtype), np.ones((0, 3), dtype), np.ones((), dtype)):
        refused, *rest = answers(array, "tinygrad")
        assert refused or dtype == "f4", dtype
        assert set(rest[:2]) == {refused}, rest

import tinygrad
kept = tinygrad.Tensor(np.ones(3, "f4"), device="PYTHON")  # works everywhere
for array in (kept, tinygrad.Tensor.empty(3, device="CPU")):
    refused, *rest = answers(array, "numpy")
    print(refused)
    assert set(rest[:2]) == {refused}, rest
print(dlbridge.plan(np.ones(3), "tinygrad").reason)
"""


@pytest.mark.parametrize(
    "settings",
    [{}, {"DEV": "CPU"}, {"DEV": "CPU", "CC": "absent"}, {"DEV": "CL"}, {"DEV": "PYTHON"}],
    ids=str,
)
def test_a_framework_that_has_no_device(settings, tmp_path):
    """tinygrad compiles even to copy, and finds out late that it has no compiler."""
    need("tinygrad")
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "DEV": "", **settings}
    output = toolchain.run(sys.executable, "-c", AGREES, environment=home).stdout.splitlines()
    assert output[0] == "False"
    if "absent" in settings.values():
        assert output[1] == "True"
        assert "tinygrad cannot use its device CPU here" in output[2]
        assert "'absent'" in output[2]
        assert "DEV=PYTHON" in output[2]
