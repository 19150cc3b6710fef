"""PyTorch tensors whose memory is not their numbers, however PyTorch is asked about them."""

import subprocess
import sys

import pytest

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
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)
