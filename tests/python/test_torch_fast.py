"""PyTorch's own functions, and calls without libffi: what holds with them holds without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **variables: str) -> str:
    result = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


PROGRAM = """
import torch
{before}
import numpy as np
import dlbridge
from dlbridge._dlbridge import _torch_fast_path

t = torch.arange(20.0).reshape(4, 5).T
a = dlbridge.convert(t, "numpy")
assert a.strides == (4, 20) and a.ctypes.data == t.data_ptr()
assert np.array_equal(a, t.numpy())
assert dlbridge.asarray(t[1:, ::2]).shape == (4, 2)
for wrong in (t.requires_grad_(), torch.zeros(3, dtype=torch.cfloat).conj()):
    try:
        dlbridge.convert(wrong, "numpy")
    except BufferError:
        continue
    raise SystemExit("it must be refused")
print(_torch_fast_path())
"""


@pytest.mark.parametrize(
    ("before", "variables", "told"),
    [
        ("", {"DLBRIDGE_TORCH_FAST": "0"}, "off: DLBRIDGE_TORCH_FAST=0"),
        ("torch.__version__ = '2.99.0+cpu'", {}, "off: PyTorch 2.99.0+cpu was not tried"),
        ("torch.__version__ = 'main'", {}, "off: PyTorch main was not tried"),
    ],
)
def test_it_is_off_and_says_why(before: str, variables: dict[str, str], told: str) -> None:
    assert run("-c", PROGRAM.format(before=before), **variables).strip() == told


def test_it_is_on_or_says_why_not() -> None:
    import torch

    told = run("-c", PROGRAM.format(before="")).strip()
    assert told == f"on ({torch.__version__})" or told.startswith("off: the functions of PyTorch")


def test_doctor_says_whether_it_is_on() -> None:
    told = run("-m", "dlbridge", "doctor", DLBRIDGE_TORCH_FAST="0")
    assert "PyTorch fast path: off: DLBRIDGE_TORCH_FAST=0" in told


def test_libffi_can_make_all_calls() -> None:
    tests = [str(Path(__file__).parent / name) for name in ("test_bind.py", "test_bind_scalars.py")]
    run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, DLBRIDGE_BIND_FFI="1")
