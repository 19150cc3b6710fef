"""The stub says what the compiled module has, and mypy knows what users get."""

import ast
import inspect
import sys

import toolchain
from dlbridge import _dlbridge

STUB = toolchain.ROOT / "bindings/python/python/dlbridge/_dlbridge.pyi"

SAMPLE = """
import types
from typing import Any, assert_type

import dlbridge
import numpy as np
import torch

tensor = dlbridge.asarray(np.zeros((2, 3)), dtype="float64", device="cpu", copy=None)
assert_type(tensor, dlbridge.Tensor)
assert_type(tensor.shape, tuple[int, ...])
assert_type(tensor.dtype, dlbridge.DType)
assert_type(tensor.device.index, int)
assert_type(tensor[0, ..., None, 1:2], dlbridge.Tensor)
assert_type(tensor.T.reshape(-1).transpose((0,)), dlbridge.Tensor)
assert_type(tensor.numpy(copy=None), np.ndarray[Any, Any])
assert_type(tensor.torch(allow_writable_alias=True), torch.Tensor)
assert_type(dlbridge.convert(tensor, "numpy"), np.ndarray[Any, Any])
assert_type(dlbridge.convert(torch.zeros(3), "torch"), torch.Tensor)
dlbridge.convert(np.zeros(3), torch)

dlbridge.from_dlpack(torch.zeros(3), device=torch.device("cpu"))
dlbridge.from_dlpack(tensor.__dlpack__(max_version=(1, 0)))
dlbridge.empty((2, 3), dtype=np.float32)
dlbridge.empty(3, dtype=torch.int8, device=dlbridge.Device("cpu"))
np.from_dlpack(tensor)
torch.utils.dlpack.from_dlpack(tensor)

class Interface:
    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {}

dlbridge.asarray(Interface())
"""

MISTAKES = [
    "dlbridge.asarray([1, 2])",
    "dlbridge.asarray(None)",
    "dlbridge.from_dlpack(3)",
    "dlbridge.Tensor(3)",
    "dlbridge.empty('3')",
    "dlbridge.empty(3, dtype=4)",
    "dlbridge.empty(3, 'float32')",
    "dlbridge.convert(tensor, 3)",
    "tensor['a']",
    "tensor[[0, 1]]",
    "tensor.shape = (3,)",
    "tensor.numpy(True)",
]


# Kept between runs: mypy takes half a minute to read PyTorch for the first time.
CACHE = {"MYPY_CACHE_DIR": str(toolchain.ROOT / ".mypy_cache")}


def mypy(path):
    command = sys.executable, "-m", "mypy", "--strict", path
    return toolchain.run(*command, check=False, environment=CACHE).stdout


def test_users_types(tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE)
    assert "Success" in mypy(tmp_path / "sample.py")


def test_mistakes_are_found(tmp_path):
    lines = [*SAMPLE.splitlines(), *MISTAKES]
    (tmp_path / "mistakes.py").write_text("\n".join(lines) + "\n")
    output = mypy(tmp_path / "mistakes.py")
    for number, line in enumerate(lines, 1):
        assert (f"mistakes.py:{number}: error" in output) == (line in MISTAKES), (line, output)


def test_stub_matches_the_module():
    toolchain.run(sys.executable, "-m", "mypy.stubtest", "dlbridge._dlbridge", environment=CACHE)


def documented(body, owner, where="dlbridge"):
    """The names that the stub documents, with what they are in the compiled module."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith(
            "_Supports"
        ):
            continue
        name = f"{where}.{node.name}"
        actual = getattr(owner, node.name)
        if text := ast.get_docstring(node):
            yield name, text, inspect.cleandoc(actual.__doc__)
        if isinstance(node, ast.ClassDef):
            yield from documented(node.body, actual, name)


def test_stub_has_the_documentation_of_the_module():
    stub = list(documented(ast.parse(STUB.read_text()).body, _dlbridge))
    for name, in_stub, in_module in stub:
        assert in_stub == in_module, name
    names = {name for name, _, _ in stub}
    public = {f"dlbridge.{name}" for name in _dlbridge.__all__ if name != "__version__"}
    attributes = {f"dlbridge.Tensor.{name}" for name in vars(_dlbridge.Tensor) if name[0] != "_"}
    assert names >= public | attributes
