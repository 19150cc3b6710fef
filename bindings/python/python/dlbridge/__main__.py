"""Tell build tools where the C half of this package lies, show which frameworks share
with which, and say what is wrong with the set-up.

cc filter.c $(python -m dlbridge --cflags --libs)
cmake -S . -B build -Ddlbridge_DIR=$(python -m dlbridge --cmakedir)
python -m dlbridge matrix --html matrix.html
python -m dlbridge doctor
"""

import argparse
import shlex
import sys

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


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dlbridge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    for option, (text, words) in _OPTIONS.items():
        parser.add_argument(option, help=text, dest="asked", action="append_const", const=words)
    _add_commands(parser)
    arguments = parser.parse_args()
    if arguments.asked and arguments.command:
        parser.error(f"{arguments.command} takes none of the flags before it")
    if arguments.command:
        return int(arguments.run(arguments))
    if not arguments.asked:
        parser.error("say what to print; --help lists what there is")
    if reason := _paths.why_incomplete():
        print(f"dlbridge: {reason}", file=sys.stderr)
        return 1
    print(shlex.join(word for words in arguments.asked for word in words))
    return 0


def _add_commands(parser: argparse.ArgumentParser) -> None:
    from .cli import doctor, matrix

    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module, text in (
        ("matrix", matrix, "which frameworks share with which, tried out"),
        ("doctor", doctor, "versions, what was found, and what is wrong with the set-up"),
    ):
        command = commands.add_parser(name, help=text)
        module.add_to(command)
        command.set_defaults(run=lambda given, module=module, own=command: module.run(own, given))


if __name__ == "__main__":
    sys.exit(main())
