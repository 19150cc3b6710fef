"""Importing dlbridge is cheap, and imports no framework."""

import statistics
import sys
import time

import dlbridge
import pytest
import toolchain


def python(code):
    return toolchain.run(sys.executable, "-c", code).stdout


def test_import_brings_no_framework():
    code = "import dlbridge, sys; print(*sys.modules)"
    imported = {name.split(".")[0] for name in python(code).split()}
    assert "dlbridge" in imported
    assert imported.isdisjoint({"numpy", "torch", "jax", "cupy", "ctypes", "ml_dtypes"})


def test_asking_about_types_imports_no_framework():
    code = """
import array, sys, dlbridge
tensor = dlbridge.from_dlpack(dlbridge.empty(3).__dlpack__())
dlbridge.asarray(tensor)[0].T.copy()
repr(tensor), tensor.__array_interface__
for thing in ([1], None, array.array("f")):
    try:
        dlbridge.asarray(thing)
    except TypeError:
        pass
print(*sys.modules)
"""
    assert {"numpy", "torch"}.isdisjoint(python(code).split())


def test_numpy_does_not_import_torch():
    code = """
import sys, dlbridge
dlbridge.asarray(dlbridge.empty(3).numpy())
print("numpy" in sys.modules, "torch" in sys.modules)
"""
    assert python(code) == "True False\n"


def test_import_takes_no_time():
    def seconds(code):
        start = time.perf_counter()
        python(code)
        return time.perf_counter() - start

    # In turn, so that both see the same load of the machine.
    pairs = [(seconds("import numpy"), seconds("import numpy, dlbridge")) for _ in range(9)]
    without, with_ = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert with_ - without < 0.030


@pytest.mark.parametrize(
    ("module", "call"),
    [("numpy", "numpy()"), ("torch", "torch()")],
)
def test_a_missing_framework_is_an_import_error(module, call):
    code = f"""
import sys
sys.modules[{module!r}] = None
import dlbridge
try:
    dlbridge.empty(3).{call}
except ImportError as error:
    print({module!r} in str(error).lower() or {module!r} in str(error.__cause__))
"""
    assert python(code) == "True\n"


def test_unknown_attributes():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        dlbridge.nothing  # noqa: B018


def test_what_there_is_can_be_completed():
    names = python("import dlbridge; print(*dir(dlbridge))").split()
    assert {*dlbridge.__all__, "capi"} <= set(names)
    own = {name for name in names if not name.startswith("__")}
    assert own <= {*dlbridge.__all__, "capi"}
    # Asking imports nothing.
    code = "import dlbridge, sys; dir(dlbridge); print('ctypes' in sys.modules)"
    assert python(code) == "False\n"


def test_all_is_there():
    assert sorted(dlbridge.__all__) == dlbridge.__all__
    for name in dlbridge.__all__:
        assert getattr(dlbridge, name).__doc__


def test_what_stands_in_for_types_of_arrays_is_no_array():
    code = """
import numpy as np, torch
arrays = np.zeros(3), torch.zeros(3)
class Stand: pass
np.ndarray = torch.Tensor = torch.nn.Parameter = Stand
import dlbridge
for take in (dlbridge.asarray, dlbridge.from_dlpack, lambda x: dlbridge.convert(x, "torch")):
    try:
        take(Stand())
    except TypeError as error:
        print("refused")
print(*(dlbridge.asarray(array).ptr != 0 for array in arrays))
"""
    assert python(code).split() == ["refused"] * 3 + ["True"] * 2
