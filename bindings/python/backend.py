"""Builds the wheel, and the archive of sources: pip's way into this repository (PEP 517).

The wheel has the C library beside the Python extension: what `cmake --install` installs,
less the large static library. `pip install .`, `pip install bindings/python` and
`make wheel` all come here, from a checkout or from the archive.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import maturin

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
PACKAGE = ROOT / "bindings/python/python/dlbridge"

Settings = Mapping[str, object] | None

# The tools beside the interpreter, whether or not somebody activated its environment.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# maturin reads the pyproject.toml of the folder that it runs in: the one with the project.
os.chdir(ROOT)
# A target directory of its own: the extension needs the core without the C functions,
# and in one directory the two would rebuild each other each time.
os.environ.setdefault("CARGO_TARGET_DIR", str(TARGET / "python"))

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
build_sdist = maturin.build_sdist


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """The wheel; returns its name."""
    add_library()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """A wheel that finds the Python files here; returns its name."""
    add_library()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def add_library() -> None:
    """Builds the C library, and puts it, the headers and the CMake package into the
    Python package."""
    if not shutil.which("cmake"):
        raise SystemExit("dlbridge needs CMake to be built: pip install cmake ninja")
    if shutil.which("ninja"):
        os.environ.setdefault("CMAKE_GENERATOR", "Ninja")
    for folder in ("lib", "include"):
        shutil.rmtree(PACKAGE / folder, ignore_errors=True)
    build = ROOT / "build/wheel"
    settings = [f"-DDLBRIDGE_CARGO_TARGET_DIR={TARGET}", "-DCMAKE_INSTALL_LIBDIR=lib"]
    for arguments in (
        ["--fresh", "-S", ROOT, "-B", build, *settings],
        ["--build", build],
        ["--install", build, "--prefix", PACKAGE],
    ):
        run("cmake", *arguments)
    name_for_wheels(PACKAGE / "lib")


def run(*command: object) -> None:
    """Shows what a command says only where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        raise SystemExit(f"dlbridge cannot be built: {shlex.join(words)} failed")


def name_for_wheels(folder: Path) -> None:
    """Wheels have no symbolic links: the file has the name under which programs load it,
    and the name for -ldlbridge is a text that sends the linker there."""
    link = folder / "libdlbridge.so"
    soname = link.readlink()
    (folder / soname).resolve().replace(folder / soname)
    link.unlink()
    link.write_text(f"INPUT({soname})\n")
    (folder / "libdlbridge.a").unlink()


if __name__ == "__main__":
    # The tags of the package index; pip alone needs none.
    arguments = ["--compatibility", "pypi", *sys.argv[2:]]
    print(build_wheel(os.path.abspath(sys.argv[1]), {"build-args": arguments}))
