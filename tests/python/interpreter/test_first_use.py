"""What is looked up when it is first needed, in the middle of what others do."""

import sys

import pytest
import toolchain

BEGIN = """
import gc, os, signal, sys
import ml_dtypes
import numpy as np
import torch
import dlbridge
"""

# Programs, and what they print.
PROGRAMS = {
    "code of others while NumPy's C API is loaded": (
        """
there, large = torch.zeros(4), torch.zeros(1 << 22)


def change(frame, event, argument):
    if "numpy" in frame.f_code.co_filename:
        sys.setprofile(None)
        there.set_(large)


sys.setprofile(change)
array = dlbridge.convert(there, "numpy")
sys.setprofile(None)
print(array.nbytes <= array.base.nbytes())
""",
        "True",
    ),
    "a finaliser that needs the same": (
        """
class Cycle:
    def __init__(self):
        self.own, self.there = self, torch.ones(3)

    def __del__(self):
        finalised.append(dlbridge.convert(self.there, "numpy").sum().item())


there, finalised = torch.ones(3), []
gc.disable()
Cycle()
gc.set_threshold(1)
gc.enable()
array = dlbridge.convert(there, "numpy")
print(finalised, array.sum())
""",
        "[3.0] 3.0",
    ),
    "a mode that needs the same": (
        """
class Mode(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if isinstance(result, torch.Tensor):
            seen.append(dlbridge.convert(result.detach(), "numpy").sum().item())
        return result


there, seen = torch.ones(3), []
with Mode():
    torch.zeros(3)
print(seen, dlbridge.convert(there, "numpy").sum())
""",
        "[0.0] 3.0",
    ),
    "an interrupt while PyTorch's functions are tried": (
        """
zeros, there = torch.zeros, torch.ones(3)


def interrupted(*arguments, **keywords):
    os.kill(os.getpid(), signal.SIGINT)
    return zeros(*arguments, **keywords)


torch.zeros = interrupted
try:
    dlbridge.convert(there, "numpy")
    for _ in range(9):
        pass
except KeyboardInterrupt:
    print("interrupted")
""",
        "interrupted",
    ),
    "near the limit of recursion": (
        """
there, refused = torch.ones(3), []


def descend():
    try:
        descend()
    except RecursionError as error:
        refused.append(type(error).__name__)
        dlbridge.convert(there, "numpy")


descend()
print(set(refused), dlbridge.convert(there, "numpy").sum())
""",
        "{'RecursionError'} 3.0",
    ),
    "while Python ends": (
        """
class Saver:
    def __init__(self, bridge=dlbridge, shown=print):
        self.arrays = np.ones(3), torch.ones(3)
        self.bridge, self.shown = bridge, shown

    def __del__(self):
        for array in self.arrays:
            self.bridge.asarray(array)
            for to in ("numpy", "torch", "nothing"):
                try:
                    self.bridge.convert(array, to)
                except (ImportError, ValueError):
                    pass
        self.shown("saved")


saver = Saver()
""",
        "saved",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_first_use(name):
    program, printed = PROGRAMS[name]
    found = toolchain.run(sys.executable, "-c", BEGIN + program)
    assert found.stdout.strip() == printed
    assert not found.stderr


def test_a_finaliser_while_torch_is_imported():
    program = """
import sys
import numpy as np
import dlbridge


class Cycle:
    def __init__(self):
        self.own, self.array = self, np.ones(2)

    def __del__(self):
        try:
            dlbridge.convert(self.array, "torch")
        except ImportError:
            pass
        finalised.append("torch" in sys.modules)


finalised = []
Cycle()
there = dlbridge.convert(np.ones(3), "torch")
print(finalised, there.sum())
"""
    assert (
        toolchain.run(sys.executable, "-c", program).stdout.strip()
        == "[True] tensor(3., dtype=torch.float64)"
    )
