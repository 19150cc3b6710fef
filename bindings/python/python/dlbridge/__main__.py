"""Tell build tools where the C half of this package lies.

cc filter.c $(python -m dlbridge --cflags --libs)
cmake -S . -B build -Ddlbridge_DIR=$(python -m dlbridge --cmakedir)
"""

import argparse
import shlex

from . import __version__, _paths, get_include

_INCLUDES = [f"-I{get_include()}"]
_LIBS = [f"-L{_paths.LIBRARIES}", f"-Wl,-rpath,{_paths.LIBRARIES}", "-ldlbridge"]

_OPTIONS = {
    "--includes": ("compiler flags that find the headers", _INCLUDES),
    "--cflags": ("all compiler flags", _INCLUDES),
    "--libs": ("linker flags; the program finds the library here when it runs", _LIBS),
    "--cmakedir": ("the folder for CMake's dlbridge_DIR", [_paths.CMAKE]),
    "--pkgconfigdir": ("the folder for PKG_CONFIG_PATH", [_paths.PKGCONFIG]),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m dlbridge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    for option, (text, words) in _OPTIONS.items():
        parser.add_argument(option, help=text, dest="asked", action="append_const", const=words)
    asked = parser.parse_args().asked
    if not asked:
        parser.error("say what to print; --help lists what there is")
    print(shlex.join(word for words in asked for word in words))


if __name__ == "__main__":
    main()
