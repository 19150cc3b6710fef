"""The structs, constants and codes of dlbridge.h. A prefix DLBRIDGE_ is left out.

Strides of a `DLTensor` are in elements; those of the array interface in bytes.
"""

import ctypes
from ctypes import POINTER
from enum import IntEnum

__all__ = [
    "ABI_VERSION",
    "ALIGNMENT",
    "ARRAY_ALIGNED",
    "ARRAY_C_CONTIGUOUS",
    "ARRAY_F_CONTIGUOUS",
    "ARRAY_HAS_DESCR",
    "ARRAY_NOTSWAPPED",
    "ARRAY_WRITEABLE",
    "DLPACK_FLAG_BITMASK_IS_COPIED",
    "DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED",
    "DLPACK_FLAG_BITMASK_READ_ONLY",
    "DLPACK_MAJOR_VERSION",
    "DLPACK_MINOR_VERSION",
    "ERROR_USER",
    "MAX_NDIM",
    "NAME_SIZE",
    "OPEN",
    "TEXT_SIZE",
    "DLDataType",
    "DLDataTypeCode",
    "DLDevice",
    "DLDeviceType",
    "DLManagedTensor",
    "DLManagedTensorVersioned",
    "DLPackVersion",
    "DLTensor",
    "ReleaseCallback",
    "StatusCode",
    "dlbridge_array_interface",
    "dlbridge_array_struct",
    "dlbridge_range",
]

MAX_NDIM = 64
ALIGNMENT = 64
ABI_VERSION = 1
NAME_SIZE = 32
TEXT_SIZE = 512
OPEN = -(2**63)
ERROR_USER = 1000

ARRAY_C_CONTIGUOUS = 0x1
ARRAY_F_CONTIGUOUS = 0x2
ARRAY_ALIGNED = 0x100
ARRAY_NOTSWAPPED = 0x200
ARRAY_WRITEABLE = 0x400
ARRAY_HAS_DESCR = 0x800

DLPACK_MAJOR_VERSION = 1
DLPACK_MINOR_VERSION = 3
DLPACK_FLAG_BITMASK_READ_ONLY = 1
DLPACK_FLAG_BITMASK_IS_COPIED = 2
DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED = 4


class StatusCode(IntEnum):
    """What a C function answers: DLBRIDGE_OK or one of DLBRIDGE_ERROR_..."""

    OK = 0
    NULL = 1
    ARGUMENT = 2
    MEMORY = 3
    VERSION = 4
    FLAGS = 5
    NDIM = 6
    SHAPE = 7
    STRIDES = 8
    SIZE = 9
    DATA = 10
    BYTE_OFFSET = 11
    DTYPE = 12
    DEVICE = 13
    READ_ONLY = 14
    LAYOUT = 15
    OVERLAP = 16
    INDEX = 17
    BYTE_ORDER = 18
    FOREIGN = 19
    SHARED = 20
    INTERFACE = 21
    INTERNAL = 22
    ALIGNMENT = 23
    SPEC = 24
    NO_CUDA = 25
    CUDA = 26


DLDeviceType = IntEnum(
    "DLDeviceType",
    {
        "kDLCPU": 1,
        "kDLCUDA": 2,
        "kDLCUDAHost": 3,
        "kDLOpenCL": 4,
        "kDLVulkan": 7,
        "kDLMetal": 8,
        "kDLVPI": 9,
        "kDLROCM": 10,
        "kDLROCMHost": 11,
        "kDLExtDev": 12,
        "kDLCUDAManaged": 13,
        "kDLOneAPI": 14,
        "kDLWebGPU": 15,
        "kDLHexagon": 16,
        "kDLMAIA": 17,
        "kDLTrn": 18,
    },
)

DLDataTypeCode = IntEnum(
    "DLDataTypeCode",
    {
        "kDLInt": 0,
        "kDLUInt": 1,
        "kDLFloat": 2,
        "kDLOpaqueHandle": 3,
        "kDLBfloat": 4,
        "kDLComplex": 5,
        "kDLBool": 6,
        "kDLFloat8_e3m4": 7,
        "kDLFloat8_e4m3": 8,
        "kDLFloat8_e4m3b11fnuz": 9,
        "kDLFloat8_e4m3fn": 10,
        "kDLFloat8_e4m3fnuz": 11,
        "kDLFloat8_e5m2": 12,
        "kDLFloat8_e5m2fnuz": 13,
        "kDLFloat8_e8m0fnu": 14,
        "kDLFloat6_e2m3fn": 15,
        "kDLFloat6_e3m2fn": 16,
        "kDLFloat4_e2m1fn": 17,
    },
)


class DLPackVersion(ctypes.Structure):
    """The version of the struct layout (major) and of the sets of codes (minor)."""

    _fields_ = (("major", ctypes.c_uint32), ("minor", ctypes.c_uint32))


class DLDevice(ctypes.Structure):
    """A device; `device_type` is a `DLDeviceType`."""

    _fields_ = (("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32))


class DLDataType(ctypes.Structure):
    """An element type; `code` is a `DLDataTypeCode`, `bits` the width of one lane."""

    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class DLTensor(ctypes.Structure):
    """A tensor that somebody else keeps alive."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", DLDevice),
        ("ndim", ctypes.c_int32),
        ("dtype", DLDataType),
        ("shape", POINTER(ctypes.c_int64)),
        ("strides", POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class DLManagedTensor(ctypes.Structure):
    """An owned tensor in the legacy form, without version and flags."""


DLManagedTensor._fields_ = (
    ("dl_tensor", DLTensor),
    ("manager_ctx", ctypes.c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, POINTER(DLManagedTensor))),
)


class DLManagedTensorVersioned(ctypes.Structure):
    """An owned tensor: its owner releases it once, on any thread."""


DLManagedTensorVersioned._fields_ = (
    ("version", DLPackVersion),
    ("manager_ctx", ctypes.c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, POINTER(DLManagedTensorVersioned))),
    ("flags", ctypes.c_uint64),
    ("dl_tensor", DLTensor),
)


class dlbridge_range(ctypes.Structure):  # noqa: N801
    """Indices of an axis, as start:stop:step; `OPEN` stands for a missing end."""

    _fields_ = (("start", ctypes.c_int64), ("stop", ctypes.c_int64), ("step", ctypes.c_int64))


class dlbridge_array_interface(ctypes.Structure):  # noqa: N801
    """The values of an `__array_interface__` dictionary."""

    _fields_ = (
        ("typestr", ctypes.c_char * 8),
        ("ndim", ctypes.c_int32),
        ("data", ctypes.c_void_p),
        ("read_only", ctypes.c_bool),
        ("has_strides", ctypes.c_bool),
        ("shape", ctypes.c_int64 * MAX_NDIM),
        ("strides", ctypes.c_int64 * MAX_NDIM),
    )


class dlbridge_array_struct(ctypes.Structure):  # noqa: N801
    """NumPy's `PyArrayInterface`: what the capsule of `__array_struct__` points to."""

    _fields_ = (
        ("two", ctypes.c_int),
        ("nd", ctypes.c_int),
        ("typekind", ctypes.c_char),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("shape", POINTER(ctypes.c_ssize_t)),
        ("strides", POINTER(ctypes.c_ssize_t)),
        ("data", ctypes.c_void_p),
        ("descr", ctypes.c_void_p),
    )


ReleaseCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""`void (*release)(void *context)`. `ReleaseCallback()` is NULL; one made of a
Python function must be kept alive until it has been called."""
