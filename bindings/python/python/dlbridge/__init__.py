"""Zero-copy exchange of arrays between C libraries and Python frameworks."""

import types

from ._dlbridge import (
    Device,
    DType,
    Tensor,
    __version__,
    asarray,
    convert,
    empty,
    from_dlpack,
)
from ._paths import get_include

__all__ = [
    "DType",
    "Device",
    "Tensor",
    "__version__",
    "asarray",
    "convert",
    "empty",
    "from_dlpack",
    "get_include",
]


def __getattr__(name: str) -> types.ModuleType:
    """Import dlbridge.capi when it is first used: it needs ctypes."""
    if name == "capi":
        import importlib

        return importlib.import_module(".capi", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
