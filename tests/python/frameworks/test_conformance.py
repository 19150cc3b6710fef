"""What becomes of every array that one framework gives to another: all pairs, dtypes
and layouts, and whether dlbridge keeps its promises.

Each pair of frameworks meets in a process of its own. `matrix.txt` is what came out;
DLBRIDGE_BLESS=1 writes it anew.
"""

import functools
import itertools
import os
import sys
from pathlib import Path

import pytest
import toolchain
from dlbridge.cli import cuda, pool
from dlbridge.cli.exchange import ABSENT, COPIES, CRASHES, HANGS, REFUSES, SHARES
from dlbridge.cli.frameworks import DTYPES, FRAMEWORKS, LAYOUTS

EXPECTED = Path(__file__).with_name("matrix.txt")
SIGNS = {SHARES: "=", COPIES: "c", REFUSES: "x", ABSENT: ".", CRASHES: "!", HANGS: "?"}
HEAD = f"""\
What becomes of an array of one framework that another one asks for by dlbridge.convert.

=  shares: the same memory        c  only copies, with copy=None
x  refuses, even with copy=None   .  the source has no such array
!  the process crashes            ?  it hangs

The columns are the dtypes: {" ".join(DTYPES)}.
Without a GPU. Written by DLBRIDGE_BLESS=1 pytest tests/python/frameworks/test_conformance.py
"""
# Makes no arrays without a GPU, and has them with one.
ON_CUDA = {"cupy"}

NAMES = pool.installed()
WAYS = list(itertools.product(NAMES, repeat=2))

# What a framework refuses although it has the dtype: (target, dtype or layout), and why.
REFUSES_RIGHTLY = {
    ("pyarrow", "bool"): "its tensors have none, and its arrays pack them to bits",
    ("tensorflow", "float8_e4m3fn"): "its DLPack does not have it",
    ("tensorflow", "float8_e5m2"): "its DLPack does not have it",
    ("tinygrad", "bfloat16"): "it takes only NumPy's own types",
    ("tinygrad", "float8_e4m3fn"): "it takes only NumPy's own types",
    ("tinygrad", "float8_e5m2"): "it takes only NumPy's own types",
    ("warp", "0-d"): "it takes 1 to 4 dimensions",
}
# What a framework does not give, although it has the dtype: (source, dtype), and why.
NEVER_GIVES = {
    ("tensorflow", "float8_e4m3fn"): "its DLPack does not have it",
    ("tensorflow", "float8_e5m2"): "its DLPack does not have it",
    ("tinygrad", "bfloat16"): "it would convert the elements",
    ("tinygrad", "float8_e4m3fn"): "it would convert the elements",
    ("tinygrad", "float8_e5m2"): "it would convert the elements",
}


@functools.cache
def answers():
    """All exchanges, by source and target. They take about two minutes."""
    kinds = list(itertools.product(DTYPES, LAYOUTS))
    found = pool.run(NAMES, kinds)
    cells = {way: {} for way in WAYS}
    for cell in found.cells:
        cells[cell.source, cell.target][cell.dtype, cell.layout] = cell
    return cells, found.notes


ways = pytest.mark.parametrize(("source", "target"), WAYS, ids=lambda name: name)


def has_gpu():
    return "no CUDA driver" not in cuda.driver()


def test_every_framework_is_installed():
    lacking = set(FRAMEWORKS) - set(NAMES)
    if sys.version_info >= (3, 14):
        lacking -= {"tensorflow", "paddle"}
    assert not lacking


@ways
def test_promises_are_kept(source, target):
    """It shares with the same address, strides and flags, or it says which framework
    refuses and why; values are right, and what is shared is released in the end."""
    cells = answers()[0][source, target].values()
    assert len(cells) == len(DTYPES) * len(LAYOUTS)
    broken = {
        (cell.dtype, cell.layout): cell.problems or cell.reason
        for cell in cells
        if cell.problems or cell.outcome in (CRASHES, HANGS)
    }
    assert not broken


@ways
def test_copies_reach_every_framework_that_has_the_dtype(source, target):
    own = answers()[0][target, target]
    for (dtype, layout), cell in answers()[0][source, target].items():
        if cell.outcome == REFUSES and own[dtype, "contiguous"].outcome != ABSENT:
            rightly = {(target, dtype), (target, layout)} & REFUSES_RIGHTLY.keys()
            assert rightly or (source, dtype) in NEVER_GIVES, cell


def test_processes_live_and_end_well():
    for note in answers()[1]:
        assert "importing TensorFlow before PaddlePaddle" in note


def drawn(cells):
    """The cells of a pair: a line for the layouts that fare alike."""
    rows = {}
    for layout in LAYOUTS:
        row = "".join(SIGNS[cells[dtype, layout].outcome] for dtype in DTYPES)
        rows.setdefault(row, []).append(layout)
    return [f"  {row}  {' '.join(layouts)}" for row, layouts in rows.items()]


def expected():
    """The lines of each pair in the file."""
    blocks = {}
    for block in EXPECTED.read_text().removeprefix(HEAD).strip().split("\n\n"):
        title, *rows = block.split("\n")
        blocks[title] = rows
    return blocks


def test_nothing_drifts():
    found = {
        f"{source} -> {target}": drawn(answers()[0][source, target])
        for source, target in WAYS
        if not (has_gpu() and {source, target} & ON_CUDA)
    }
    if os.environ.get("DLBRIDGE_BLESS"):
        blocks = ["\n".join([title, *rows]) + "\n" for title, rows in found.items()]
        EXPECTED.write_text("\n".join([HEAD, *blocks]))
    assert EXPECTED.read_text().startswith(HEAD)
    before = expected()
    assert set(found) <= set(before)
    assert found == {title: before[title] for title in found}


RELEASE = """
import gc, sys
sys.path.append(sys.argv[2])
import handmade, numpy, dlbridge
from dlbridge import _dlbridge
from dlbridge.cli.frameworks import FRAMEWORKS

framework = FRAMEWORKS[sys.argv[1]]
framework.load()
memory = numpy.zeros(4096, "uint8")
address = memory.ctypes.data + -memory.ctypes.data % 64
foreign = handmade.Foreign((2, 3), (3, 1), data=address)
tensor = _dlbridge._from_managed(foreign.address)
plan = dlbridge.plan(tensor, framework.name)
taken = None if plan.refuses else dlbridge.convert(tensor, framework.name, copy=None)
del tensor
gc.collect()
assert foreign.deleted == (0 if plan.shares else 1), foreign.deleted
del taken
gc.collect()
assert foreign.deleted == 1, foreign.deleted
print(plan.refuses)
"""


@pytest.mark.parametrize("target", NAMES)
def test_memory_is_released_once(target):
    command = sys.executable, "-c", RELEASE, target, toolchain.SUPPORT
    output = toolchain.run(*command, environment=pool.ENVIRONMENT).stdout
    assert output.split()[-1] == str(target in ON_CUDA and not has_gpu())
