"""A whole library is bound by a dict, by a class with annotations, or by functions."""

# The annotations are signatures.
# ruff: noqa: F722, F821

import ctypes
import inspect
import types
from abc import ABC, abstractmethod
from typing import Annotated, Any, Protocol

import dlbridge
import numpy as np
import pytest
import torch

X = np.arange(6, dtype=np.float32).reshape(2, 3)
SIGNATURES = {
    "scale": "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status",
    "sum": "p: *f32[...], n: i64 = p.size -> f64",
    "nothing": "",
}


def test_a_dict(functions):
    library = dlbridge.bind(functions, SIGNATURES)
    assert isinstance(library, types.SimpleNamespace)
    assert (library.scale(X, 2) == 2 * X).all()
    assert (library.sum(X), library.nothing()) == (15, None)
    assert library.scale.__name__ == "scale"
    proxy = dlbridge.bind(functions, types.MappingProxyType(SIGNATURES))
    assert proxy.sum(X) == 15


def test_options_hold_for_the_whole_library(functions):
    signatures = {
        "sum": SIGNATURES["sum"],
        "number": "out y: *f32[n], n: i64",
        "answer": "status: i32, optional unused: *f32[...] -> status",
    }
    library = dlbridge.bind(functions, signatures, like="torch", copy=None, error=functions.why)
    assert library.sum(X.T) == 15
    assert isinstance(library.number(3), torch.Tensor)
    with pytest.raises(dlbridge.capi.Error, match="the seventh failure"):
        library.answer(7)


class Filters:
    """What an editor completes."""

    def scale(
        self, src: "f32[h, w]", factor: float = 2, dst: "out f32[h, w]" = None
    ) -> "(src, dst, factor) -> status":
        """Scales an image.

        By a factor.
        """

    @staticmethod
    def sum(p: "*f32[...]") -> "(p, n: i64 = p.size) -> f64": ...

    def greet(self, name: str = "you") -> str: ...

    def nothing(self): ...

    def fail(self, status: Annotated[int, "i32"]) -> Annotated[None, "status"]: ...

    def _helper(self):
        return "helper"

    version = 3


def test_a_class(functions):
    library = dlbridge.bind(functions, Filters)
    assert isinstance(library, Filters)
    assert (library.scale(X) == 2 * X).all()
    assert (library.scale(X, factor=3, dst=X.copy()) == 3 * X).all()
    assert (library.sum(X), library.nothing(), library.fail(0)) == (15, None, None)
    assert (library.greet(), library.greet("me")) == ("hello you", "hello me")
    assert (library._helper(), library.version) == ("helper", 3)
    assert str(inspect.signature(library.scale)) == "(src, factor=2.0, *, dst=None)"
    assert inspect.getdoc(library.scale).startswith("Scales an image.\n\nBy a factor.\n\nsrc: f32")


class More(Filters):
    def echo_i32(self, value: "i32", copy: "out i32") -> "i32": ...


def test_the_functions_of_base_classes_are_bound_too(functions):
    library = dlbridge.bind(functions, More)
    assert library.echo_i32(5) == (5, 5)
    assert library.sum(X) == 15


class Completed(Protocol):
    def sum(self, p: Annotated[Any, "*f32[n]"], n: Annotated[int, "i64 = n"] = ...) -> float: ...


def test_a_protocol(functions):
    assert dlbridge.bind(functions, Completed).sum(X.ravel()) == 15


class Typed(Protocol):
    def scale(
        self,
        src: Annotated[np.ndarray, "f32[h, w]"],
        factor: float = 2,
        *,
        dst: Annotated[np.ndarray | None, "out f32[h, w]"] = None,
    ) -> Annotated[np.ndarray, "(src, dst, factor) -> status"]:
        """Scales."""

    @staticmethod
    def sum(
        p: Annotated[np.ndarray, "*f32[...]"],
    ) -> Annotated[float, "(p, n: i64 = p.size) -> f64"]: ...

    def greet(self, name: str = "you") -> str: ...


def test_a_protocol_with_types_that_are_honest(functions):
    library = dlbridge.bind(functions, Typed)
    assert (library.scale(X) == 2 * X).all()
    assert (library.sum(X), library.greet()) == (15, "hello you")


class Abstract(ABC):
    @abstractmethod
    def greet(self, name: str) -> str: ...

    @staticmethod
    @abstractmethod
    def sum(p: Annotated[Any, "*f32[...]"]) -> Annotated[float, "(p, n: i64 = p.size) -> f64"]: ...


def test_an_abstract_class(functions):
    library = dlbridge.bind(functions, Abstract)
    assert isinstance(library, Abstract)
    assert (library.greet("me"), library.sum(X)) == ("hello me", 15)

    class More(Abstract):
        @abstractmethod
        def _own(self): ...

    with pytest.raises(TypeError, match="abstract"):
        dlbridge.bind(functions, More)


def test_a_single_function(functions):
    @dlbridge_bound(functions.scale)
    def scale(src: "f32[h, w]", dst: "out f32[h, w]" = None, factor: "f64" = 2.0) -> "status": ...

    assert (scale(X) == 2 * X).all()
    assert scale.__name__ == "scale"

    def add(src: "f32[h, w]", work: "f32[2, 3]" = None) -> "(src, work, k: f64) -> void":
        """The commas in brackets do not part parameters."""

    function = dlbridge.bind(functions.take, add, name="other")
    assert function.__name__ == "other"
    assert str(inspect.signature(function)) == "(src, work, k)"


def dlbridge_bound(target):
    return lambda stub: dlbridge.bind(target, stub)


def test_order_of_c_with_tensors_in_brackets(functions):
    def look(x: "f32[h, w]") -> "(x, work: f32[h, w], more: u8[2, 2]) -> void": ...

    function = dlbridge.bind(functions.nothing, look)
    assert list(inspect.signature(function).parameters) == ["x", "work", "more"]


def test_annotations_from_the_future(functions, tmp_path):
    source = tmp_path / "stubs.py"
    source.write_text(
        "from __future__ import annotations\n"
        "from typing import Annotated, Any\n"
        "class Stubs:\n"
        "    def sum(self, p: '*f32[n]', n: Annotated[int, 'i64 = n'] = ...) -> 'f64': ...\n"
        "    def greet(self, name: str = 'you') -> str: ...\n"
        "    def nothing(self) -> None: ...\n"
        "    def take(self, x: float, flag: bool = False) -> None: ...\n"
    )
    stubs = {}
    exec(compile(source.read_text(), source, "exec"), stubs)
    library = dlbridge.bind(functions, stubs["Stubs"])
    assert (library.sum(X.ravel()), library.greet(), library.nothing()) == (15, "hello you", None)
    assert str(inspect.signature(library.take)) == "(x, flag=False)"


def test_unknown_symbols(functions):
    for signature in [{"no_such_function": ""}, type("Stubs", (), {"no_such_function": add})]:
        with pytest.raises(AttributeError, match="no_such_function"):
            dlbridge.bind(functions, signature)


def add(x: "f64"): ...


def test_what_is_no_annotation(functions):
    def without(x, y: "f64"): ...
    def number(x: 5): ...
    def integer(x: int): ...
    def left_out(x: "f64", y: "f64") -> "(x) -> void": ...

    for stub, text in [
        (without, "parameter x of .*without has no annotation"),
        (number, r"annotation of x in .*number is 5; it must be a text"),
        (integer, r"annotation of x in .*integer is <class 'int'>; it must be a text"),
        (left_out, "the result of .*left_out leaves out y"),
    ]:
        with pytest.raises(TypeError, match=text):
            dlbridge.bind(functions.take, stub)
        with pytest.raises(TypeError, match=text):
            dlbridge.bind(functions, type("Stubs", (), {"take": stub}))


def test_what_is_no_library(functions):
    with pytest.raises(TypeError, match="the signature of sum is 5; it must be a str"):
        dlbridge.bind(functions, {"sum": 5})
    with pytest.raises(ValueError, match='"f33" in the'):
        dlbridge.bind(functions, {"sum": "x: f33[n]"})
    for target in [5, functions.sum, None]:
        with pytest.raises(TypeError):
            dlbridge.bind(target, SIGNATURES)


def test_the_library_is_kept(functions):
    """ctypes closes no library, but the callback of a user goes with its object."""
    made = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(lambda value: value + 1)
    function = dlbridge.bind(made, "i64 -> i64", name="plus")
    del made
    assert function(5) == 6


def test_what_cannot_be_bound_is_refused(functions):
    class Property:
        @property
        def sum(self): ...

    class Many:
        def sum(self, *p: "*f32[n]") -> "f64": ...

    class Later:
        async def sum(self, p: "*f32[...]") -> "f64": ...

    for stubs, needle in ((Property, "property"), (Many, "\\*p"), (Later, "async")):
        with pytest.raises(TypeError, match=needle):
            dlbridge.bind(functions, stubs)
