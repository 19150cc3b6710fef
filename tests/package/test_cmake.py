"""Strangers' CMake projects get dlbridge in every way there is, and run."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import toolchain

FROM_SOURCE = ["add_subdirectory", "FetchContent"]


@pytest.fixture(params=["installed", "moved", "build_tree", *FROM_SOURCE, "wheel"])
def programs(request, cmake, cargo_folder, configure_consumer, tmp_path):
    """The programs of a consumer that got dlbridge in the way of `request.param`."""
    if request.param in FROM_SOURCE:
        flags = [f"-DHOW={request.param}", f"-DDLBRIDGE_SOURCE={toolchain.ROOT}", cargo_folder]
    elif request.param == "wheel":
        asked = [sys.executable, "-m", "dlbridge", "--cmakedir"]
        flags = [f"-Ddlbridge_DIR={toolchain.run(*asked).stdout.strip()}", "-DNO_STATIC=ON"]
    else:
        flags = [f"-DCMAKE_PREFIX_PATH={request.getfixturevalue(request.param)}"]
    configure_consumer(*flags)
    cmake("--build", tmp_path)
    names = ["c_shared", "cpp_shared"]
    if request.param != "wheel":
        names += ["c_static", "cpp_static"]
    return [tmp_path / name for name in names]


def test_consumer(programs, version, soname):
    for program in programs:
        said = toolchain.run(program).stdout
        assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"
        needed = toolchain.run("readelf", "-d", program).stdout
        assert (f"[{soname}]" in needed) == program.name.endswith("shared")


def neighbours(version):
    major, minor, patch = map(int, version.split("."))
    fitting = [f"{major}.{minor}", version]
    other = [f"{major}.{minor + 1}", f"{major + 1}.0", f"{major}.{minor}.{patch + 1}"]
    return fitting, other


def test_fitting_versions_are_found(configure_consumer, installed, version):
    for wanted in neighbours(version)[0]:
        configure_consumer(f"-DCMAKE_PREFIX_PATH={installed}", f"-DWANTED_VERSION={wanted}")


@pytest.mark.parametrize("place", ["installed", "build_tree"])
def test_other_versions_are_refused(configure_consumer, place, request, version):
    prefix = request.getfixturevalue(place)
    for wanted in neighbours(version)[1]:
        flags = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DWANTED_VERSION={wanted}"]
        result = configure_consumer(*flags, check=False)
        said = " ".join(result.stderr.split())
        assert result.returncode != 0
        assert f'compatible with requested version "{wanted}"' in said
        assert f"dlbridge-config.cmake, version: {version}" in said


def test_nothing_is_built_that_nobody_links(cmake, cargo_folder, tmp_path):
    project = tmp_path / "CMakeLists.txt"
    project.write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(other LANGUAGES C)\n"
        f'add_subdirectory("{toolchain.ROOT}" dlbridge)\n'
    )
    cmake("-S", tmp_path, "-B", tmp_path / "build", cargo_folder)
    assert "cargo" not in cmake("--build", tmp_path / "build").stdout
    cmake("--install", tmp_path / "build", "--prefix", tmp_path / "prefix")
    assert not (tmp_path / "prefix").exists()


@pytest.fixture
def configure_from_source(configure_consumer, cargo_folder):
    sources = f"-DDLBRIDGE_SOURCE={toolchain.ROOT}"
    return lambda how, *flags: configure_consumer(f"-DHOW={how}", sources, cargo_folder, *flags)


@pytest.mark.parametrize("how", FROM_SOURCE)
def test_what_is_linked_is_installed(how, cmake, configure_from_source, tmp_path, soname):
    configure_from_source(how)
    cmake("--build", tmp_path)
    prefix = tmp_path / "prefix"
    cmake("--install", tmp_path, "--prefix", prefix)
    [library] = prefix.rglob(soname)
    assert library.is_symlink()
    assert not (prefix / "include").exists()
    # It finds that copy, and none that was built.
    found = toolchain.run("ldd", prefix / "bin/c_shared").stdout
    assert re.search(rf"{soname} => {prefix}/", found)
    toolchain.run(prefix / "bin/c_shared")


def test_all_is_installed_where_that_is_asked_for(cmake, configure_from_source, tmp_path):
    for value, expected in (("ON", True), ("OFF", False)):
        configure_from_source("add_subdirectory", f"-DDLBRIDGE_INSTALL={value}")
        cmake("--build", tmp_path)
        cmake("--install", tmp_path, "--prefix", tmp_path / value)
        assert (tmp_path / value / "include/dlbridge/dlbridge.h").exists() == expected
        assert bool(list((tmp_path / value).rglob("libdlbridge*"))) == expected


def refusal(cmake, tmp_path, *flags, **options):
    build = tmp_path / "build"
    result = cmake("-S", toolchain.ROOT, "-B", build, *flags, check=False, **options)
    assert result.returncode != 0
    return " ".join(result.stderr.split())


def test_missing_cargo(cmake, tmp_path):
    flags = [
        "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF",
        "-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF",
        f"-DCMAKE_C_COMPILER={shutil.which(toolchain.c_compiler()[0])}",
        f"-DCMAKE_MAKE_PROGRAM={shutil.which('ninja', path=Path(sys.executable).parent)}",
    ]
    home = {"HOME": str(tmp_path), "CARGO_HOME": str(tmp_path)}
    said = refusal(cmake, tmp_path, *flags, environment=home)
    assert "cargo and rustc were not found; dlbridge needs Rust 1." in said
    assert "https://rustup.rs" in said


def test_old_rust(cmake, tmp_path):
    rustc = tmp_path / "rustc"
    rustc.write_text("#!/bin/sh\necho 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'\n")
    rustc.chmod(0o755)
    said = refusal(cmake, tmp_path, f"-DDLBRIDGE_RUSTC={rustc}")
    assert re.search(r"rustc has version 1\.63\.0; dlbridge needs Rust 1\.\d+ or later", said)
