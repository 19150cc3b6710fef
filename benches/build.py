"""Builds what the benchmarks call, into build/benches."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "benches/native"
BUILD = ROOT / "build/benches"
MODULES = BUILD / "modules"
WITH_TVM_FFI = MODULES / "libwith_tvm_ffi.so"


def library() -> Path:
    """The C functions as a shared library, compiled anew where the source is newer."""
    return _compiled(SOURCES / "functions.c", ROOT / "include")


def _compiled(source: Path, include: Path) -> Path:
    target = BUILD / f"lib{source.stem}.so"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        # Another process may look for it at the same time: it comes into being as a whole.
        unfinished = target.with_suffix(f".{os.getpid()}")
        compiler = os.environ.get("CC", "cc")
        _run(compiler, "-O2", "-shared", "-fPIC", f"-I{include}", source, "-o", unfinished)
        unfinished.rename(target)
    return target


def build() -> None:
    """Configures and compiles the modules of the peers; what is up to date stays."""
    BUILD.mkdir(parents=True, exist_ok=True)
    tools = Path(sys.executable).parent
    cmake, ninja = tools / "cmake", tools / "ninja"
    _run(cmake, "-S", SOURCES, "-B", BUILD, "-GNinja", f"-DCMAKE_MAKE_PROGRAM={ninja}", *_options())
    _run(cmake, "--build", BUILD)


def _options() -> list[str]:
    import nanobind
    import pybind11
    from tvm_ffi import libinfo

    include = ";".join([libinfo.find_include_path(), libinfo.find_dlpack_include_path()])
    return [
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-Dnanobind_DIR={nanobind.cmake_dir()}",
        f"-Dpybind11_DIR={pybind11.get_cmake_dir()}",
        f"-DTVM_FFI_INCLUDE={include}",
        f"-DTVM_FFI_LIBRARY={libinfo.find_libtvm_ffi()}",
    ]


def _run(*command: str | os.PathLike[str]) -> None:
    done = subprocess.run(
        [os.fspath(word) for word in command], text=True, capture_output=True, check=False
    )
    if done.returncode:
        words = " ".join(map(str, command[:4]))
        raise SystemExit(f"{words} ... failed:\n{done.stdout}{done.stderr}")
