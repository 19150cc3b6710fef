"""Arguments and results of your own C functions.

    lib = ctypes.CDLL("./libfilters.so")
    lib.blur.argtypes = [capi.TensorArg, capi.WritableTensorArg]
    lib.blur(image, numpy.empty_like(image))

    lib.make_image.restype = capi.OwnedTensor
    image = lib.make_image(480, 640).numpy()

Nothing is copied. ctypes reports what an argument type refuses as
`ctypes.ArgumentError`, with the number of the argument and the reason.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref
from typing import TYPE_CHECKING, Any, ClassVar

from .functions import Error, check, last_error, load
from .structs import DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, DLManagedTensorVersioned, DLTensor

if TYPE_CHECKING:
    from dlbridge import Tensor

    OwnedPointer = ctypes._Pointer[DLManagedTensorVersioned]

_POINTER = POINTER(DLTensor)
_BYREF = type(byref(ctypes.c_int()))


class TensorArg(ctypes.c_void_p):
    """The `argtypes` entry for `const DLTensor *` that C only reads.

    It takes a `dlbridge.Tensor`, whatever `dlbridge.asarray` takes without a
    copy, or a `DLTensor` and pointers to one. What it borrows stays alive during
    the call, and no longer. None is refused: see `OptionalTensorArg`.
    """

    _writable: ClassVar[bool] = False
    _optional: ClassVar[bool] = False

    tensor: Tensor
    """Kept alive by the argument, which ctypes keeps during the call."""

    @classmethod
    def from_param(cls, value: Any) -> Any:
        if value is None or (isinstance(value, _POINTER) and not value):
            if cls._optional:
                return cls(None)
            raise TypeError(f"{value!r} was given; it must be an array or a tensor")
        if isinstance(value, (DLTensor, _POINTER, _BYREF)):
            return _POINTER.from_param(value)
        tensor = _tensor(value)
        if cls._writable and tensor.readonly:
            raise BufferError(
                f"a read-only {type(value).__name__} was given; it must be writable, "
                "since the C function writes to it"
            )
        argument = cls(tensor._dltensor)
        argument.tensor = tensor
        return argument


class WritableTensorArg(TensorArg):
    """`TensorArg` for memory that C writes to: read-only arrays are refused."""

    _writable = True


class OptionalTensorArg(TensorArg):
    """`TensorArg` where None is allowed, and is NULL in C."""

    _optional = True


class OptionalWritableTensorArg(WritableTensorArg):
    """`WritableTensorArg` where None is allowed, and is NULL in C."""

    _optional = True


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
