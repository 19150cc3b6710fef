"""The C functions: the library that has them, its errors."""

import ctypes
import os
from ctypes import c_int32, c_void_p
from functools import cache
from pathlib import Path

from .prototypes import FUNCTIONS
from .structs import ABI_VERSION, StatusCode

LIBRARY = Path(__file__).parents[1] / f"lib/libdlbridge.so.{ABI_VERSION}"
"""The C library, to link your own with."""

INCLUDE = Path(__file__).parents[1] / "include"
"""The folder of the C header, for `#include <dlbridge/dlbridge.h>`."""


@cache
def load() -> ctypes.CDLL:
    """The C library with the prototypes of `FUNCTIONS`: the one that a library of
    yours has loaded already, or else that of this package."""
    try:
        # Else the errors of your library would be the last errors of another copy.
        lib = ctypes.CDLL(LIBRARY.name, os.RTLD_NOLOAD)
    except OSError:
        lib = ctypes.CDLL(str(LIBRARY))
    for name, (result, arguments) in FUNCTIONS.items():
        function = lib[name]
        function.restype, function.argtypes = result, arguments
        setattr(lib, name, function)
    return lib


class Error(RuntimeError):
    """A C function failed.

    `status` is its code, `name` the C constant of that code (empty if it is none of
    dlbridge.h), and `sentence` says what was wrong and what it must be.
    """

    def __init__(self, status: int, name: str, sentence: str) -> None:
        super().__init__(status, name, sentence)
        self.status, self.name, self.sentence = status, name, sentence

    def __str__(self) -> str:
        return f"{self.sentence} ({self.name or f'status {self.status}'})".lstrip()


def check(status: int) -> None:
    """Raise `Error` unless `status` is DLBRIDGE_OK.

    Call it on the thread of the failed call: each has a last error of its own.
    """
    if status != StatusCode.OK:
        raise Error(status, _name(status), last_error())


def _name(status: int) -> str:
    """The constant of a code of dlbridge.h, "" for another one."""
    name: str = load().dlbridge_status_name(status).decode()
    return name if name.startswith("DLBRIDGE_") else ""


def last_error() -> str:
    """The sentence of the last failure on this thread, "" before the first."""
    sentence: bytes = load().dlbridge_last_error()
    return sentence.decode()


class Status(c_int32):
    """The `restype` of a function of yours that returns `dlbridge_status`: it
    returns None, or raises `Error`."""

    def _check_retval_(self) -> None:
        check(self.value)


def _failure(function: str, status: int, is_own: bool, sentence: str | None) -> Error:
    """What a bound function raises for a status that is not 0. `is_own`: it is one of
    dlbridge.h."""
    text = f"{function}(): {sentence}" if sentence else f"{function}() failed"
    return Error(status, _name(status) if is_own else "", text)


def _sentences() -> tuple[int | None, ...]:
    """The addresses of the functions that tell the last error, and that set it."""
    functions = load().dlbridge_last_error, load().dlbridge_fail
    return tuple(ctypes.cast(function, c_void_p).value for function in functions)
