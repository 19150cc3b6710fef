"""PyTorch tensors whose memory is not their numbers, however PyTorch is asked about them."""

import ctypes
import subprocess
import sys

import dlbridge
import pytest
import torch
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode


class Subclass(torch.Tensor):
    pass


REFUSALS = """
import dlbridge
import torch

lazy = torch.ones(3, dtype=torch.complex64).conj()
for x, why in [
    (torch.ones(3, requires_grad=True), "requires grad"),
    (torch.nn.Parameter(torch.ones(3)), "requires grad"),
    (lazy.imag, "negated"),
    (lazy, "conjugated"),
]:
    for take in (dlbridge.from_dlpack, lambda x: dlbridge.convert(x, "numpy")):
        try:
            take(x)
        except BufferError as error:
            assert why in str(error), error
        else:
            raise SystemExit(f"{why} was not refused")
        assert dlbridge.convert(torch.ones(3), "numpy").sum() == 3
        plain = torch.nn.Parameter(torch.ones(3), requires_grad=False)
        assert dlbridge.convert(plain, "numpy").sum() == 3
        assert dlbridge.convert(lazy.real, "numpy").sum() == 3
"""

# What is tried on PyTorch's C++ functions before they are trusted fails, or tells
# something else than its attributes.
DISTRUST = {
    "trusted": "",
    "not to be tried": "torch.zeros = None",
    "of another kind": "torch.zeros = lambda *_, **k: torch.ones(3, dtype=torch.cfloat).conj()",
    "no tensor": "torch.zeros = lambda *_, **k: object()",
    "without numbers": """
x = torch.zeros(3)
torch.set_default_device("meta")
import dlbridge
assert dlbridge.convert(x, "numpy").sum() == 0
torch.set_default_device(None)
""",
}


@pytest.mark.parametrize("change", DISTRUST.values(), ids=DISTRUST)
def test_refusals(change):
    program = f"import torch\n{change}\n{REFUSALS}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=1800)


def test_dual_tensors_do_not_lose_their_tangent():
    plain, there = torch.ones(3), torch.zeros(3)
    parameter = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    copied = dlbridge.bind(
        ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into,
        "source: f32[n], out target: f32[n] -> dlbridge_status",
    )
    takes = [
        dlbridge.asarray,
        dlbridge.from_dlpack,
        lambda x: dlbridge.from_dlpack(x, copy=True),
        lambda x: dlbridge.convert(x, "numpy"),
        lambda x: dlbridge.convert(x, "jax", copy=None),
        lambda x: copied(x, target=there[: x.numel()]),
    ]
    advice = r"forward_ad\.unpack_dual\(x\)\.primal"
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(plain, torch.ones(3))
        derived = 2 * dual
        subclass = forward_ad.make_dual(plain.as_subclass(Subclass), torch.ones(3))
        for take in takes:
            for x in (dual, derived, dual[1:].expand(3, 2)[:, 0], subclass):
                with pytest.raises(BufferError, match=advice):
                    take(x)
            take(plain)
            take(parameter)
            take(forward_ad.unpack_dual(dual).primal)
        assert "unpack_dual" in dlbridge.plan(dual, "numpy").reason
    for take in takes:
        # The level has ended, and the tangent with it.
        take(dual)


def test_no_mode_of_pytorch_sees_the_question_for_tangents():
    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    seen, plain = [], torch.ones(3)
    dlbridge.asarray(plain)
    with forward_ad.dual_level(), Seen():
        dlbridge.asarray(plain)
    assert seen == []
