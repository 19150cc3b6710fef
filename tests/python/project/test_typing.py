"""The stub says what the compiled module has, and mypy knows what users get."""

import ast
import inspect
import re
import sys

import toolchain
from dlbridge import _dlbridge

STUB = toolchain.ROOT / "bindings/python/python/dlbridge/_dlbridge.pyi"

SAMPLE = """
import ctypes
import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Protocol, assert_type

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
assert_type(dlbridge.convert(tensor, np.zeros(3)), np.ndarray[Any, Any])
assert_type(dlbridge.convert(np.zeros(3), tensor), dlbridge.Tensor)
tensor.jax(copy=None)
tensor.paddle(allow_writable_alias=True)

plan = dlbridge.plan(np.zeros(3), "jax")
assert_type(plan.copies, bool)
assert_type(plan.bytes, int)
with dlbridge.audit() as log:
    dlbridge.asarray(np.zeros(3))
assert_type(log.bytes_copied, int)
assert_type([entry.file for entry in log], list[str])
assert_type(log[0].copied, bool)
assert_type(dlbridge.frameworks(), tuple[str, ...])

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
dlbridge.asarray(b"bytes")
dlbridge.convert(memoryview(tensor), "torch")

library = ctypes.CDLL("libfilters.so")
blur = dlbridge.bind(library.blur, "src: f32[n], out dst: f32[n] -> status", error=library.why)
assert_type(blur, Callable[..., Any])
blur(np.zeros(3), dst=torch.zeros(3))
assert_type(dlbridge.bind(0x1000, "x: f64 -> f64", name="f", copy=None), Callable[..., Any])
table = dlbridge.bind(library, {"blur": "x: *f32[n]"}, like="torch", release_gil=False)
assert_type(table, types.SimpleNamespace)

class Filters:
    def size(self, x: Annotated[np.ndarray[Any, Any], "f32[n]"]) -> Annotated[int, "i64"]:
        raise NotImplementedError

filters = dlbridge.bind(library, Filters, like=np)
assert_type(filters, Filters)
assert_type(filters.size(np.zeros(3)), int)

Image = np.ndarray[tuple[int, int], np.dtype[np.float32]]

class Images(Protocol):
    def blur(
        self,
        src: Annotated[Image, "f32[h, w]"],
        sigma: float = 1.0,
        *,
        dst: Annotated[Image | None, "out f32[h, w]"] = None,
    ) -> Annotated[Image, "(src, dst, sigma) -> status"]:
        '''In a protocol the body may be empty, whatever is returned.'''

    @staticmethod
    def size(x: Annotated[Image, "f32[h, w]"]) -> Annotated[int, "i64"]: ...

    def name(self) -> str: ...

class Abstract(ABC):
    @abstractmethod
    def blur(self, src: Annotated[Image, "f32[h, w]"]) -> Annotated[Image, "f32[h, w]"]: ...

images = dlbridge.bind(library, Images, like=np)
image = np.zeros((2, 3), np.float32)
assert_type(images, Images)
assert_type(images.blur(image, 2.0, dst=image), Image)
assert_type(images.size(image), int)
assert_type(images.name(), str)
assert_type(dlbridge.bind(library, Abstract, use_errno=True), Abstract)

def scale(x: Annotated[Any, "*f32[n]"], factor: float = 2) -> Annotated[None, "status"]:
    ...

bound = dlbridge.bind(library.scale, scale, name="scale")
assert_type(bound(np.zeros(3), 2.5), None)
bound(np.zeros(3), factor=1)
library.scale.argtypes = [dlbridge.capi.arg("f32[h, w]"), ctypes.c_double]
library.scale.restype = dlbridge.capi.Status
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
    "dlbridge.convert(tensor, 'chainer')",
    "dlbridge.plan(tensor, 3)",
    "tensor['a']",
    "tensor[[0, 1]]",
    "tensor.shape = (3,)",
    "tensor.numpy(True)",
    "dlbridge.bind(library.blur)",
    "dlbridge.bind(library.blur, 5)",
    "dlbridge.bind(library.blur, 'x: f64', error='why')",
    "dlbridge.bind(library.blur, 'x: f64', copy='no')",
    "dlbridge.bind(library, 'x: f64')",
    "dlbridge.bind(library, {'blur': 5})",
    "dlbridge.bind(library, {'blur': ''}, name='blur')",
    "filters.sizes",
    "images.blur('a file')",
    "images.blurs",
    "dlbridge.bind(library, Images, name='images')",
    "filters.size(3)",
    "bound(np.zeros(3), 'two')",
    "dlbridge.capi.arg(5)",
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


# Before Python 3.12 these are there for C only.
BUFFER = [f"dlbridge._dlbridge.Tensor.{name}" for name in ("__buffer__", "__release_buffer__")]


def test_stub_matches_the_module(tmp_path):
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(BUFFER))
    options = "--allowlist", allowed, "--ignore-unused-allowlist"
    command = sys.executable, "-m", "mypy.stubtest", "dlbridge._dlbridge"
    toolchain.run(*command, *options, environment=CACHE)


def test_stub_names_every_framework():
    [names] = re.findall(r"_Framework: TypeAlias = Literal\[(.*?)\]", STUB.read_text(), re.DOTALL)
    assert tuple(re.findall(r'"(\w+)"', names)) == _dlbridge.frameworks()


def documented(body, owner, where="dlbridge"):
    """The names that the stub documents, with what they are in the compiled module."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith(
            "_Supports"
        ):
            continue
        name = f"{where}.{node.name}"
        if node.name in ("__buffer__", "__release_buffer__"):
            continue
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
