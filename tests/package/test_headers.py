"""Every header compiles alone, and before and after the official dlpack/dlpack.h."""

import os
from concurrent.futures import ThreadPoolExecutor

import official_headers
import pytest
import toolchain

HEADERS = sorted(path.name for path in (toolchain.INCLUDE / "dlbridge").glob("*.h*"))


def compile_includes(standard, *headers):
    is_c = standard == "c99"
    compiler = toolchain.c_compiler() if is_c else toolchain.cpp_compiler()
    flags = [f"-std={standard}", *toolchain.WARNINGS, f"-I{toolchain.INCLUDE}", "-fsyntax-only"]
    command = [*compiler, *flags, "-x", "c" if is_c else "c++", "-"]
    source = "".join(f'#include "{header}"\n' for header in headers)
    toolchain.run("sh", "-c", 'printf "%s\n" "$0" | "$@"', source, *command)


def compile_each(standard, *, before=(), after=()):
    """Compile every header that fits the standard, each on its own."""
    names = [name for name in HEADERS if name.endswith(".h") or standard != "c99"]
    assert "dlbridge.h" in names
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = [
            pool.submit(compile_includes, standard, *before, f"dlbridge/{name}", *after)
            for name in names
        ]
    for each in compiled:
        each.result()


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """The official header of a version."""
    return lambda version: official_headers.standing_in(version, tmp_path_factory.mktemp("dlpack"))


@pytest.mark.parametrize("standard", ["c99", "c++17", "c++20", "c++23"])
def test_alone_and_before_the_official_one(standard, official):
    # It is alone until the official header comes, which nothing else can find.
    compile_each(standard, after=[official("1.3")])


@pytest.mark.parametrize("version", official_headers.VERSIONS)
@pytest.mark.parametrize("standard", ["c99", "c++17"])
def test_after_the_official_one(standard, version, official):
    compile_each(standard, before=[official(version)])
