"""What the shared library shows to the dynamic linker."""

import re

import toolchain

from bindings.python.generate_capi import Header


def entries(library, tag):
    """The values of one kind in the dynamic section."""
    section = toolchain.run("readelf", "--dynamic", "--wide", library).stdout
    return re.findall(rf"\({tag}\) .*\[(.*)\]", section)


def symbols(library):
    return toolchain.run("nm", "-D", "--defined-only", "--format=just-symbols", library).stdout


def test_soname(installed, soname):
    assert entries(toolchain.SHARED_LIBRARY, "SONAME") == [soname]
    assert entries(installed / "lib" / soname, "SONAME") == [soname]


def test_soname_has_the_version_of_the_header(soname):
    header = (toolchain.INCLUDE / "dlbridge/dlbridge.h").read_text()
    assert f"#define DLBRIDGE_ABI_VERSION {soname.rsplit('.', 1)[-1]}\n" in header


def test_installed_names(installed, soname, version):
    names = {path.name: path.is_symlink() for path in (installed / "lib").glob("lib*")}
    real = f"libdlbridge.so.{version}"
    assert names == {"libdlbridge.so": True, soname: True, real: False, "libdlbridge.a": False}
    assert (installed / "lib/libdlbridge.so").resolve() == (installed / "lib" / real).resolve()


def test_cargo_target_has_both_names(soname):
    assert (toolchain.LIBRARY_FOLDER / soname).samefile(toolchain.SHARED_LIBRARY)


def test_exported_symbols():
    declared = sorted(Header().functions)
    assert all(name.startswith("dlbridge_") for name in declared)
    assert sorted(symbols(toolchain.SHARED_LIBRARY).split()) == declared


def test_nothing_of_the_machine_is_needed():
    # Neither Python nor CUDA, nor anything else beside the C library.
    needed = entries(toolchain.SHARED_LIBRARY, "NEEDED")
    assert needed
    assert all(re.match(r"(libc|libm|libgcc_s|ld-linux.*)\.so", name) for name in needed)


def test_no_path_of_this_machine_is_installed(installed):
    for folder in ["lib/cmake", "lib/pkgconfig", "include"]:
        files = [path for path in (installed / folder).rglob("*.*") if path.is_file()]
        assert files, folder
        for path in files:
            text = path.read_text()
            assert str(toolchain.ROOT) not in text
            assert str(installed) not in text
