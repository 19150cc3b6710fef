"""PyTorch's own functions, and calls without libffi: what holds with them holds without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import toolchain

pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]


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


DISAGREEING = """
import torch

torch.zeros = lambda *_, **k: torch.ones(3, dtype=torch.cfloat).conj()
from dlbridge._dlbridge import _torch_fast_path

print(_torch_fast_path())
"""


def test_it_is_off_where_the_functions_disagree() -> None:
    assert run("-c", DISAGREEING).startswith("off: the functions of PyTorch")


def test_it_is_off_without_pytorch() -> None:
    program = "from dlbridge._dlbridge import _torch_fast_path; print(_torch_fast_path())"
    assert run("-c", program).strip() == "off: PyTorch is not imported"


# Prints what it is before and after the variable changes, with searches in between.
LATE = """
import os
import numpy
import torch
import dlbridge
from dlbridge._dlbridge import _torch_fast_path

t = torch.ones(3)
dlbridge.convert(t, "numpy")
before = _torch_fast_path()
{change}
for _ in range(100):
    dlbridge.convert(t, "numpy")
assert _torch_fast_path() == before, (before, _torch_fast_path())
"""


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("os.environ['DLBRIDGE_TORCH_FAST'] = '0'", "1"),
        ("del os.environ['DLBRIDGE_TORCH_FAST']", "0"),
    ],
    ids=["set", "removed"],
)
def test_the_variable_is_read_once(change: str, first: str) -> None:
    run("-c", LATE.format(change=change), DLBRIDGE_TORCH_FAST=first)


# What tensors of all kinds become, or why they do not.
VALUES = """
import numpy as np
import torch
import dlbridge

base = torch.arange(24, dtype=torch.int64)
kinds = [base, base.reshape(4, 6).T, base[5::3], base[:0], base[7], base.expand(2, 24)]
kinds += [torch.nn.Parameter(base.double(), requires_grad=False), base.double().requires_grad_()]
names = "bool uint8 uint16 uint32 uint64 int8 int16 int32 float16 bfloat16 float32 float64"
names += " complex64 complex128 float8_e4m3fn"
kinds += [torch.ones(2, 3).to(getattr(torch, name)) for name in names.split()]
lazy = torch.ones(3, dtype=torch.cfloat).conj()
kinds += [lazy, lazy.imag, lazy.real, torch.ones(3).to_sparse(), torch.ones(3, device="meta")]
for x in kinds:
    try:
        y = dlbridge.from_dlpack(x)
        is_same = not y.size or y.ptr == x.data_ptr()
        print(y.shape, y.strides, y.dtype, y.device, y.readonly, is_same)
        print(np.asarray(dlbridge.convert(x, "numpy")).tolist())
    except (BufferError, TypeError, ValueError) as error:
        print(type(error).__name__, error)
"""


def test_the_values_are_the_same() -> None:
    on, off = (run("-c", VALUES, DLBRIDGE_TORCH_FAST=switch) for switch in "10")
    assert on.count("True") > 20
    assert "requires grad" in on
    assert on == off


def test_doctor_says_whether_it_is_on() -> None:
    told = run("-m", "dlbridge", "doctor", DLBRIDGE_TORCH_FAST="0")
    assert "PyTorch fast path: off: DLBRIDGE_TORCH_FAST=0" in told


SUBSETS = {
    "DLBRIDGE_TORCH_FAST=0": (
        "bind/test_bind.py",
        "api/test_direct.py",
        "frameworks/test_torch_bounds.py",
    ),
    "DLBRIDGE_BIND_FFI=1": ("bind/test_bind.py", "bind/test_scalars.py", "api/test_direct.py"),
}


@pytest.mark.parametrize("setting", SUBSETS)
def test_other_tests_pass_with(setting: str) -> None:
    tests = [str(ROOT / "tests/python" / name) for name in SUBSETS[setting]]
    name, value = setting.split("=")
    run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, **{name: value})


# Where a call came from: libffi has one place for all, and makes those with complex numbers.
CALLER_SOURCE = """
#include <complex.h>
#include <stdint.h>
#define CALLER (uint64_t)__builtin_return_address(0)
uint64_t caller(void) { return CALLER; }
uint64_t caller_of_complex(float complex x) { (void)x; return CALLER; }
"""

CALLERS = """
import ctypes
import sys
import dlbridge

library = ctypes.CDLL(sys.argv[1])
plain = dlbridge.bind(library.caller, "-> u64")
by_libffi = dlbridge.bind(library.caller_of_complex, "x: c64 -> u64")
print(plain() == by_libffi(1j))
"""


def test_libffi_makes_all_calls(tmp_path: Path) -> None:
    source = tmp_path / "caller.c"
    source.write_text(CALLER_SOURCE)
    library = toolchain.compile(
        source,
        output=tmp_path / "caller.so",
        link="nothing",
        flags=["-shared", "-fPIC"],
    )
    assert run("-c", CALLERS, str(library), DLBRIDGE_BIND_FFI="1").strip() == "True"
    assert run("-c", CALLERS, str(library), DLBRIDGE_BIND_FFI="0").strip() == "False"
