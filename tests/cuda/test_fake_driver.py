"""CUDA without a GPU: programs on a fake driver, and on drivers that do not work."""

import re
import sys
from pathlib import Path

import pytest
import toolchain

FOLDER = Path(__file__).parent
PROGRAMS = ["copies", "memory", "stream"]
FUNCTIONS = re.findall(
    r"^    fn (cu\w+)\(", (toolchain.ROOT / "src/cuda/driver.rs").read_text(), re.M
)
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
SHARED = ["-fPIC", "-shared", "-Wl,-soname,libcuda.so.1", "-Wno-unknown-pragmas"]


def build_driver(folder, *flags):
    """The fake driver, as the library that dlbridge looks for."""
    library = folder / "libcuda.so.1"
    flags = ["-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Werror", *SHARED, *flags]
    toolchain.run(*toolchain.cpp_compiler(), *flags, FOLDER / "fake.cpp", "-o", library)
    return library


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return build_driver(tmp_path_factory.mktemp("driver"))


@pytest.fixture(params=[*PROGRAMS, "cuda"])
def source(request):
    return next(FOLDER.glob(f"{request.param}.c*"))


def build(source, driver, output, flags=(), **options):
    sources = (
        [source, toolchain.ROOT / "tests/cpp/main.cpp"] if source.suffix == ".cpp" else [source]
    )
    folders = [f"-I{FOLDER}", f"-I{FOLDER.parent / 'c'}", f"-I{FOLDER.parent / 'cpp'}"]
    rpath = f"-Wl,-rpath,{driver.parent}"
    return toolchain.compile(
        *sources, driver, output=output, flags=[*folders, rpath, *flags], **options
    )


def test_shared(source, driver, tmp_path):
    toolchain.run(build(source, driver, tmp_path / "program"))


def test_static(source, driver, tmp_path):
    toolchain.run(build(source, driver, tmp_path / "program", link="static"))


def test_sanitized(source, tmp_path):
    if reason := toolchain.why_no_sanitizers():
        pytest.skip(reason)
    driver = build_driver(tmp_path, *toolchain.SANITIZERS)
    toolchain.run(build(source, driver, tmp_path / "program", toolchain.SANITIZERS))


def test_valgrind(source, driver, tmp_path):
    if reason := toolchain.why_no_valgrind():
        pytest.skip(reason)
    toolchain.run_under_valgrind(build(source, driver, tmp_path / "program"))


@pytest.fixture(scope="module")
def missing(tmp_path_factory):
    """Checks that every function fails with a reason, and the rest works."""
    output = tmp_path_factory.mktemp("missing") / "program"
    flags = [f"-I{FOLDER.parent / 'c'}"]
    return toolchain.compile(FOLDER / "missing.c", output=output, flags=flags)


def check_missing(program, folder, reason, **environment):
    toolchain.run(program, reason, environment={"LD_LIBRARY_PATH": str(folder), **environment})


def test_library_that_is_none(missing, tmp_path):
    (tmp_path / "libcuda.so.1").write_text("")
    check_missing(missing, tmp_path, "libcuda.so.1: file too short")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("cuInit=100", "cuInit: CUDA_ERROR_NO_DEVICE (100)"),
        ("cuInit=34", "cuInit: an error that it cannot name (34)"),
        ("cuDeviceGetCount=999", "cuDeviceGetCount: CUDA_ERROR_UNKNOWN (999)"),
    ],
)
def test_driver_that_does_not_start(missing, driver, failure, reason):
    check_missing(missing, driver.parent, reason, FAKE_FAIL=failure)


def test_driver_without_a_gpu(missing, driver):
    check_missing(missing, driver.parent, "it shows no GPU", FAKE_DEVICES="0")


@pytest.mark.parametrize("function", ["cuMemAllocAsync", "cuGetErrorName", "cuLaunchKernel"])
def test_driver_that_is_too_old(missing, tmp_path, function):
    build_driver(tmp_path, f"-D{function}=missing")
    check_missing(
        missing, tmp_path, f"libcuda.so.1 has no {function}; it must be a driver of CUDA 11.4"
    )


def test_capi(driver):
    """Every function through ctypes, too, in a process of its own."""
    tests = toolchain.ROOT / "tests/python/capi/test_functions.py"
    environment = {"LD_LIBRARY_PATH": str(driver.parent), "FAKE_DEVICES": "2"}
    toolchain.run(*PYTEST, tests, environment=environment)


def test_python(driver):
    environment = {"LD_LIBRARY_PATH": str(driver.parent), "FAKE_DEVICES": "2"}
    for name in ("python.py", "order.py"):
        toolchain.run(*PYTEST, FOLDER / name, environment=environment)


def test_python_without_a_gpu(driver):
    code = """
import dlbridge
for call in (
    lambda: dlbridge.empty(3, device="cuda"),
    lambda: dlbridge.empty(3, device="cpu_pinned"),
    lambda: dlbridge.empty(3).to_device("cuda:0"),
    lambda: dlbridge.from_dlpack(dlbridge.empty(3), device="cuda"),
):
    try:
        call()
    except BufferError as error:
        print(error)
"""
    environment = {"LD_LIBRARY_PATH": str(driver.parent), "FAKE_DEVICES": "0"}
    lines = toolchain.run(sys.executable, "-c", code, environment=environment).stdout.splitlines()
    reason = "no CUDA driver: it shows no GPU"
    assert (
        lines
        == [f"device is {it}:0: {reason}" for it in ("cuda", "cuda_pinned")]
        + [f"the tensor is on cpu and cuda:0 is wanted: {reason}"] * 2
    )


EXAMPLE = toolchain.ROOT / "examples/cuda.c"


def test_example(driver, tmp_path):
    program = toolchain.compile(EXAMPLE, output=tmp_path / "program")
    environment = {"LD_LIBRARY_PATH": str(driver.parent)}
    result = toolchain.run(program, environment=environment)
    assert result.stdout == "pixels[1][0], transposed on a GPU, is 4\n"


def test_example_without_a_gpu(driver, tmp_path):
    program = toolchain.compile(EXAMPLE, output=tmp_path / "program")
    environment = {"LD_LIBRARY_PATH": str(driver.parent), "FAKE_DEVICES": "0"}
    result = toolchain.run(program, environment=environment, check=False)
    assert (result.returncode, result.stderr) == (1, "no CUDA driver: it shows no GPU\n")


def doctor(folder, **environment):
    code = "from dlbridge.cli import cuda; print(cuda.driver())"
    environment = {"LD_LIBRARY_PATH": str(folder), **environment}
    return toolchain.run(sys.executable, "-c", code, environment=environment).stdout.strip()


def test_doctor(driver):
    assert doctor(driver.parent) == "12.4: Fake 0, Fake 1"
    none = doctor(driver.parent, FAKE_DEVICES="0")
    assert none == "no CUDA driver: it shows no GPU; host memory works"


def test_the_fake_driver_has_all_functions(driver):
    exported = toolchain.run("nm", "-D", "--defined-only", "--format=just-symbols", driver).stdout
    assert FUNCTIONS
    assert set(FUNCTIONS) <= set(exported.split())
