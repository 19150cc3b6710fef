"""pip builds the whole package, from a checkout and from the archive of sources."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import dlbridge
import pytest
import toolchain

CONSUMER = Path(__file__).with_name("consumer") / "main.c"
# Speed of the result does not matter here, that of the compiler does.
QUICK = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}


def copy_of_the_checkout(folder):
    """The sources, where nothing is built yet."""
    built = {".git", ".venv", "build", "target"}
    package = toolchain.ROOT / "bindings/python/python/dlbridge"

    def ignore(path, names):
        if Path(path) == toolchain.ROOT:
            return built & set(names)
        if Path(path) == package:
            return {"lib", "include"} & set(names)
        return {"__pycache__"} & set(names)

    return Path(shutil.copytree(toolchain.ROOT, folder / "tree", ignore=ignore))


def archive_of_the_checkout(folder):
    """Written by the backend, and unpacked."""
    backend = f"import backend; print(backend.build_sdist({str(folder)!r}))"
    path = {"PYTHONPATH": str(toolchain.ROOT / "bindings/python")}
    toolchain.run(sys.executable, "-c", backend, environment=path)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        assert not [name for name in file.getnames() if "site-packages" in name]
        file.extractall(folder, filter="data")
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """What the crates that others wrote become, compiled once."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="module", params=["checkout", "bindings/python", "archive"])
def python(request, target, tmp_path_factory):
    """An interpreter with nothing but what pip built there."""
    folder = tmp_path_factory.mktemp("sources")
    make = archive_of_the_checkout if request.param == "archive" else copy_of_the_checkout
    sources = make(folder)
    if request.param == "bindings/python":
        sources /= "bindings/python"
    wheels, prefix = folder / "wheels", folder / "venv"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    # The tools are those here, which spares a download.
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", wheels]
    environment = QUICK | {"CARGO_TARGET_DIR": str(target)}
    toolchain.run(*pip, "wheel", *options, sources, environment=environment)
    [wheel] = wheels.glob("*.whl")
    toolchain.run(sys.executable, "-m", "venv", "--without-pip", prefix)
    interpreter = prefix / "bin/python"
    toolchain.run(*pip, "--python", interpreter, "install", "--no-index", wheel)
    return interpreter


def ask(python, *arguments, **options):
    environment = {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}
    return toolchain.run(python, *arguments, environment=environment, **options).stdout.strip()


def test_the_library_is_in_it(python, tmp_path, version):
    flags = ask(python, "-m", "dlbridge", "--cflags", "--libs")
    command = [*toolchain.c_compiler(), CONSUMER, "-o", tmp_path / "program"]
    toolchain.run("sh", "-c", f'"$@" {flags}', "sh", *command)
    said = subprocess.check_output([tmp_path / "program"], text=True, cwd="/")
    assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"


def test_the_doctor_finds_nothing_wrong(python):
    assert ask(python, "-m", "dlbridge", "doctor").endswith("Nothing is wrong.")


def test_the_licences_are_in_it(python):
    script = "import importlib.metadata as m; print(*m.files('dlbridge'), sep='\\n')"
    names = {Path(name).name for name in ask(python, "-c", script).splitlines()}
    assert {"LICENSE-MIT", "LICENSE-APACHE", "dlbridge.pc", "dlbridge.hpp"} <= names


def test_a_package_without_the_library_does_not_pretend(tmp_path):
    """As plain maturin builds it."""
    shutil.copytree(Path(dlbridge.__file__).parent, tmp_path / "dlbridge")
    for folder in ("lib", "include"):
        shutil.rmtree(tmp_path / "dlbridge" / folder)
    for option in ("--cflags", "--libs", "--cmakedir", "--pkgconfigdir"):
        result = toolchain.run(
            sys.executable,
            "-m",
            "dlbridge",
            option,
            check=False,
            environment={"PYTHONPATH": str(tmp_path)},
        )
        assert (result.returncode, result.stdout) == (1, "")
        assert "has no headers and library" in result.stderr
        assert "pip" in result.stderr
    doctor = "from dlbridge.cli.library import Library; print(Library.examine().wrong)"
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    said = toolchain.run(sys.executable, "-c", doctor, environment=environment).stdout
    assert "has no headers and library" in said
