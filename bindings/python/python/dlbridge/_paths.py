"""Where the C half of this package lies."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = os.path.join(_PACKAGE, "lib")
CMAKE = os.path.join(LIBRARIES, "cmake", "dlbridge")
PKGCONFIG = os.path.join(LIBRARIES, "pkgconfig")


def get_include() -> str:
    """The folder that C and C++ compilers need after -I, for `#include <dlbridge/dlbridge.h>`."""
    return os.path.join(_PACKAGE, "include")


def missing() -> list[str]:
    """What of the C half is not there: it was not put in where the package was built."""
    parts = {
        "headers": os.path.join(get_include(), "dlbridge", "dlbridge.h"),
        "library": os.path.join(LIBRARIES, "libdlbridge.so"),
        "CMake package": os.path.join(CMAKE, "dlbridge-config.cmake"),
        "pkg-config file": os.path.join(PKGCONFIG, "dlbridge.pc"),
    }
    return [name for name, path in parts.items() if not os.path.isfile(path)]


def why_incomplete() -> str:
    """A sentence about what is missing; "" where nothing is."""
    lacking = " and ".join(missing())
    return lacking and (
        f"this installation in {_PACKAGE} has no {lacking} of the C library: build it with "
        "pip, from the root of dlbridge's sources, or pip install --force-reinstall dlbridge"
    )
