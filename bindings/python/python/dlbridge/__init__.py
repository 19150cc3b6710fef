"""Zero-copy exchange of arrays between C libraries and Python frameworks."""

import types

from ._dlbridge import (
    Audit,
    Device,
    DType,
    Exchange,
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
    "DType",
    "Device",
    "Exchange",
    "Plan",
    "Tensor",
    "__version__",
    "asarray",
    "audit",
    "convert",
    "empty",
    "frameworks",
    "from_dlpack",
    "get_include",
    "plan",
]


def __getattr__(name: str) -> types.ModuleType:
    """Import dlbridge.capi when it is first used: it needs ctypes."""
    if name == "capi":
        import importlib

        return importlib.import_module(".capi", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
