"""The documentation in the headers builds without a warning."""

import shutil

import pytest
import toolchain


def test_documentation(tmp_path):
    if not shutil.which("doxygen"):
        pytest.skip("doxygen is not on this machine")
    settings = (toolchain.ROOT / "docs/Doxyfile").read_text()
    settings += f"INPUT = {toolchain.INCLUDE / 'dlbridge'}\nOUTPUT_DIRECTORY = {tmp_path}\n"
    (tmp_path / "Doxyfile").write_text(settings)
    toolchain.run("doxygen", tmp_path / "Doxyfile")
    assert (tmp_path / "html/index.html").exists()
