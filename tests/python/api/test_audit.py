"""audit records every exchange, and who asked for it."""

import inspect
import sys
import threading

import dlbridge
import handmade
import numpy as np
import pytest
import toolchain
import torch

BASE = np.arange(24, dtype=np.float32).reshape(4, 6)


def here():
    """The line that calls this."""
    return inspect.currentframe().f_back.f_lineno


def routes(log):
    return [(entry.source, entry.target, entry.copied) for entry in log]


def test_an_entry():
    with dlbridge.audit() as log:
        dlbridge.convert(BASE, "torch")
        line = here() - 1
    (entry,) = log
    assert (entry.source, entry.target, entry.copied) == ("numpy", "torch", False)
    assert (entry.bytes, entry.reason) == (96, "")
    assert (entry.file, entry.line) == (__file__, line)
    assert entry.protocol == "DLPack exchange API"
    assert repr(entry) == f"Exchange(numpy -> torch: shared 96 bytes at {__file__}:{line})"


def test_copies_have_reasons():
    with dlbridge.audit() as log:
        dlbridge.convert(BASE[::-1], "torch", copy=None)
        dlbridge.convert(BASE, "torch", copy=True)
        dlbridge.asarray(BASE, copy=True)
        tensor = dlbridge.asarray(BASE)
        tensor.copy()
        tensor.T.contiguous()
        tensor.contiguous()
        tensor.__dlpack__(copy=True)
    assert [entry.copied for entry in log] == [True, True, True, False, True, True, True]
    reasons = [entry.reason for entry in log]
    assert "negative" in reasons[0]
    assert reasons[1:] == ["copy=True", "copy=True", "", "copy()", "contiguous()", "copy=True"]
    assert (log.bytes_copied, log.bytes_shared) == (6 * 96, 96)


TAKERS = {
    "asarray": lambda x: dlbridge.asarray(x),
    "from_dlpack": lambda x: dlbridge.from_dlpack(x),
}


@pytest.mark.parametrize("name", TAKERS)
def test_imports(name):
    take = TAKERS[name]
    array, there = BASE.copy(), torch.zeros(3)
    with dlbridge.audit() as log:
        take(array)
        take(there)
        take(there.__dlpack__(max_version=(1, 0)))
    assert routes(log) == [
        ("numpy", "dlbridge", False),
        ("torch", "dlbridge", False),
        ("capsule", "dlbridge", False),
    ]


def test_asarray_of_a_tensor_is_no_exchange():
    tensor = dlbridge.empty(3)
    with dlbridge.audit() as log:
        assert dlbridge.asarray(tensor) is tensor
    assert len(log) == 0


def test_exports():
    tensor = dlbridge.asarray(BASE)
    with dlbridge.audit() as log:
        tensor.numpy()
        tensor.torch()
        np.from_dlpack(tensor)
        torch.from_dlpack(tensor)
        np.asarray(tensor)
        memoryview(tensor)
        _ = tensor.__array_interface__
        line = here()
    assert {entry.source for entry in log} == {"dlbridge"}
    assert [entry.target for entry in log][:2] == ["numpy", "torch"]
    assert log[3].target == "torch"  # its code is in between
    assert log.bytes_copied == 0
    # PyTorch's code is not where that was asked for.
    assert [entry.line for entry in log] == list(range(line - 7, line))
    assert {entry.file for entry in log} == {__file__}


def test_what_is_one_already():
    with dlbridge.audit() as log:
        assert dlbridge.convert(BASE, "numpy") is BASE
    assert routes(log) == [("numpy", "numpy", False)]
    assert log.bytes_shared == 96


def test_refusals_are_no_exchanges():
    with dlbridge.audit() as log:
        with pytest.raises(BufferError):
            dlbridge.convert(BASE[::-1], "torch")
        with pytest.raises(BufferError):
            dlbridge.asarray(np.array([None]))
    assert len(log) == 0


def test_copies_of_the_producer():
    copied = handmade.Foreign(flags=handmade.IS_COPIED)
    with dlbridge.audit() as log:
        dlbridge.from_dlpack(copied.capsule())
        dlbridge.convert(handmade.Foreign(flags=handmade.IS_COPIED).capsule(), "numpy", copy=None)
    assert [(entry.copied, entry.reason) for entry in log] == [
        (True, "its own framework made a copy")
    ] * 2


def test_nested():
    with dlbridge.audit() as outer:
        dlbridge.asarray(BASE)
        with dlbridge.audit() as inner:
            dlbridge.asarray(BASE)
        dlbridge.asarray(BASE)
    dlbridge.asarray(BASE)
    assert (len(outer), len(inner)) == (3, 1)


def test_entered_twice():
    log = dlbridge.audit()
    with log, pytest.raises(RuntimeError, match="entered already"), log:
        pass
    with log:
        dlbridge.asarray(BASE)
    with log:
        dlbridge.asarray(BASE)
    assert len(log) == 2
    with pytest.raises(ZeroDivisionError), log:
        _ = 1 / 0
    dlbridge.asarray(BASE)
    assert len(log) == 2


def test_threads():
    count, rounds = 4, 200
    started = threading.Barrier(count + 1)

    def work():
        started.wait()
        for _ in range(rounds):
            dlbridge.convert(BASE, "torch")

    threads = [threading.Thread(target=work) for _ in range(count)]
    with dlbridge.audit() as log:
        for thread in threads:
            thread.start()
        started.wait()
        for thread in threads:
            thread.join()
    assert len(log) == count * rounds
    assert log.bytes_shared == count * rounds * 96


def test_a_sequence():
    with dlbridge.audit() as log:
        dlbridge.asarray(BASE)
        dlbridge.asarray(BASE).torch()
    assert len(log) == len(list(log)) == 3
    assert log[-1].target == log[2].target == "torch"
    for index in (3, -4):
        with pytest.raises(IndexError, match="the audit has 3"):
            log[index]


def test_table():
    with dlbridge.audit() as log:
        dlbridge.convert(BASE, "torch")
        dlbridge.convert(BASE.T[::-1], "torch", copy=None)
    first, *rows = repr(log).splitlines()
    assert first == "Audit: 2 exchanges, 96 bytes copied, 96 bytes shared"
    assert rows[0].split()[:5] == ["shared", "numpy", "->", "torch", "96"]
    assert rows[1].split()[:5] == ["copied", "numpy", "->", "torch", "96"]
    assert "negative" in rows[1]
    # Columns stand below each other.
    assert rows[0].index(__file__) == rows[1].index(__file__)
    assert repr(dlbridge.audit()) == "Audit: 0 exchanges, 0 bytes copied, 0 bytes shared"


OFF = """
import time
import dlbridge, numpy as np

array = np.zeros((4, 6), "f4")

def fastest(rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(2000):
            dlbridge.asarray(array)
        times.append(time.perf_counter() - start)
    return min(times)

before = fastest(30)
with dlbridge.audit() as log:
    during = fastest(1)
print(len(log), during / before, fastest(30) / before)
"""


def test_off_costs_nothing():
    """After an audit, calls take the time that they took before the first one."""
    # In a process of its own, where none was on before.
    count, during, after = toolchain.run(sys.executable, "-c", OFF).stdout.split()
    assert int(count) == 2000
    assert float(during) > 3  # else this measures nothing
    assert float(after) < 1.5


def test_nothing_is_kept():
    array = BASE.copy()
    references = sys.getrefcount(array)
    with dlbridge.audit():
        dlbridge.asarray(array)
        dlbridge.convert(array, "torch")
    assert sys.getrefcount(array) == references


def test_one_of_a_thing_is_not_called_many():
    byte = np.zeros(1, np.uint8)
    with dlbridge.audit() as log:
        dlbridge.convert(byte, "torch")
    assert repr(log).startswith("Audit: 1 exchange, 0 bytes copied, 1 byte shared\n")
    assert "shares 1 byte at" in repr(log[0]) or "shared 1 byte at" in repr(log[0])
    assert "shares 1 byte by" in repr(dlbridge.plan(byte, "torch"))
    with pytest.raises(BufferError, match=r"\(1 byte\)"):
        dlbridge.convert(np.broadcast_to(byte, (1,)), "torch")
