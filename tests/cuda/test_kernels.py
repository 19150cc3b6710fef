"""The PTX that the library carries is that of its source."""

import hashlib
import importlib.metadata
import re
import subprocess
import sys

import pytest
import toolchain

SOURCE = toolchain.ROOT / "src/cuda/strided_copy.cu"
PTX = SOURCE.with_suffix(".ptx")
COMPILE = toolchain.ROOT / ".ci/ptx"
# `make ptx` leaves the compiler there that wrote the PTX.
PINNED = toolchain.ROOT / "build/nvrtc"


def test_checksum():
    checksum = hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert checksum in PTX.read_text().splitlines()[0], "run `make ptx`"


def test_old_drivers_take_it():
    text = PTX.read_text()
    assert re.search(r"^\.version 7\.0$", text, re.M)
    assert re.search(r"^\.target sm_52$", text, re.M)


def compile_with(library, output):
    subprocess.run([sys.executable, COMPILE, library, output], check=True)
    return output.read_text()


def test_compiled_again(tmp_path):
    libraries = sorted(PINNED.rglob("libnvrtc.so*"))
    if not libraries:
        pytest.skip("the NVRTC of `make ptx` is not in build/nvrtc")
    assert compile_with(libraries[0], tmp_path / "ptx") == PTX.read_text()


def find(package, name):
    """A file of an installed package, or skip the test."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if re.fullmatch(name, file.name):
            return file.locate()
    pytest.skip(f"{package} is not installed")


def test_a_later_compiler_takes_the_source(tmp_path):
    library = find("nvidia-cuda-nvrtc", r"libnvrtc\.so\.\d+")
    text = compile_with_architecture(library, tmp_path / "ptx", "compute_90")
    assert text.count(".visible .entry") == 20


def compile_with_architecture(library, output, architecture):
    command = [sys.executable, COMPILE, library, output, architecture]
    subprocess.run(command, check=True)
    return output.read_text()


@pytest.mark.parametrize("architecture", ["sm_52", "sm_80", "sm_90"])
def test_assembled(tmp_path, architecture):
    ptxas = find("triton", "ptxas")
    command = [ptxas, f"-arch={architecture}", "-v", PTX, "-o", tmp_path / "cubin"]
    result = toolchain.run(*command)
    spills = re.findall(r"(\d+) bytes spill", result.stderr)
    assert spills
    assert set(spills) == {"0"}
