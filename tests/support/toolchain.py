"""Compile and run C and C++ programs against the library in target/release."""

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]
INCLUDE = ROOT / "include"
LIBRARY_FOLDER = ROOT / "target/release"
SHARED_LIBRARY = LIBRARY_FOLDER / "libdlbridge.so"
STATIC_LIBRARY = LIBRARY_FOLDER / "libdlbridge.a"

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

LINK_FLAGS = {
    "nothing": [],
    "shared": [f"-L{LIBRARY_FOLDER}", f"-Wl,-rpath,{LIBRARY_FOLDER}", "-ldlbridge"],
    # What `rustc --print native-static-libs` names.
    "static": [str(STATIC_LIBRARY), "-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"],
}


def c_compiler():
    return shlex.split(os.environ.get("CC") or "cc")


def cpp_compiler():
    return shlex.split(os.environ.get("CXX") or "c++")


def compile(*sources, output, link="shared", standard=None, flags=(), libraries=()):
    """Compile and link `sources`, all C or all C++; return `output`.

    `link` says how to link libdlbridge: "shared", "static" or "nothing"; `libraries` are others.
    `standard` is c99 or c++17 unless given. Fails on any warning.
    """
    is_c = Path(sources[0]).suffix == ".c"
    run(
        *(c_compiler() if is_c else cpp_compiler()),
        f"-std={standard or ('c99' if is_c else 'c++17')}",
        *WARNINGS,
        "-g",
        "-pthread",
        f"-I{INCLUDE}",
        *flags,
        *sources,
        "-o",
        output,
        *LINK_FLAGS[link],
        *libraries,
    )
    return output


def run(*command, timeout=1800, check=True, environment=None):
    """Run `command`; when it fails, raise with all that it printed.

    `environment` holds variables to set beside the present ones. `timeout` is there
    for what hangs: on a busy machine all takes many times as long.
    """
    command = [str(part) for part in command]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        env=os.environ | (environment or {}),
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"exit status {result.returncode} from: {shlex.join(command)}\n"
            f"{result.stdout}{result.stderr}"
        )
    return result


@functools.cache
def why_no_sanitizers():
    """None where a sanitized C program can be built and run, else the reason."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("int main(void) { return 0; }\n")
        try:
            run(compile(source, output=Path(folder, "probe"), link="nothing", flags=SANITIZERS))
        except AssertionError as error:
            return f"no address and undefined-behaviour sanitizers: {error}"
    return None


def run_under_valgrind(program, environment=None):
    run(
        "valgrind",
        # An allocator that is preloaded stays in its place.
        "--soname-synonyms=somalloc=nouserintercepts",
        "--quiet",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,possible",
        "--error-exitcode=9",
        program,
        environment=environment,
    )


def why_no_valgrind():
    return None if shutil.which("valgrind") else "valgrind is not on this machine"


@functools.cache
def can_link(flag):
    """Whether the C++ compiler can link a program with `flag`."""
    command = 'echo "int main() { return 0; }" | "$@" -x c++ - -o /dev/null'
    return run("sh", "-c", command, "sh", *cpp_compiler(), flag, check=False).returncode == 0
