"""Every C program here must compile without a warning and exit with 0."""

from pathlib import Path

import pytest
import toolchain

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.c") if not path.name.startswith("_"))


@pytest.fixture(params=PROGRAMS)
def source(request):
    return FOLDER / f"{request.param}.c"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "program"


def test_shared(source, output):
    toolchain.run(toolchain.compile(source, output=output))


def test_static(source, output):
    toolchain.run(toolchain.compile(source, output=output, link="static"))


def test_sanitized(source, output):
    if reason := toolchain.why_no_sanitizers():
        pytest.skip(reason)
    toolchain.run(toolchain.compile(source, output=output, flags=toolchain.SANITIZERS))


def test_valgrind(source, output):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(toolchain.compile(source, output=output))
