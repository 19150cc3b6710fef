"""The CUDA driver, in words."""

import ctypes


def driver() -> str:
    """What the driver says, or why there is none."""
    from .. import capi

    count = ctypes.c_int32()
    try:
        capi.check(capi.lib.dlbridge_cuda_device_count(ctypes.byref(count)))
        library = ctypes.CDLL("libcuda.so.1")
    except capi.Error as error:
        return f"{error.sentence}; host memory works"
    except (OSError, AttributeError) as error:
        return f"unknown ({error})"
    version = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    names = ", ".join(_name(library, device) for device in range(count.value))
    return f"{version.value // 1000}.{version.value % 1000 // 10}: {names}"


def _name(library: ctypes.CDLL, device: int) -> str:
    name = ctypes.create_string_buffer(100)
    library.cuDeviceGetName(name, len(name), device)
    return name.value.decode()
