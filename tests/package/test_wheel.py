"""`pip install dlbridge` is enough to build against the C library."""

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import dlbridge
import pytest
import toolchain
from dlbridge import capi

HERE = Path(__file__).parent


def ask(*options):
    return toolchain.run(sys.executable, "-m", "dlbridge", *options).stdout.strip()


def build(source, output, *flags, options=("--cflags", "--libs")):
    compiler = toolchain.c_compiler() if source.suffix == ".c" else toolchain.cpp_compiler()
    command = [*compiler, *flags, source, "-o", output]
    toolchain.run("sh", "-c", f'"$@" {ask(*options)}', "sh", *command)
    return output


def check_consumer(program, version):
    # From another folder, since the flags must hold everywhere.
    said = subprocess.check_output([program], text=True, cwd="/")
    assert said == f"{version} float32 [2, 3] with strides [3, 1] on cpu\n"


@pytest.mark.parametrize(("source", "standard"), [("main.c", "c99"), ("main.cpp", "c++17")])
def test_consumer(source, standard, tmp_path, version):
    program = build(HERE / "consumer" / source, tmp_path / "program", f"-std={standard}")
    check_consumer(program, version)


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_every_linker_follows_the_name_for_linkers(linker, tmp_path, version):
    flag = f"-fuse-ld={linker}"
    if not toolchain.can_link(flag):
        pytest.skip(f"the linker {linker} is not on this machine")
    check_consumer(build(HERE / "consumer/main.c", tmp_path / "program", flag), version)


def test_answers(version):
    assert ask("--version") == version == dlbridge.__version__
    assert ask("--includes") == ask("--cflags") == f"-I{dlbridge.get_include()}"
    assert Path(dlbridge.get_include(), "dlbridge/dlbridge.h").is_file()
    assert Path(dlbridge.get_include()) == capi.INCLUDE
    assert Path(ask("--cmakedir"), "dlbridge-config.cmake").is_file()
    assert Path(ask("--pkgconfigdir"), "dlbridge.pc").is_file()
    assert ask("--cflags", "--libs") == f"{ask('--cflags')} {ask('--libs')}"
    assert f"-L{capi.LIBRARY.parent}" in ask("--libs").split()


def test_no_question():
    result = subprocess.run([sys.executable, "-m", "dlbridge"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "say what to print" in result.stderr


# Which copy of the library, of all that the process could load, is loaded first.
FROM_WHEEL = "lib = capi.lib; user = ctypes.CDLL(sys.argv[1])"
FROM_USER = "user = ctypes.CDLL(sys.argv[1]); lib = capi.lib"


@pytest.mark.parametrize("order", [FROM_WHEEL, FROM_USER])
@pytest.mark.parametrize("place", ["wheel", "installed"])
def test_one_process_has_one_copy(place, order, installed, tmp_path):
    output, flags = tmp_path / "libuser.so", ["-shared", "-fPIC"]
    if place == "wheel":
        build(HERE / "user.c", output, *flags)
    else:
        folder = installed / "lib"
        flags += [f"-I{installed / 'include'}", f"-L{folder}", f"-Wl,-rpath,{folder}"]
        toolchain.run(*toolchain.c_compiler(), *flags, HERE / "user.c", "-o", output, "-ldlbridge")
    script = f"""
        import ctypes, re, sys
        from dlbridge import capi
        {order}
        user.user_last_error.restype = ctypes.c_char_p
        assert user.user_fails() != 0
        assert capi.last_error() == user.user_last_error().decode() != ""
        with open("/proc/self/maps") as maps:
            [copy] = set(re.findall(r"/\\S*libdlbridge\\.so\\S*", maps.read()))
    """
    toolchain.run(sys.executable, "-c", textwrap.dedent(script), output)


def test_a_library_with_the_static_one_has_its_own_sentences(installed, tmp_path):
    """In the process of the wheel, which has another copy; bind asks the right one."""
    output = tmp_path / "libuser.so"
    flags = ["-shared", "-fPIC", f"-I{installed / 'include'}", HERE / "user.c", "-o", output]
    toolchain.run(*toolchain.c_compiler(), *flags, installed / "lib/libdlbridge.a", "-lm")
    script = """
        import ctypes, sys
        import dlbridge, pytest
        from dlbridge import capi
        user = ctypes.CDLL(sys.argv[1])
        user.user_last_error.restype = ctypes.c_char_p
        capi.lib.dlbridge_fail(1000, b"another failure")
        with pytest.raises(RuntimeError) as raised:
            dlbridge.bind(user.user_fails, "-> dlbridge_status")()
        assert capi.last_error() == "another failure"
        assert user.user_last_error().decode() in str(raised.value), raised.value
    """
    toolchain.run(sys.executable, "-c", textwrap.dedent(script), output)


def test_extension_has_no_name_of_its_own(soname):
    # With that of libdlbridge, programs would load the extension instead: see build.rs.
    section = toolchain.run("readelf", "--dynamic", dlbridge._dlbridge.__file__).stdout
    assert "NEEDED" in section
    assert "SONAME" not in section


def test_nothing_of_the_machine_is_packed():
    [path] = (toolchain.ROOT / "target/wheels").glob("dlbridge-*.whl")
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            assert os.fsencode(toolchain.ROOT) not in wheel.read(name), name
