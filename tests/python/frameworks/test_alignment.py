"""Memory that a framework cannot work with where it lies is not shared with it.

What is shared is worked with in a process of its own for each framework, which must live.
"""

import ctypes
import json

import dlbridge
import handmade
import numpy as np
import pytest
import torch
from alignment_cases import OFFSETS, misplaced
from framework_cases import DTYPES
from framework_runs import run

ALL = set(DTYPES)
# The dtypes that are shared only at a multiple of some number of bytes.
NEEDS = {
    "torch": {16: {"complex128"}},
    "paddle": {16: {"complex128"}},
    "jax": {64: ALL},
    "tensorflow": {64: ALL},
}


@pytest.mark.parametrize("name", [name for name in dlbridge.frameworks() if name != "cupy"])
def test_what_is_shared_can_be_worked_with(name):
    *lines, last = run(name, "-m", "alignment_cases", name).splitlines()
    assert last == "done"
    worked = [json.loads(line) for line in lines if line.startswith('{"dtype"')]
    worked = {(entry["dtype"], entry["offset"]): entry["worked"] for entry in worked}
    lines = [line for line in lines if line.startswith("[")]
    found = {(title, offset): rest for title, offset, *rest in map(json.loads, lines)}
    assert set(found) == {(title, offset) for title in DTYPES for offset in OFFSETS}
    for (title, offset), (did, reason) in found.items():
        if did == "refuses":
            continue
        wanted = max(
            (bytes for bytes, dtypes in NEEDS.get(name, {}).items() if title in dtypes), default=1
        )
        if offset % wanted:
            assert did == "copies", (title, offset)
            assert f"needs a multiple of {wanted} bytes for {title}" in reason
        else:
            aligned = found[title, 0]
            assert did == aligned[0], (title, offset, reason)
    # What works at the best address works at every one.
    for (title, offset), answers in worked.items():
        assert answers == worked[title, 0], (title, offset)
    if "shares" in {did for did, _ in found.values()}:
        assert set(worked["float32", 0]) == {True}


VIEWS = {
    "whole": lambda a: a,
    "row": lambda a: a[3],
    "column": lambda a: a[2:, 4],
    "transposed": lambda a: a.T,
    "one": lambda a: a[:1, :1],
}


def complexes(offset):
    return misplaced(np.dtype("complex128"), offset)


@pytest.mark.parametrize("offset", [8, 4, 2, 1])
@pytest.mark.parametrize("view", VIEWS)
def test_complex128_between_multiples_of_16_bytes_is_copied_for_torch(offset, view):
    array = VIEWS[view](complexes(offset))
    plan = dlbridge.plan(array, "torch")
    assert plan.copies
    assert "needs a multiple of 16 bytes for complex128" in plan.reason
    tensor = dlbridge.asarray(array)
    for give in (
        lambda **copy: dlbridge.convert(array, "torch", **copy),
        lambda **copy: dlbridge.convert(array, to="torch", **copy),
        lambda **copy: dlbridge.convert(tensor, "torch", **copy),
        lambda **copy: tensor.torch(**copy),
    ):
        with pytest.raises(BufferError, match="needs a multiple of 16 bytes for complex128"):
            give()
        with pytest.raises(BufferError, match="copy=None makes a copy"):
            give(copy=False)
        copy = give(copy=None)
        assert copy.data_ptr() % 16 == 0
        assert torch.equal(copy[torch.tensor([0])], torch.from_numpy(array[[0]]))


def test_what_has_no_elements_may_lie_anywhere():
    assert dlbridge.convert(complexes(8)[:0], "torch").shape == (0, 37)


def test_dlpack_gives_nobody_what_would_end_the_process():
    """Who asks for it is not known: PyTorch does as NumPy does."""
    tensor = dlbridge.asarray(complexes(8))
    for take in (torch.from_dlpack, np.from_dlpack):
        with pytest.raises(BufferError, match=r"PyTorch and PaddlePaddle.*copy=True"):
            take(tensor)
    with pytest.raises(BufferError, match="multiple of 16 bytes"):
        tensor.__dlpack__(max_version=(1, 0), copy=False)
    copy = torch.from_dlpack(tensor, copy=True)
    assert copy.data_ptr() % 16 == 0
    assert dlbridge.from_dlpack(tensor).ptr == tensor.ptr == tensor.numpy().ctypes.data
    # What lies at the next one is shared.
    beside = dlbridge.asarray(complexes(16))
    assert torch.from_dlpack(beside).data_ptr() == beside.ptr


def test_the_exchange_api_gives_nobody_what_would_end_the_process():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    tensor = dlbridge.asarray(complexes(8))
    echo = tvm_ffi.convert(lambda x: x)
    with pytest.raises(BufferError, match="multiple of 16 bytes"):
        echo(tensor)


def test_a_result_of_c_that_torch_cannot_have_is_copied_if_allowed():
    memory = complexes(8)[0]
    made = []

    @ctypes.CFUNCTYPE(ctypes.c_void_p)
    def make():
        made.append(handmade.Foreign((2,), data=memory.ctypes.data, dtype=(5, 128, 1)))
        return made[-1].address

    give = dlbridge.bind(make, "-> c128[2]", like="torch")
    with pytest.raises(BufferError, match="PyTorch needs a multiple of 16 bytes"):
        give()
    copy = dlbridge.bind(make, "-> c128[2]", like="torch", copy=None)()
    assert copy.data_ptr() % 16 == 0
    assert torch.equal(copy, torch.from_numpy(memory[:2].copy()))
    assert [foreign.deleted for foreign in made] == [1, 1]


def test_numbers_at_odd_addresses_are_shared_where_they_work():
    memory = bytearray(np.arange(9, dtype="f4").tobytes())
    odd = np.frombuffer(memory, "f4", count=8, offset=1)
    tensor = dlbridge.convert(odd, "torch")
    assert tensor.data_ptr() == odd.ctypes.data
    np.testing.assert_array_equal((tensor + tensor).numpy(), odd + odd)
