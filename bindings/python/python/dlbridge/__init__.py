"""Zero-copy exchange of arrays between C libraries and Python frameworks."""

from typing import TYPE_CHECKING, Any

from ._dlbridge import (
    Audit,
    CopyError,
    Device,
    DType,
    Exchange,
    NoDLPackError,
    Plan,
    Tensor,
    __version__,
    asarray,
    audit,
    convert,
    empty,
    frameworks,
    from_dlpack,
    plan,
)
from ._paths import get_include

__all__ = [
    "Audit",
    "CopyError",
    "DType",
    "Device",
    "Exchange",
    "NoDLPackError",
    "Plan",
    "Tensor",
    "__version__",
    "asarray",
    "audit",
    "bind",
    "convert",
    "empty",
    "frameworks",
    "from_dlpack",
    "get_include",
    "plan",
]


if TYPE_CHECKING:
    from . import capi as capi
    from ._bind import bind


def __dir__() -> list[str]:
    """Also what is imported when it is first used, and nothing that is not dlbridge's."""
    own = {name for name in globals() if name.startswith("__")}
    return sorted({*own, *__all__, "capi"})


def __getattr__(name: str) -> Any:
    """Import what needs ctypes when it is first used."""
    from importlib import import_module

    if name == "capi":
        return import_module(".capi", __name__)
    if name == "bind":
        globals()["bind"] = bind = import_module("._bind", __name__).bind
        return bind
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
