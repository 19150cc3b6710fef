"""examples/c and examples/cpp are projects of their own; they build and run."""

import sys

import pytest
import toolchain

EXAMPLES = toolchain.ROOT / "examples"


@pytest.fixture(scope="module")
def built(cmake, installed, tmp_path_factory):
    def build(name):
        folder = tmp_path_factory.mktemp(name)
        cmake("-S", EXAMPLES / name, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed}")
        cmake("--build", folder)
        return folder

    return {name: build(name) for name in ["c", "cpp"]}


def test_c_program_of_one_file(built, version):
    # With an empty environment, and nothing beside the C library to load.
    program = built["c"] / "embed"
    said = toolchain.run("env", "-i", program).stdout
    assert said == (
        f"dlbridge {version} made float32 [3, 8] with strides [8, 1] on cpu; it begins with 17.5\n"
    )
    needed = toolchain.run("readelf", "-d", program).stdout
    assert "dlbridge" not in needed
    assert "python" not in needed


def test_c_program_frees_everything(built):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(built["c"] / "embed")


def test_c_library_from_python(built):
    said = toolchain.run(sys.executable, EXAMPLES / "c/from_python.py", built["c"]).stdout
    assert "expected f32[h, w] c host, got float32 [640, 480] with strides [1, 640]" in said
    assert "(DLBRIDGE_ERROR_LAYOUT)" in said


def test_cpp(built):
    assert "copied: no" in toolchain.run(built["cpp"] / "vector").stdout
    if not (built["cpp"] / "libstencil.so").exists():
        pytest.skip("the C++ compiler has no C++23, which the stencil needs")
    toolchain.run(sys.executable, EXAMPLES / "cpp/from_python.py", built["cpp"])
