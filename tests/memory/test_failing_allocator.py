"""The allocator that fails does what it says, in C and in Python."""

import sys
from pathlib import Path

import toolchain

FOLDER = Path(__file__).parent

IN_PYTHON = """
import sys
sys.path.insert(0, sys.argv[1])
import failing_allocator

allocator = failing_allocator.Allocator()

def tested():
    return [bytearray(1000), bytearray(2000)]

for and_later in failing_allocator.MODES.values():
    kinds = []
    for nth, outcome in failing_allocator.every_failure(allocator, tested, and_later=and_later):
        assert (nth == 0) == isinstance(outcome, list), (nth, outcome)
        kinds.append(type(outcome))
        del outcome
    assert len(kinds) >= 4 and kinds == [MemoryError] * (len(kinds) - 1) + [list], kinds
"""


def test_every_kind_of_allocation(tmp_path, preloaded):
    program = toolchain.compile(
        FOLDER / "probe.c",
        output=tmp_path / "probe",
        link="nothing",
        standard="c11",
        flags=["-O0", "-fno-builtin"],
        libraries=["-ldl"],
    )
    toolchain.run(program, environment=preloaded)


def test_in_python(preloaded):
    toolchain.run(sys.executable, "-c", IN_PYTHON, toolchain.SUPPORT, environment=preloaded)
