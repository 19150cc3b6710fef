"""plan tells what convert then does."""

import dlbridge
import numpy as np
import pytest
import torch
from framework_runs import cases

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
