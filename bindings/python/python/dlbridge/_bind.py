"""C functions that are called with arrays: the Python half of `bind`."""

from __future__ import annotations

import ast
import ctypes
import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, overload

from ._dlbridge import _bind

if TYPE_CHECKING:
    # What `ctypes._CFuncPtr` is; for mypy that is Any.
    from _ctypes import CFuncPtr

__all__ = ["bind"]

Function = TypeVar("Function", bound=Callable[..., Any])
Library = TypeVar("Library")


@overload
def bind(
    target: CFuncPtr | int,
    signature: str,
    /,
    *,
    name: str | None = None,
    error: CFuncPtr | int | None = None,
    like: Any = None,
    copy: bool | None = False,
    release_gil: bool = True,
    use_errno: bool | None = None,
) -> Callable[..., Any]: ...
@overload
def bind(
    target: ctypes.CDLL,
    signature: Mapping[str, str],
    /,
    *,
    error: CFuncPtr | int | None = None,
    like: Any = None,
    copy: bool | None = False,
    release_gil: bool = True,
    use_errno: bool | None = None,
) -> types.SimpleNamespace: ...
@overload
def bind(
    target: ctypes.CDLL,
    # Not type[Library]: that refuses protocols and abstract classes, of which bodies may be empty.
    signature: Callable[..., Library],
    /,
    *,
    error: CFuncPtr | int | None = None,
    like: Any = None,
    copy: bool | None = False,
    release_gil: bool = True,
    use_errno: bool | None = None,
) -> Library: ...
@overload
def bind(
    target: CFuncPtr | int,
    signature: Function,
    /,
    *,
    name: str | None = None,
    error: CFuncPtr | int | None = None,
    like: Any = None,
    copy: bool | None = False,
    release_gil: bool = True,
    use_errno: bool | None = None,
) -> Function: ...
def bind(
    target: Any,
    signature: Any,
    /,
    *,
    name: str | None = None,
    error: Any = None,
    like: Any = None,
    copy: bool | None = False,
    release_gil: bool = True,
    use_errno: bool | None = None,
) -> Any:
    """A Python function that calls a C function with arrays of any framework.

        blur = dlbridge.bind(lib.blur, "src: f32[h, w], out dst: f32[h, w], sigma: f64 -> status")

    `target` is a function of ctypes, or its address (then `name` names it in errors).
    `signature` says what C takes and returns, in the order of C; docs/signatures.md
    has its language. Outputs that are not given are allocated, as arrays of the
    framework of the first array. Wrong arguments are refused before the C function
    runs: `TypeError` for the type or dtype, `ValueError` for the shape, `BufferError`
    for memory that cannot be used as it is.

    A whole library is bound by a dict of signatures, or by a class of functions with
    annotations, which editors complete; the result has a function for each.

    `error` is a C function `const char *f(void)` or `const char *f(int status)` that
    says why a status is not 0. `like` is the framework of the results where no array is
    given, as `to` of `convert`; without it they are of dlbridge. With `copy` None what
    has the wrong order in memory is copied, and back for outputs, and the audit says
    so. The GIL is released around the call unless `release_gil` is False.

    That the C function has this signature cannot be checked. Arrays are borrowed while
    it runs: meanwhile nobody may give them other memory (`resize`, `x.data = ...`).
    """
    options = {
        "error": error,
        "like": like,
        "copy": copy,
        "release_gil": release_gil,
        "use_errno": use_errno,
    }
    module = sys._getframe(1).f_globals.get("__name__", "dlbridge")
    if isinstance(signature, str):
        return _function(target, signature, name, module, options)
    if isinstance(signature, Mapping):
        functions = types.SimpleNamespace()
        for key, text in signature.items():
            setattr(functions, key, _function(target[key], text, key, module, options))
        return functions
    if inspect.isclass(signature):
        return _library(target, signature, options)
    if inspect.isfunction(signature):
        text = _from_annotations(signature)
        return _function(target, text, name or signature.__name__, signature, options)
    raise TypeError(
        f"signature is {signature!r}; it must be a str, a dict of them, or a function or class "
        "with annotations"
    )


def _function(
    target: Any,
    signature: str,
    name: str | None,
    home: str | types.FunctionType,
    options: dict[str, Any],
) -> Callable[..., Any]:
    """`home` is the module that the function will be in, or the function that it replaces."""
    name = name or getattr(target, "__name__", None) or "function"
    module, qualified, doc = home, name, None
    if not isinstance(home, str):
        # Code that was run by `exec` may be in no module.
        module, qualified, doc = home.__module__ or "dlbridge", home.__qualname__, home.__doc__
    if not isinstance(signature, str):
        raise TypeError(f"the signature of {name} is {signature!r}; it must be a str")
    error = options["error"]
    return _bind(
        name,
        _address("target", target),
        signature,
        doc and inspect.cleandoc(doc),
        options["copy"],
        options["release_gil"],
        options["like"],
        None if error is None else _address("error", error),
        _uses_errno(target) if options["use_errno"] is None else options["use_errno"],
        (target, error),
        (module, qualified),
    )


def _signature(text: str) -> inspect.Signature:
    """`text` is the parameters of a bound function, with literals as defaults."""
    return inspect.signature(eval(f"lambda {text[1:-1]}: None", {}))


def _address(argument: str, function: Any) -> int:
    if isinstance(function, int):
        return function
    # Any pointer of ctypes can be cast, but only functions are one.
    if not isinstance(function, ctypes._CFuncPtr):
        raise TypeError(
            f"{argument} is {function!r}; it must be a function of a ctypes library, or its address"
        )
    address = ctypes.c_void_p.from_buffer(function).value
    if not address:
        raise ValueError(f"{argument} is a NULL pointer; it must be a function")
    return address


def _uses_errno(function: Any) -> bool:
    """Whether a function is of a library that was opened with `use_errno=True`."""
    return bool(getattr(function, "_flags_", 0) & ctypes._FUNCFLAG_USE_ERRNO)


def _library(library: Any, stubs: type, options: dict[str, Any]) -> Any:
    """An instance of the class with a bound function for each of its functions."""
    functions: dict[str, Any] = {}
    own = {name: stub for cls in reversed(stubs.__mro__) for name, stub in vars(cls).items()}
    for name, stub in own.items():
        stub = stub.__func__ if isinstance(stub, staticmethod) else stub
        if name.startswith("_"):
            continue
        if isinstance(stub, (classmethod, property)):
            raise TypeError(
                f"{stubs.__name__}.{name} is a {type(stub).__name__}; what is bound is a function, "
                "and what is not to be bound has a name that begins with _"
            )
        if inspect.isfunction(stub):
            text = _from_annotations(stub)
            functions[name] = _function(library[name], text, name, stub, options)
    if inspect.isabstract(stubs):
        # It becomes concrete by what is bound, if that is all.
        stubs = type(stubs)(stubs.__name__, (stubs,), functions)
    instance = object.__new__(stubs)
    for name, function in functions.items():
        setattr(instance, name, function)
    return instance


def _from_annotations(stub: types.FunctionType) -> str:
    """The signature that the annotations of a function say.

    The parameters are in the order of C unless that of the result says otherwise:
    `-> "(src, dst, n: i64 = n) -> status"`.
    """
    if inspect.iscoroutinefunction(stub):
        raise TypeError(f"{stub.__qualname__} is async; C functions are called and return")
    annotations = inspect.get_annotations(stub)
    parameters = {}
    for name, parameter in inspect.signature(stub).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{stub.__qualname__} has {parameter}; each parameter of C is named")
        if name in annotations:
            parameters[name] = _parameter(stub, name, annotations[name], parameter.default)
        elif name != "self":
            raise TypeError(f"parameter {name} of {stub.__qualname__} has no annotation")
    result = _text(stub, "the result", annotations.get("return", "void"))
    order, arrow, outcome = result.rpartition("->")
    if not arrow:
        return f"{', '.join(parameters.values())} -> {result}"
    order = order.strip().removeprefix("(").removesuffix(")")
    # At commas that are not in brackets.
    parts = [part.strip() for part in re.split(r",(?![^\[]*\])", order)]
    missing = parameters.keys() - set(parts)
    if missing:
        names = ", ".join(sorted(missing))
        raise TypeError(f"the result of {stub.__qualname__} leaves out {names}")
    return f"{', '.join(parameters.get(part, part) for part in parts)} -> {outcome}"


def _parameter(stub: types.FunctionType, name: str, annotation: Any, default: Any) -> str:
    text = _text(stub, name, annotation)
    *modes, kind = _split_modes(text)
    value = ""
    if default is not inspect.Parameter.empty and default is not None and default is not ...:
        value = f" = {str(default).lower() if isinstance(default, bool) else repr(default)}"
    return " ".join([*modes, f"{name}: {kind}{value}"])


def _split_modes(text: str) -> list[str]:
    words = text.split()
    count = 0
    while count < len(words) and words[count] in {"in", "out", "inout", "new", "optional"}:
        count += 1
    return [*words[:count], " ".join(words[count:])]


_PLAIN = {float: "f64", bool: "bool", str: "str", None: "void"}


def _text(stub: types.FunctionType, name: str, annotation: Any) -> str:
    """What an annotation says: its own text, or that in `Annotated`."""
    if isinstance(annotation, str):
        annotation = _evaluated(stub, annotation)
    if get_origin(annotation) is Annotated:
        texts = [it for it in get_args(annotation)[1:] if isinstance(it, str)]
        annotation = texts[0] if texts else get_args(annotation)[0]
    if isinstance(annotation, str):
        return annotation
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    raise TypeError(
        f"the annotation of {name} in {stub.__qualname__} is {annotation!r}; it must be a text "
        'like "f32[h, w]", Annotated[Any, "f32[h, w]"], float, bool or str'
    )


def _evaluated(stub: types.FunctionType, text: str) -> Any:
    """With `from __future__ import annotations` an annotation is its source."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return text
    if isinstance(tree, ast.Constant):
        return tree.value
    is_annotated = isinstance(tree, ast.Subscript) and ast.unparse(tree.value).endswith("Annotated")
    if is_annotated or text in {"float", "bool", "str", "None"}:
        return eval(text, stub.__globals__)
    return text
