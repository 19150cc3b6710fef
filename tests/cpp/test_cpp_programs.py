"""The C++ wrapper, compiled and run under each standard and compiler that is here."""

import functools
import importlib.metadata
import re
import shutil
from pathlib import Path

import pytest
import toolchain

FOLDER = Path(__file__).parent
SOURCES = sorted(path for path in FOLDER.glob("*.cpp") if '"test.hpp"' in path.read_text())
HEADERS = sorted(path.name for path in (toolchain.INCLUDE / "dlbridge").glob("*.hpp"))
MISTAKES = re.findall(r"#ifdef (\w+) // (.*)", (FOLDER / "refused.cpp").read_text())
FEW_SYMBOLS = "-g1"  # the debug information of templates takes long to write


def build(folder, flags=(), **options):
    """Compile all tests as one translation unit, which takes a third of the time."""
    unit = folder / "unit.cpp"
    unit.write_text("".join(f'#include "{source}"\n' for source in SOURCES))
    return toolchain.compile(
        unit, output=folder / "program", flags=[FEW_SYMBOLS, *flags], **options
    )


@pytest.fixture(scope="module")
def cpp17(tmp_path_factory):
    return build(tmp_path_factory.mktemp("cpp17"))


def test_cpp17(cpp17):
    toolchain.run(cpp17)


@pytest.mark.parametrize("standard", ["c++20", "c++23"])
def test_later(tmp_path, standard):
    toolchain.run(build(tmp_path, standard=standard))


def test_sanitized(tmp_path):
    probe = tmp_path / "probe.cpp"  # toolchain.why_no_sanitizers() asks the C compiler
    probe.write_text("int main() {}\n")
    output, flags = tmp_path / "probe", toolchain.SANITIZERS
    try:
        toolchain.run(toolchain.compile(probe, output=output, link="nothing", flags=flags))
    except AssertionError as error:
        pytest.skip(f"the C++ compiler has no address and undefined-behaviour sanitizers: {error}")
    toolchain.run(build(tmp_path, toolchain.SANITIZERS))


def test_valgrind(cpp17):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(cpp17)


def test_static_without_exceptions(tmp_path):
    toolchain.run(build(tmp_path, ["-fno-exceptions"], link="static"))


@functools.cache
def libcxx_with_mdspan():
    """A command for Clang with a libc++ that has std::mdspan, or None."""
    for version in ["", *(f"-{number}" for number in range(30, 18, -1))]:
        command = f"clang++{version} -stdlib=libc++"
        if shutil.which(command.split()[0]):
            probe = f"echo '#include <mdspan>' | {command} -std=c++23 -x c++ -fsyntax-only -"
            if toolchain.run("sh", "-c", probe, check=False).returncode == 0:
                return command
    return None


def test_std_mdspan(tmp_path, monkeypatch):
    command = libcxx_with_mdspan()
    if command is None:
        pytest.skip("no Clang with a libc++ that has <mdspan> (Debian: clang-19, libc++-19-dev)")
    monkeypatch.setenv("CXX", command)
    checks = "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_DEBUG"
    used = "-DDLBRIDGE_MDSPAN_MUST_BE=std"
    toolchain.run(build(tmp_path, [checks, used], standard="c++23"))


def cccl():
    """The folder of CCCL's headers in the Python package that PyTorch brings along."""
    try:
        files = importlib.metadata.files("nvidia-cuda-cccl") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    marker = "cuda/std/mdspan"
    return next((str(f.locate()).removesuffix(marker) for f in files if f.match(marker)), None)


def test_cccl_mdspan(tmp_path):
    folder = cccl()
    if folder is None:
        pytest.skip("the Python package nvidia-cuda-cccl is not installed")
    used = "-DDLBRIDGE_MDSPAN_MUST_BE=cuda::std"
    toolchain.run(build(tmp_path, ["-isystem", folder, used]))


@pytest.mark.parametrize("header", HEADERS)
def test_header_alone(tmp_path, header):
    source = tmp_path / "header.cpp"
    source.write_text(f"#include <dlbridge/{header}>\n#include <dlbridge/{header}>\n")
    flags = ["-fsyntax-only", "-Wshadow", "-Wsign-conversion", "-Wold-style-cast"]
    toolchain.compile(source, output=tmp_path / "header", link="nothing", flags=flags)


def test_headers_define_no_other_macros(tmp_path):
    source = tmp_path / "header.cpp"
    source.write_text("#include <dlbridge/dlbridge.hpp>\n")
    command = [
        *toolchain.cpp_compiler(),
        "-std=c++17",
        f"-I{toolchain.INCLUDE}",
        "-E",
        "-dD",
        source,
    ]
    ours, names = False, set()
    for line in toolchain.run(*command).stdout.splitlines():
        if line.startswith("# "):
            ours = str(toolchain.INCLUDE) in line
        elif ours and line.startswith("#define "):
            names.add(re.match(r"#define (\w+)", line)[1])
    assert names
    assert not {name for name in names if not name.startswith(("DLBRIDGE_", "DLPACK_"))}


def test_two_translation_units(tmp_path):
    units = sorted((FOLDER / "units").glob("*.cpp"))
    toolchain.run(toolchain.compile(*units, output=tmp_path / "program"))


def compile_mistake(*defined):
    flags = ["-std=c++17", f"-I{toolchain.INCLUDE}", "-Werror", "-fsyntax-only", *defined]
    source = FOLDER / "refused.cpp"
    return toolchain.run(*toolchain.cpp_compiler(), *flags, source, check=False)


def test_no_mistake():
    assert compile_mistake().returncode == 0


@pytest.mark.parametrize(("name", "words"), MISTAKES)
def test_mistake_does_not_compile(name, words):
    result = compile_mistake(f"-D{name}")
    assert result.returncode != 0
    assert re.search(words, result.stderr), result.stderr
