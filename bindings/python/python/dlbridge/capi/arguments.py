"""Arguments and results of your own C functions.

    lib = ctypes.CDLL("./libfilters.so")
    lib.blur.argtypes = [capi.arg("f32[h, w]"), capi.arg("out f32[h, w]")]
    lib.blur(image, numpy.empty_like(image))

    lib.make_image.restype = capi.OwnedTensor
    image = lib.make_image(480, 640).numpy()

Nothing is copied. ctypes reports what an argument type refuses as
`ctypes.ArgumentError`, with the number of the argument and the reason.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref
from typing import TYPE_CHECKING, Any

from .functions import Error, check, last_error, load
from .structs import DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, DLManagedTensorVersioned, DLTensor

if TYPE_CHECKING:
    from dlbridge import Tensor

    OwnedPointer = ctypes._Pointer[DLManagedTensorVersioned]

_POINTER = POINTER(DLTensor)
_BYREF = type(byref(ctypes.c_int()))


def arg(spec: str) -> Any:
    """An `argtypes` entry for a tensor that C gets: `capi.arg("f32[h, w]")`.

    The text is a parameter of a signature (docs/signatures.md) without a name. C gets
    `const DLTensor *`, or with an asterisk in front, like `"*f32[n]"`, the address of
    the first element. With `"out ..."` or `"inout ..."` C writes to it, and read-only
    arrays are refused; with `"optional ..."` None is NULL.

    It takes any array, without a copy, and a `DLTensor` or a pointer to one. What is
    borrowed stays alive during the call, and no longer. The names of extents hold
    within the one argument: `bind` compares them across all.
    """
    from dlbridge._dlbridge import ArgumentType

    # Any: for mypy `argtypes` is a list of classes, though ctypes takes this too.
    return ArgumentType(spec)


class KeepingPointer(ctypes.c_void_p):
    """A pointer that keeps an object alive, as ctypes does with arguments."""

    def __init__(self, address: int, keep: object) -> None:
        super().__init__(address)
        self.keep = keep


def _address_of(descriptor: Any) -> int:
    """The address of a `DLTensor`, of that of a pointer, or of that of `byref`."""
    if isinstance(descriptor, _BYREF):
        descriptor = descriptor._obj
    elif isinstance(descriptor, _POINTER):
        if not descriptor:
            return 0
        descriptor = descriptor.contents
    if not isinstance(descriptor, DLTensor):
        raise TypeError(f"is a pointer to {type(descriptor).__name__}; it must point to a DLTensor")
    return ctypes.addressof(descriptor)


class OwnedTensor(ctypes.c_void_p):
    """The `restype` of functions that return `DLManagedTensorVersioned *` for the
    caller to own: it becomes a `dlbridge.Tensor`. NULL raises `RuntimeError`."""

    def _check_retval_(self) -> Tensor:
        if not self.value:
            last = last_error()
            hint = f"; dlbridge's last error on this thread: {last}" if last else ""
            raise RuntimeError(f"the function returned NULL instead of a tensor{hint}")
        return _own(self.value)


def take(pointer: OwnedPointer | ctypes.c_void_p) -> Tensor:
    """The tensor that a C function put into `pointer`, as a `dlbridge.Tensor`.

    `pointer` gives its ownership up: it is NULL afterwards, and a second call
    raises `ValueError`.

        pointer = ctypes.POINTER(capi.DLManagedTensorVersioned)()
        capi.check(capi.lib.dlbridge_copy(source, ctypes.byref(pointer)))
        tensor = capi.take(pointer)
    """
    slot = ctypes.c_void_p.from_buffer(pointer)
    address, slot.value = slot.value, None
    if not address:
        raise ValueError("the pointer is NULL: it was never filled, or it was taken before")
    return _own(address)


def managed(value: Any) -> OwnedPointer:
    """A further owner of a tensor or array, for a C function that consumes it.

    Every function of `capi.lib` takes it. Whoever gets it last releases it; if
    that is nobody else, call `capi.lib.dlbridge_release(pointer)`.
    """
    version = (DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION)
    capsule = _tensor(value).__dlpack__(max_version=version)
    address = _capsule_pointer(capsule, b"dltensor_versioned")
    # Else the capsule would release it too.
    _set_capsule_name(capsule, _USED)
    # Not made by libdlbridge.so but by the core inside the extension module:
    # without this, functions that view or share would refuse it as foreign.
    out = POINTER(DLManagedTensorVersioned)()
    pointer = _pointer(address)
    try:
        check(load().dlbridge_import(pointer, byref(out)))
    except Error:
        load().dlbridge_release(pointer)
        raise
    return out


_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_set_capsule_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_SetName", ctypes.pythonapi)
)


# The capsule keeps the address of its name.
_USED = b"used_dltensor_versioned"


def _tensor(value: Any) -> Tensor:
    from dlbridge import asarray

    return asarray(value, copy=False)


def _pointer(address: int) -> OwnedPointer:
    return ctypes.cast(address, POINTER(DLManagedTensorVersioned))


def _own(address: int) -> Tensor:
    from dlbridge import _dlbridge

    try:
        return _dlbridge._from_managed(address)
    except BaseException:
        load().dlbridge_release(_pointer(address))
        raise
