"""Where the C half of this package lies."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = os.path.join(_PACKAGE, "lib")
CMAKE = os.path.join(LIBRARIES, "cmake", "dlbridge")
PKGCONFIG = os.path.join(LIBRARIES, "pkgconfig")


def get_include() -> str:
    """The folder that C and C++ compilers need after -I, for `#include <dlbridge/dlbridge.h>`."""
    return os.path.join(_PACKAGE, "include")
