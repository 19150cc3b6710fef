"""The C library beside this package, and whether it fits."""

import ctypes
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import dlbridge

# Prints where the loader finds the library by its name alone, and its version.
_BY_NAME = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.dlbridge_version.restype = ctypes.c_char_p
print(library.dlbridge_version().decode())
for line in open("/proc/self/maps"):
    if sys.argv[1].split(".so")[0] in line:
        print(line.split(maxsplit=5)[5].strip())
        break
"""


@dataclass
class Library:
    """libdlbridge as it was loaded; `wrong` are sentences about what must be mended."""

    path: str = ""
    version: str = ""
    abi_version: int = 0
    dlpack_version: str = ""
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def examine(cls) -> "Library":
        """Load it and ask."""
        library = cls(dlpack_version=_dlpack_version())
        from .. import _paths, capi

        if reason := _paths.why_incomplete():
            library.wrong.append(reason)
        try:
            lib = capi.lib
            library.version = lib.dlbridge_version().decode()
            library.abi_version = lib.dlbridge_abi_version()
        except (OSError, AttributeError) as error:
            library.wrong.append(
                f"the C library cannot be loaded ({error}): reinstall dlbridge; until then "
                "dlbridge.capi does not work, and the rest does"
            )
            return library
        loaded = loaded_copies()
        library.path = loaded[0] if loaded else str(capi.LIBRARY)
        if library.version != dlbridge.__version__:
            library.wrong.append(
                f"libdlbridge is {library.version} ({library.path}), but the Python module is "
                f"{dlbridge.__version__}: reinstall dlbridge, or remove the other copy from "
                "LD_LIBRARY_PATH or LD_PRELOAD"
            )
        if library.abi_version != capi.ABI_VERSION:
            library.wrong.append(
                f"libdlbridge has ABI version {library.abi_version}, but dlbridge.capi was made "
                f"for {capi.ABI_VERSION}: reinstall dlbridge"
            )
        if len(loaded) > 1:
            library.wrong.append(
                f"{len(loaded)} copies of libdlbridge are loaded ({', '.join(loaded)}), each with "
                "errors of its own: remove all but one"
            )
        library.wrong += _other_copy(capi.LIBRARY.name, library)
        return library


def loaded_copies() -> list[str]:
    """The files of libdlbridge in this process."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return []
    files = (line.split(maxsplit=5)[5:] for line in maps.splitlines())
    paths = (file[0] for file in files if file)
    return sorted({path for path in paths if os.path.basename(path).startswith("libdlbridge.")})


def _other_copy(name: str, library: Library) -> list[str]:
    """A copy that programs get which ask for the library by its name alone."""
    result = subprocess.run([sys.executable, "-c", _BY_NAME, name], capture_output=True, text=True)
    if result.returncode != 0:
        return []  # there is none: good
    version, path, *_ = [*result.stdout.splitlines(), "unknown"]
    if version == library.version:
        return []
    return [
        f"programs that ask the system for {name} get {path}, which is {version}, while this "
        f"package has {library.version}: the one that is loaded first serves both"
    ]


def _dlpack_version() -> str:
    """That of the tensors that are given out."""
    from ..capi import DLManagedTensorVersioned

    capsule = dlbridge.empty(1).__dlpack__(max_version=(1, 0))
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    tensor = DLManagedTensorVersioned.from_address(pointer(capsule, b"dltensor_versioned"))
    return f"{tensor.version.major}.{tensor.version.minor}"
