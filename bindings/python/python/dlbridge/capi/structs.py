# Generated from include/dlbridge/ by generate_capi.py (`make header`); do not edit.
# ruff: noqa: N801, N815 - the names are those of C.

"""The structs, constants and codes of dlbridge.h. A prefix DLBRIDGE_ is left out.

Strides of a `DLTensor` are in elements; those of the array interface in bytes.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char,
    c_int,
    c_int32,
    c_int64,
    c_ssize_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
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

DLPACK_MAJOR_VERSION = 1
DLPACK_MINOR_VERSION = 3
DLPACK_FLAG_BITMASK_READ_ONLY = 1
DLPACK_FLAG_BITMASK_IS_COPIED = 2
DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED = 4
MAX_NDIM = 64
ALIGNMENT = 64
ARRAY_C_CONTIGUOUS = 1
ARRAY_F_CONTIGUOUS = 2
ARRAY_ALIGNED = 256
ARRAY_NOTSWAPPED = 512
ARRAY_WRITEABLE = 1024
ARRAY_HAS_DESCR = 2048
ABI_VERSION = 1
TEXT_SIZE = 512
OPEN = -9223372036854775808
NAME_SIZE = 32
ERROR_USER = 1000


class StatusCode(IntEnum):
    """DLBRIDGE_OK or one of the DLBRIDGE_ERROR_ codes."""

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


class DLDeviceType(IntEnum):
    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17
    kDLTrn = 18


class DLDataTypeCode(IntEnum):
    """The kinds of elements."""

    kDLInt = 0
    kDLUInt = 1
    kDLFloat = 2
    kDLOpaqueHandle = 3
    kDLBfloat = 4
    kDLComplex = 5
    kDLBool = 6
    kDLFloat8_e3m4 = 7
    kDLFloat8_e4m3 = 8
    kDLFloat8_e4m3b11fnuz = 9
    kDLFloat8_e4m3fn = 10
    kDLFloat8_e4m3fnuz = 11
    kDLFloat8_e5m2 = 12
    kDLFloat8_e5m2fnuz = 13
    kDLFloat8_e8m0fnu = 14
    kDLFloat6_e2m3fn = 15
    kDLFloat6_e3m2fn = 16
    kDLFloat4_e2m1fn = 17


class DLPackVersion(Structure):
    """The version of a managed tensor.

    major: That of the struct layout: with another one read nothing more.
    minor: That of the sets of codes.
    """

    _fields_ = (("major", c_uint32), ("minor", c_uint32))


class DLDevice(Structure):
    """A device.

    device_type: Its kind. A DLDeviceType.
    device_id: Its index among those of its kind; 0 for the host.
    """

    _fields_ = (("device_type", c_int32), ("device_id", c_int32))


class DLDataType(Structure):
    """An element type, in native byte order.

    code: A DLDataTypeCode.
    bits: The bits of one lane.
    lanes: 1, but for vector types.
    """

    _fields_ = (("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16))


class DLTensor(Structure):
    """A tensor that somebody else keeps alive.

    data: The memory: an address, or a handle on some devices.
    device: Where the memory is.
    ndim: The number of dimensions.
    dtype: The element type.
    shape: ndim extents.
    strides: ndim strides, in elements; before DLPack 1.2 NULL was C order.
    byte_offset: From data to the first element, in bytes.
    """

    _fields_ = (
        ("data", c_void_p),
        ("device", DLDevice),
        ("ndim", c_int32),
        ("dtype", DLDataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


class DLManagedTensor(Structure):
    """An owned tensor in the form before DLPack 1.0, without version and flags.

    dl_tensor: The descriptor.
    manager_ctx: The producer's own.
    deleter: As in DLManagedTensorVersioned.
    """


DLManagedTensor._fields_ = (
    ("dl_tensor", DLTensor),
    ("manager_ctx", c_void_p),
    ("deleter", CFUNCTYPE(None, POINTER(DLManagedTensor))),
)


class DLManagedTensorVersioned(Structure):
    """An owned tensor.

    version: To be read before anything but the next two fields.
    manager_ctx: The producer's own.
    deleter: The owner calls it once, on any thread; it may be NULL.
    flags: DLPACK_FLAG_BITMASK_ values.
    dl_tensor: The descriptor.
    """


DLManagedTensorVersioned._fields_ = (
    ("version", DLPackVersion),
    ("manager_ctx", c_void_p),
    ("deleter", CFUNCTYPE(None, POINTER(DLManagedTensorVersioned))),
    ("flags", c_uint64),
    ("dl_tensor", DLTensor),
)


class dlbridge_range(Structure):
    """Indices of an axis, with the meaning of Python's start:stop:step. Negative positions
    count from the end; positions past an end stop there.

    start: The first index, or DLBRIDGE_OPEN.
    stop: The first index no longer taken, or DLBRIDGE_OPEN.
    step: The distance between indices: any but 0.
    """

    _fields_ = (("start", c_int64), ("stop", c_int64), ("step", c_int64))


class dlbridge_array_interface(Structure):
    """The values of an `__array_interface__` dictionary, version 3.

    typestr: The element type, for example "<f4", with a zero byte.
    ndim: The number of dimensions, up to DLBRIDGE_MAX_NDIM.
    data: The first half of `data`: the address of the first element.
    read_only: The second half of `data`: whether it must not be written to.
    has_strides: Whether `strides` counts. False is Python's None: C order without gaps.
    shape: The extents.
    strides: The strides in bytes.
    """

    _fields_ = (
        ("typestr", c_char * 8),
        ("ndim", c_int32),
        ("data", c_void_p),
        ("read_only", c_bool),
        ("has_strides", c_bool),
        ("shape", c_int64 * 64),
        ("strides", c_int64 * 64),
    )


class dlbridge_array_struct(Structure):
    """The `PyArrayInterface` of NumPy: what the capsule of `__array_struct__` points to.
    `shape` and `strides` have `nd` entries, strides in bytes.

    two: 2, as a check that it is this struct.
    nd: The number of dimensions.
    typekind: The letter of the typestr.
    itemsize: The bytes of one element.
    flags: `DLBRIDGE_ARRAY_...` bits.
    shape: The extents.
    strides: The strides in bytes.
    data: The first element.
    descr: A Python object that describes fields, or NULL: not read here.
    """

    _fields_ = (
        ("two", c_int),
        ("nd", c_int),
        ("typekind", c_char),
        ("itemsize", c_int),
        ("flags", c_int),
        ("shape", POINTER(c_ssize_t)),
        ("strides", POINTER(c_ssize_t)),
        ("data", c_void_p),
        ("descr", c_void_p),
    )


ReleaseCallback = CFUNCTYPE(None, c_void_p)
"""`void (*release)(void *context)`. `ReleaseCallback()` is NULL; one made of a
Python function must be kept alive until it has been called."""
