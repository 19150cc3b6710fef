"""The header beside the official dlpack.h, and in every standard of C."""

from pathlib import Path

import official_headers
import pytest
import toolchain

HEADER = Path(__file__).with_name("header.c")


@pytest.fixture(params=[*official_headers.VERSIONS, *official_headers.COPIES])
def official(request, tmp_path):
    """An official header: of this version, or of this package."""
    if request.param in official_headers.VERSIONS:
        return official_headers.standing_in(request.param, tmp_path / "official")
    return official_headers.copy_of(request.param) or pytest.skip(f"{request.param} has none here")


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


@pytest.mark.parametrize("version", official_headers.VERSIONS)
@pytest.mark.parametrize("standard", ["c99", "c2x"])
def test_official_header_is_used_where_it_is_found(version, standard, compile_and_run, tmp_path):
    # Else our definitions and a later official one could differ unnoticed.
    official = official_headers.standing_in(version, tmp_path)
    uses = tmp_path / "uses.d"
    compile_and_run(f"-isystem{tmp_path}", "-MD", "-MF", uses, standard=standard)
    assert str(official) in uses.read_text()


def test_other_major_version_is_refused(tmp_path):
    official = tmp_path / "dlpack/dlpack.h"
    official.parent.mkdir()
    official.write_text("#define DLPACK_DLPACK_H_\n#define DLPACK_MAJOR_VERSION 2\n")
    with pytest.raises(AssertionError, match=r"needs dlpack/dlpack\.h of version 1"):
        toolchain.compile(HEADER, output=tmp_path / "program", flags=[f"-I{tmp_path}"])
