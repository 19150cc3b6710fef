"""The header beside the official dlpack.h, and in every standard of C."""

from pathlib import Path

import pytest
import toolchain
import torch
import tvm_ffi

HEADER = Path(__file__).with_name("header.c")
OFFICIAL = {
    "tvm_ffi": Path(tvm_ffi.__file__).with_name("include") / "dlpack/dlpack.h",
    # The same file under another path: only its guard tells.
    "torch": Path(torch.__file__).with_name("include") / "ATen/dlpack.h",
}


@pytest.fixture(params=OFFICIAL)
def official(request):
    return OFFICIAL[request.param]


@pytest.fixture
def compile_and_run(tmp_path):
    def compile_and_run(*flags, **options):
        program = tmp_path / "program"
        toolchain.run(toolchain.compile(HEADER, output=program, flags=flags, **options))

    return compile_and_run


@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c2x"])
def test_standard(standard, compile_and_run):
    compile_and_run(standard=standard)


def test_official_header_before(official, compile_and_run):
    compile_and_run(f'-DOFFICIAL_FIRST="{official}"')


def test_official_header_after(official, compile_and_run):
    compile_and_run(f'-DOFFICIAL_LAST="{official}"')


def test_official_header_is_used_where_it_is_found(compile_and_run, tmp_path):
    # Else our definitions and a later official one could differ unnoticed.
    include = OFFICIAL["tvm_ffi"].parents[1]
    uses = tmp_path / "uses.d"
    compile_and_run(f"-isystem{include}", "-MD", "-MF", uses)
    assert str(OFFICIAL["tvm_ffi"]) in uses.read_text()


def test_other_major_version_is_refused(tmp_path):
    official = tmp_path / "dlpack/dlpack.h"
    official.parent.mkdir()
    official.write_text("#define DLPACK_DLPACK_H_\n#define DLPACK_MAJOR_VERSION 2\n")
    with pytest.raises(AssertionError, match=r"needs dlpack/dlpack\.h of version 1"):
        toolchain.compile(HEADER, output=tmp_path / "program", flags=[f"-I{tmp_path}"])
