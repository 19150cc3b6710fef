"""dlbridge as CMake installs it, and the tools of those who build against it."""

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import toolchain

TOOLS = Path(sys.executable).parent
CONSUMER = Path(__file__).with_name("consumer")


@pytest.fixture(scope="session")
def version():
    cargo = tomllib.loads((toolchain.ROOT / "Cargo.toml").read_text())
    return cargo["workspace"]["package"]["version"]


@pytest.fixture(scope="session")
def cmake():
    """Run CMake with its Ninja; `environment` holds further variables."""

    def cmake(*arguments, environment=None, **options):
        path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "CMAKE_GENERATOR": "Ninja"} | (environment or {})
        return toolchain.run(TOOLS / "cmake", *arguments, environment=environment, **options)

    return cmake


@pytest.fixture(scope="session")
def cargo_folder():
    """Spares each build of dlbridge here a cargo build of its own."""
    return f"-DDLBRIDGE_CARGO_TARGET_DIR={toolchain.ROOT / 'target'}"


@pytest.fixture(scope="session")
def build_tree(cmake, cargo_folder, tmp_path_factory):
    build = tmp_path_factory.mktemp("build")
    cmake("-S", toolchain.ROOT, "-B", build, cargo_folder)
    cmake("--build", build)
    return build


@pytest.fixture(scope="session")
def installed(cmake, build_tree, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    cmake("--install", build_tree, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="session")
def moved(cmake, build_tree, tmp_path_factory):
    """An installed tree at a place of which it was never told."""
    folder = tmp_path_factory.mktemp("moved")
    cmake("--install", build_tree, "--prefix", folder / "before")
    return (folder / "before").rename(folder / "with a space")


@pytest.fixture
def configure_consumer(cmake, tmp_path):
    def configure_consumer(*flags, **options):
        return cmake("-S", CONSUMER, "-B", tmp_path, *flags, **options)

    return configure_consumer


@pytest.fixture(scope="session")
def soname():
    """The library's name for programs: it ends in the version of the C ABI."""
    source = (toolchain.ROOT / "src/capi/version.rs").read_text()
    return "libdlbridge.so." + re.search(r"DLBRIDGE_ABI_VERSION: u32 = (\d+);", source)[1]
