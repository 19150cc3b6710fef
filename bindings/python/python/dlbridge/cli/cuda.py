"""The CUDA driver, in words."""

import ctypes


def driver() -> str:
    """What the driver says, or that there is none."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no driver on this machine (libcuda.so.1 is not found); host memory works"
    status = library.cuInit(0)
    if status != 0:
        return f"the driver is there, but does not start (cuInit gives {status})"
    version, count = ctypes.c_int(), ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    library.cuDeviceGetCount(ctypes.byref(count))
    names = ", ".join(_name(library, device) for device in range(count.value)) or "no device"
    return f"{version.value // 1000}.{version.value % 1000 // 10}: {names}"


def _name(library: ctypes.CDLL, device: int) -> str:
    name = ctypes.create_string_buffer(100)
    library.cuDeviceGetName(name, len(name), device)
    return name.value.decode()
