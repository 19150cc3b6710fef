"""The C functions: their prototypes, the library that has them, its errors."""

import ctypes
import os
from collections.abc import Mapping
from ctypes import (
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from pathlib import Path
from typing import Any

from .structs import (
    ABI_VERSION,
    DLDataType,
    DLDevice,
    DLManagedTensor,
    DLManagedTensorVersioned,
    DLTensor,
    ReleaseCallback,
    StatusCode,
    dlbridge_array_interface,
    dlbridge_array_struct,
    dlbridge_range,
)

LIBRARY = Path(__file__).parents[1] / f"lib/libdlbridge.so.{ABI_VERSION}"
"""The C library, to link your own with."""

INCLUDE = Path(__file__).parents[1] / "include"
"""The folder of the C header, for `#include <dlbridge/dlbridge.h>`."""

_TENSOR = POINTER(DLTensor)
_OWNED = POINTER(DLManagedTensorVersioned)
_OUT = POINTER(_OWNED)
_LEGACY = POINTER(DLManagedTensor)
_TEXT_OUT = (POINTER(c_char), c_size_t)
_SOURCE_OUT = (c_void_p, ReleaseCallback, _OUT)

FUNCTIONS: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    # name: (result, arguments)
    "dlbridge_version": (c_char_p, ()),
    "dlbridge_abi_version": (c_uint32, ()),
    "dlbridge_last_error": (c_char_p, ()),
    "dlbridge_status_name": (c_char_p, (c_int32,)),
    "dlbridge_fail": (c_int32, (c_int32, c_char_p)),
    "dlbridge_empty": (c_int32, (DLDataType, c_int32, POINTER(c_int64), _OUT)),
    "dlbridge_wrap": (c_int32, (_TENSOR, c_uint64, *_SOURCE_OUT)),
    "dlbridge_share": (c_int32, (_OWNED, c_uint64, _OUT)),
    "dlbridge_import": (c_int32, (_OWNED, _OUT)),
    "dlbridge_import_legacy": (c_int32, (_LEGACY, c_uint64, _OUT)),
    "dlbridge_export_legacy": (c_int32, (_OWNED, POINTER(_LEGACY))),
    "dlbridge_release": (None, (_OWNED,)),
    "dlbridge_release_legacy": (None, (_LEGACY,)),
    "dlbridge_validate": (c_int32, (_TENSOR,)),
    "dlbridge_validate_managed": (c_int32, (_OWNED,)),
    "dlbridge_check": (c_int32, (_TENSOR, c_char_p)),
    "dlbridge_check_managed": (c_int32, (_OWNED, c_char_p)),
    "dlbridge_check_all": (c_int32, (c_int32, POINTER(_TENSOR), c_char_p)),
    "dlbridge_element_count": (c_int32, (_TENSOR, POINTER(c_int64))),
    "dlbridge_byte_count": (c_int32, (_TENSOR, POINTER(c_int64))),
    "dlbridge_is_c_contiguous": (c_int32, (_TENSOR, POINTER(c_bool))),
    "dlbridge_is_f_contiguous": (c_int32, (_TENSOR, POINTER(c_bool))),
    "dlbridge_byte_range": (c_int32, (_TENSOR, POINTER(c_void_p), POINTER(c_void_p))),
    "dlbridge_describe": (c_int32, (_TENSOR, *_TEXT_OUT)),
    "dlbridge_slice": (c_int32, (_OWNED, c_int32, POINTER(dlbridge_range), _OUT)),
    "dlbridge_select": (c_int32, (_OWNED, c_int32, c_int64, _OUT)),
    "dlbridge_permute": (c_int32, (_OWNED, c_int32, POINTER(c_int32), _OUT)),
    "dlbridge_reshape": (c_int32, (_OWNED, c_int32, POINTER(c_int64), _OUT)),
    "dlbridge_expand": (c_int32, (_OWNED, c_int32, POINTER(c_int64), _OUT)),
    "dlbridge_copy": (c_int32, (_TENSOR, _OUT)),
    "dlbridge_copy_into": (c_int32, (_TENSOR, _TENSOR)),
    "dlbridge_dtype_name": (c_int32, (DLDataType, *_TEXT_OUT)),
    "dlbridge_dtype_from_name": (c_int32, (c_char_p, POINTER(DLDataType))),
    "dlbridge_dtype_typestr": (c_int32, (DLDataType, *_TEXT_OUT)),
    "dlbridge_dtype_from_typestr": (c_int32, (c_char_p, POINTER(DLDataType))),
    "dlbridge_device_name": (c_int32, (DLDevice, *_TEXT_OUT)),
    "dlbridge_device_from_name": (c_int32, (c_char_p, POINTER(DLDevice))),
    "dlbridge_to_array_interface": (c_int32, (_OWNED, POINTER(dlbridge_array_interface))),
    "dlbridge_from_array_interface": (c_int32, (POINTER(dlbridge_array_interface), *_SOURCE_OUT)),
    "dlbridge_to_array_struct": (c_int32, (_OWNED, POINTER(POINTER(dlbridge_array_struct)))),
    "dlbridge_release_array_struct": (None, (POINTER(dlbridge_array_struct),)),
    "dlbridge_from_array_struct": (c_int32, (POINTER(dlbridge_array_struct), *_SOURCE_OUT)),
    "dlbridge_cuda_device_count": (c_int32, (POINTER(c_int32),)),
    "dlbridge_cuda_empty": (
        c_int32,
        (DLDataType, c_int32, POINTER(c_int64), DLDevice, c_void_p, _OUT),
    ),
    "dlbridge_cuda_pointer_device": (c_int32, (c_void_p, POINTER(DLDevice))),
    "dlbridge_cuda_check": (c_int32, (_TENSOR,)),
    "dlbridge_cuda_copy": (c_int32, (_TENSOR, DLDevice, c_void_p, _OUT)),
    "dlbridge_cuda_copy_into": (c_int32, (_TENSOR, _TENSOR, c_void_p)),
    "dlbridge_stream_wait": (c_int32, (c_void_p, c_void_p, DLDevice)),
    "dlbridge_cuda_synchronize": (c_int32, (c_void_p, DLDevice)),
}


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
