"""Strangers' programs find dlbridge through pkg-config, shared and static."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import toolchain

CONSUMER = Path(__file__).with_name("consumer")
COMPILE = {
    "main.c": [*toolchain.c_compiler(), "-std=c99"],
    "main.cpp": [*toolchain.cpp_compiler(), "-std=c++17"],
}


def wheel():
    command = [sys.executable, "-m", "dlbridge", "--pkgconfigdir"]
    return Path(toolchain.run(*command).stdout.strip()).parents[1]


@pytest.fixture(params=["installed", "moved", "wheel"])
def prefix(request):
    return wheel() if request.param == "wheel" else request.getfixturevalue(request.param)


def pkg_config(prefix, *arguments, **options):
    path = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    program = Path(sys.executable).with_name("pkg-config")
    return toolchain.run(program, *arguments, environment=path, **options)


def build(prefix, source, output, *flags, compiler_flags=()):
    """Compile as a shell would do it: what pkg-config prints has backslashes."""
    flags = pkg_config(prefix, "--cflags", "--libs", *flags, "dlbridge").stdout.strip()
    words = [*COMPILE[source], *compiler_flags, CONSUMER / source, "-o", output]
    toolchain.run("sh", "-c", f'"$@" {flags}', "sh", *words)
    return output


@pytest.mark.parametrize("source", COMPILE)
def test_shared(prefix, source, tmp_path, version, soname):
    program = build(prefix, source, tmp_path / "program")
    assert f"[{soname}]" in toolchain.run("readelf", "-d", program).stdout
    found = {"LD_LIBRARY_PATH": str(prefix / "lib")}
    said = toolchain.run(program, environment=found).stdout
    assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"


@pytest.mark.parametrize("source", COMPILE)
@pytest.mark.parametrize("place", ["installed", "moved"])
def test_static(place, source, tmp_path, version, request):
    if not toolchain.can_link("-static"):
        pytest.skip("this machine has no static C and C++ libraries")
    prefix = request.getfixturevalue(place)
    program = build(prefix, source, tmp_path / "program", "--static", compiler_flags=["-static"])
    assert "NEEDED" not in toolchain.run("readelf", "-d", program).stdout
    said = toolchain.run(program).stdout
    assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"


def test_static_flags_alone(installed, tmp_path):
    # Without -static the linker takes the shared library; the flags must not hinder.
    toolchain.run(
        build(installed, "main.c", tmp_path / "program", "--static"),
        environment={"LD_LIBRARY_PATH": str(installed / "lib")},
    )


def test_a_prefix_in_the_home_folder(cmake, build_tree, tmp_path, version):
    """As the README says it."""
    readme = (toolchain.ROOT / "README.md").read_text()
    [block] = re.findall(r"```sh\n(export PKG_CONFIG_PATH=.*?)```", readme, re.DOTALL)
    cmake("--install", build_tree, "--prefix", tmp_path / ".local")
    shutil.copy(CONSUMER / "main.c", tmp_path / "filter.c")
    shutil.copy(CONSUMER / "main.cpp", tmp_path)
    shutil.copy(CONSUMER / "main.c", tmp_path)
    shutil.copy(CONSUMER / "CMakeLists.txt", tmp_path)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(tmp_path), "PATH": tools, "CMAKE_GENERATOR": "Ninja"}
    script = f"set -e\ncd\n{block}cmake --build build"
    toolchain.run("sh", "-c", script, environment=home)
    for program in ("a.out", "build/c_shared"):
        said = toolchain.run(tmp_path / program).stdout
        assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"


def test_versions(prefix, version):
    assert pkg_config(prefix, "--modversion", "dlbridge").stdout.strip() == version
    pkg_config(prefix, f"dlbridge = {version}")
    result = pkg_config(prefix, "--print-errors", "dlbridge >= 99", check=False)
    assert result.returncode != 0
    assert version in result.stderr
