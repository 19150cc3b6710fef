"""The C++ examples compile, and do what they say."""

import importlib.util
import sys

import pytest
import toolchain

EXAMPLES = toolchain.ROOT / "examples/cpp"


def test_vector(tmp_path):
    program = toolchain.compile(EXAMPLES / "vector.cpp", output=tmp_path / "vector")
    assert toolchain.run(program).stdout.splitlines() == [
        "copied: no",
        "30 2 1",
        "6 5 4",
        "the tensor is float32 [2, 3] with strides [3, -1] on cpu; its dtype must be float64",
    ]


def has_multidimensional_subscript(folder):
    source = folder / "probe.cpp"
    source.write_text("#ifndef __cpp_multidimensional_subscript\n#error\n#endif\n")
    command = [*toolchain.cpp_compiler(), "-std=c++23", "-fsyntax-only", source]
    return toolchain.run(*command, check=False).returncode == 0


def test_from_python(tmp_path):
    if importlib.util.find_spec("dlbridge") is None:
        pytest.skip("the wheel is not installed")
    if not has_multidimensional_subscript(tmp_path):
        pytest.skip("the C++ compiler has no image[y, x] of C++23")
    for name, standard in {"image": "c++17", "stencil": "c++23"}.items():
        output = tmp_path / f"lib{name}.so"
        flags = ["-O2", "-shared", "-fPIC"]
        source = EXAMPLES / f"{name}.cpp"
        toolchain.compile(source, output=output, standard=standard, flags=flags)
    lines = toolchain.run(sys.executable, EXAMPLES / "from_python.py", tmp_path).stdout.splitlines()
    assert lines[1:24] == lines[23:0:-1]
    assert "@@@@@@@@" in lines[12]
    assert lines[-5:] == [
        "[[0. 0. 0. 0.]",
        " [0. 1. 0. 0.]",
        " [0. 0. 1. 0.]",
        " [0. 1. 0. 0.]",
        " [0. 0. 0. 0.]]",
    ]
