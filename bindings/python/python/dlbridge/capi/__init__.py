"""The C ABI of dlbridge from Python, by ctypes.

`lib` is the C library of this package, with the prototype of every function of
dlbridge.h; it is loaded at the first use. `arg`, `Status`, `OwnedTensor`, `take` and
`managed` pass tensors to C functions of your own, and back.
"""

from ctypes import CDLL

from .arguments import OwnedTensor, arg, managed, take
from .functions import INCLUDE, LIBRARY, Error, Status, check, last_error, load
from .prototypes import FUNCTIONS
from .structs import *  # noqa: F403
from .structs import __all__ as _structs

__all__ = [
    "FUNCTIONS",
    "INCLUDE",
    "LIBRARY",
    "Error",
    "OwnedTensor",
    "Status",
    "arg",
    "check",
    "last_error",
    "lib",
    "managed",
    "take",
]
__all__ += _structs

lib: CDLL


def __getattr__(name: str) -> CDLL:
    if name == "lib":
        return load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
