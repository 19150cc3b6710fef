"""The exit functions of Python, its end, and what comes after that in a process."""

import sys
import sysconfig
from pathlib import Path

import dlbridge
import pytest
import toolchain

SITE = Path(dlbridge.__file__).parents[1]

RUN_BY_HAND = """
import atexit, sys, weakref
sys.path.append({tests!r})
import ctypes, numpy as np, dlbridge

library = ctypes.CDLL({library!r})
library.delete_on_thread.argtypes = [ctypes.c_void_p]
pointer = ctypes.pythonapi.PyCapsule_GetPointer
pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
rename = ctypes.pythonapi.PyCapsule_SetName
rename.argtypes = [ctypes.py_object, ctypes.c_char_p]
USED = b"used_dltensor_versioned"

def freed_on_threads():
    count = 0
    for _ in range(50):
        array = np.zeros(3)
        alive = weakref.ref(array)
        capsule = dlbridge.asarray(array).__dlpack__(max_version=(1, 0))
        address = pointer(capsule, b"dltensor_versioned")
        rename(capsule, USED)
        del array, capsule
        library.delete_on_thread(address)
        count += alive() is None
    return count

print(freed_on_threads())
for _ in range(3):
    atexit._run_exitfuncs()
    print(freed_on_threads())
for name in [name for name in sys.modules if name.startswith("dlbridge")]:
    del sys.modules[name]
import dlbridge
print(freed_on_threads())
"""


def test_exit_functions_that_are_run_by_hand_change_nothing(lifetime_path):
    code = RUN_BY_HAND.format(tests=str(toolchain.SUPPORT), library=str(lifetime_path))
    assert toolchain.run(sys.executable, "-c", code).stdout.split() == ["50"] * 5


def embedded(folder):
    """The program of lives.c, linked with this Python."""
    variable = sysconfig.get_config_var
    library = Path(variable("LIBDIR") or "", variable("LDLIBRARY") or "")
    header = Path(sysconfig.get_path("include"), "Python.h")
    if library.suffix != ".so" or not library.exists() or not header.exists():
        pytest.skip("this Python has no shared library or no headers to embed it with")
    return toolchain.compile(
        toolchain.ROOT / "tests/python/interpreter/lives.c",
        library,
        output=folder / "lives",
        link="nothing",
        standard="c11",
        flags=[f"-isystem{header.parent}", f"-Wl,-rpath,{library.parent}"],
    )


def test_a_second_life_of_python_is_refused_and_the_first_ends_well(tmp_path):
    program = embedded(tmp_path)
    environment = {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": str(SITE)}
    lines = toolchain.run(program, environment=environment).stdout.splitlines()
    refused = [line for line in lines if "one life of Python" in line]
    assert len(refused) == 2
    assert "Py_FinalizeEx" in refused[0]
    rest = [line for line in lines if line not in refused]
    assert rest == ["freed", "(2,)", "0", "45", "0"]
