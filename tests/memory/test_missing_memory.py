"""Whichever allocation fails: an error is returned, nothing leaks, outputs stay as they were."""

import re
from pathlib import Path

import pytest
import toolchain

from bindings.python.generate_capi import Header

FOLDER = Path(__file__).parent
LINKS = ["shared", "static"]


def build(source, folder, **options):
    output = folder / Path(source).stem
    return toolchain.compile(FOLDER / source, output=output, libraries=["-ldl"], **options)


@pytest.fixture(scope="module", params=LINKS)
def c_functions(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"c_functions_{request.param}")
    return build("c_functions.c", folder, link=request.param)


def test_every_function_of_the_header(c_functions, preloaded):
    toolchain.run(c_functions, environment=preloaded)


def test_no_function_of_the_header_is_left_out(c_functions):
    names = toolchain.run(c_functions, "list").stdout.split()
    assert set(names) == set(Header().functions)


def test_the_search_for_the_cuda_driver(c_functions, preloaded, tmp_path):
    # The dynamic linker looks here first, and finds nothing.
    environment = preloaded | {"LD_LIBRARY_PATH": str(tmp_path)}
    toolchain.run(c_functions, "cold", environment=environment)


def test_every_function_of_the_header_under_valgrind(c_functions, preloaded):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(c_functions, environment=preloaded)


@pytest.fixture(scope="module", params=[[], ["-fno-exceptions"]], ids=["throws", "never throws"])
def cpp_functions(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cpp_functions")
    return build("cpp_functions.cpp", folder, flags=["-g1", *request.param])


def test_every_function_of_the_cpp_headers(cpp_functions, preloaded):
    toolchain.run(cpp_functions, environment=preloaded)


def test_every_function_of_the_cpp_headers_under_valgrind(cpp_functions, preloaded):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(cpp_functions, environment=preloaded)


def test_no_function_of_the_cpp_headers_is_left_out():
    headers = (toolchain.INCLUDE / "dlbridge").glob("*.hpp")
    declared = {name for path in headers for name in re.findall(r"\btry_\w+", path.read_text())}
    assert len(declared) > 20
    program = (FOLDER / "cpp_functions.cpp").read_text()
    assert not declared - set(re.findall(r"\btry_\w+", program))


def test_a_library_loaded_at_run_time(tmp_path, preloaded):
    program = build("loaded_later.c", tmp_path, link="nothing")
    toolchain.run(program, toolchain.SHARED_LIBRARY, environment=preloaded)
