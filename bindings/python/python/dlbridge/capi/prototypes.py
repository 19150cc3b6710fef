# Generated from include/dlbridge/ by generate_capi.py (`make header`); do not edit.
"""The prototypes of the functions of dlbridge.h."""

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
from typing import Any

from .structs import (
    DLDataType,
    DLDevice,
    DLManagedTensor,
    DLManagedTensorVersioned,
    DLTensor,
    ReleaseCallback,
    dlbridge_array_interface,
    dlbridge_array_struct,
    dlbridge_range,
)

FUNCTIONS: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    # name: (result, arguments)
    "dlbridge_version": (c_char_p, ()),
    "dlbridge_abi_version": (c_uint32, ()),
    "dlbridge_last_error": (c_char_p, ()),
    "dlbridge_status_name": (c_char_p, (c_int32,)),
    "dlbridge_fail": (c_int32, (c_int32, c_char_p)),
    "dlbridge_empty": (
        c_int32,
        (DLDataType, c_int32, POINTER(c_int64), POINTER(POINTER(DLManagedTensorVersioned))),
    ),
    "dlbridge_wrap": (
        c_int32,
        (
            POINTER(DLTensor),
            c_uint64,
            c_void_p,
            ReleaseCallback,
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_share": (
        c_int32,
        (POINTER(DLManagedTensorVersioned), c_uint64, POINTER(POINTER(DLManagedTensorVersioned))),
    ),
    "dlbridge_import": (
        c_int32,
        (POINTER(DLManagedTensorVersioned), POINTER(POINTER(DLManagedTensorVersioned))),
    ),
    "dlbridge_import_legacy": (
        c_int32,
        (POINTER(DLManagedTensor), c_uint64, POINTER(POINTER(DLManagedTensorVersioned))),
    ),
    "dlbridge_export_legacy": (
        c_int32,
        (POINTER(DLManagedTensorVersioned), POINTER(POINTER(DLManagedTensor))),
    ),
    "dlbridge_release": (None, (POINTER(DLManagedTensorVersioned),)),
    "dlbridge_release_legacy": (None, (POINTER(DLManagedTensor),)),
    "dlbridge_validate": (c_int32, (POINTER(DLTensor),)),
    "dlbridge_validate_managed": (c_int32, (POINTER(DLManagedTensorVersioned),)),
    "dlbridge_check": (c_int32, (POINTER(DLTensor), c_char_p)),
    "dlbridge_check_managed": (c_int32, (POINTER(DLManagedTensorVersioned), c_char_p)),
    "dlbridge_check_all": (c_int32, (c_int32, POINTER(POINTER(DLTensor)), c_char_p)),
    "dlbridge_element_count": (c_int32, (POINTER(DLTensor), POINTER(c_int64))),
    "dlbridge_byte_count": (c_int32, (POINTER(DLTensor), POINTER(c_int64))),
    "dlbridge_is_c_contiguous": (c_int32, (POINTER(DLTensor), POINTER(c_bool))),
    "dlbridge_is_f_contiguous": (c_int32, (POINTER(DLTensor), POINTER(c_bool))),
    "dlbridge_byte_range": (c_int32, (POINTER(DLTensor), POINTER(c_void_p), POINTER(c_void_p))),
    "dlbridge_describe": (c_int32, (POINTER(DLTensor), POINTER(c_char), c_size_t)),
    "dlbridge_slice": (
        c_int32,
        (
            POINTER(DLManagedTensorVersioned),
            c_int32,
            POINTER(dlbridge_range),
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_select": (
        c_int32,
        (
            POINTER(DLManagedTensorVersioned),
            c_int32,
            c_int64,
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_permute": (
        c_int32,
        (
            POINTER(DLManagedTensorVersioned),
            c_int32,
            POINTER(c_int32),
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_reshape": (
        c_int32,
        (
            POINTER(DLManagedTensorVersioned),
            c_int32,
            POINTER(c_int64),
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_expand": (
        c_int32,
        (
            POINTER(DLManagedTensorVersioned),
            c_int32,
            POINTER(c_int64),
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_copy": (c_int32, (POINTER(DLTensor), POINTER(POINTER(DLManagedTensorVersioned)))),
    "dlbridge_copy_into": (c_int32, (POINTER(DLTensor), POINTER(DLTensor))),
    "dlbridge_dtype_name": (c_int32, (DLDataType, POINTER(c_char), c_size_t)),
    "dlbridge_dtype_from_name": (c_int32, (c_char_p, POINTER(DLDataType))),
    "dlbridge_dtype_typestr": (c_int32, (DLDataType, POINTER(c_char), c_size_t)),
    "dlbridge_dtype_from_typestr": (c_int32, (c_char_p, POINTER(DLDataType))),
    "dlbridge_device_name": (c_int32, (DLDevice, POINTER(c_char), c_size_t)),
    "dlbridge_device_from_name": (c_int32, (c_char_p, POINTER(DLDevice))),
    "dlbridge_to_array_interface": (
        c_int32,
        (POINTER(DLManagedTensorVersioned), POINTER(dlbridge_array_interface)),
    ),
    "dlbridge_from_array_interface": (
        c_int32,
        (
            POINTER(dlbridge_array_interface),
            c_void_p,
            ReleaseCallback,
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_to_array_struct": (
        c_int32,
        (POINTER(DLManagedTensorVersioned), POINTER(POINTER(dlbridge_array_struct))),
    ),
    "dlbridge_release_array_struct": (None, (POINTER(dlbridge_array_struct),)),
    "dlbridge_from_array_struct": (
        c_int32,
        (
            POINTER(dlbridge_array_struct),
            c_void_p,
            ReleaseCallback,
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_cuda_device_count": (c_int32, (POINTER(c_int32),)),
    "dlbridge_cuda_empty": (
        c_int32,
        (
            DLDataType,
            c_int32,
            POINTER(c_int64),
            DLDevice,
            c_void_p,
            POINTER(POINTER(DLManagedTensorVersioned)),
        ),
    ),
    "dlbridge_cuda_pointer_device": (c_int32, (c_void_p, POINTER(DLDevice))),
    "dlbridge_cuda_check": (c_int32, (POINTER(DLTensor),)),
    "dlbridge_cuda_copy": (
        c_int32,
        (POINTER(DLTensor), DLDevice, c_void_p, POINTER(POINTER(DLManagedTensorVersioned))),
    ),
    "dlbridge_cuda_copy_into": (c_int32, (POINTER(DLTensor), POINTER(DLTensor), c_void_p)),
    "dlbridge_stream_wait": (c_int32, (c_void_p, c_void_p, DLDevice)),
    "dlbridge_cuda_synchronize": (c_int32, (c_void_p, DLDevice)),
}
