"""The C header in every standard of C++ from C++17."""

from pathlib import Path

import pytest
import toolchain


@pytest.mark.parametrize("standard", ["c++17", "c++20", "c++23"])
def test_header(standard, tmp_path):
    source = Path(__file__).with_name("header.cpp")
    toolchain.run(toolchain.compile(source, output=tmp_path / "program", standard=standard))
