"""The wheel in target/wheels is complete, small, and named as it should be."""

import sys
import tomllib
import zipfile

import dlbridge
import pytest
import toolchain
from dlbridge import capi

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheel_path():
    [path] = (toolchain.ROOT / "target/wheels").glob("dlbridge-*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_path):
    with zipfile.ZipFile(wheel_path) as archive:
        yield archive


@pytest.fixture(scope="module")
def version():
    cargo = tomllib.loads((toolchain.ROOT / "Cargo.toml").read_text())
    return cargo["workspace"]["package"]["version"]


def test_version_is_that_of_cargo(wheel_path, version):
    assert wheel_path.name.split("-")[1] == version
    assert dlbridge.__version__ == version


def test_one_wheel_serves_every_python(wheel_path):
    assert wheel_path.stem.split("-")[2:4] == ["cp311", "abi3"]


def test_extension_keeps_to_the_limited_api_of_its_tag(wheel_path, wheel, tmp_path):
    # Strictly the extension alone: `libdlbridge.so` in the wheel is a text for linkers.
    audit = [sys.executable, "-m", "abi3audit", "--verbose"]
    toolchain.run(*audit, wheel_path)
    extension = wheel.extract("dlbridge/_dlbridge.abi3.so", tmp_path)
    toolchain.run(*audit, "--strict", "--assume-minimum-abi3", "3.11", extension)


def test_wheel_is_small(wheel_path, wheel):
    assert wheel_path.stat().st_size < 3 * MEGABYTE
    assert wheel.getinfo(f"dlbridge/lib/{capi.LIBRARY.name}").file_size < MEGABYTE


def test_library_is_the_built_one(wheel):
    packed = wheel.read(f"dlbridge/lib/{capi.LIBRARY.name}")
    assert packed == toolchain.SHARED_LIBRARY.read_bytes()


def test_every_header_is_packed(wheel):
    headers = [path for path in toolchain.INCLUDE.rglob("*.h*") if path.is_file()]
    assert toolchain.INCLUDE / "dlbridge/dlbridge.h" in headers
    for header in headers:
        name = f"dlbridge/include/{header.relative_to(toolchain.INCLUDE)}"
        assert wheel.read(name) == header.read_bytes()


def test_wheel_is_typed(wheel):
    assert "dlbridge/py.typed" in wheel.namelist()


def test_licences_are_packed(wheel):
    names = {name.rsplit("/", 1)[-1] for name in wheel.namelist() if "/licenses/" in name}
    assert names >= {"LICENSE-APACHE", "LICENSE-MIT"}


def test_nothing_else_is_required(wheel, version):
    metadata = wheel.read(f"dlbridge-{version}.dist-info/METADATA").decode()
    assert "Requires-Dist" not in metadata
