"""What bind borrows lives as long as the call, and what it makes is freed once."""

import ctypes
import gc
import sys
import weakref

import dlbridge
import numpy as np
import pytest
import toolchain
import torch
from garbage import Cycle, collected

SCALE = "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status"
MAKE = "h: i64, w: i64 -> f64[h, w]"


@pytest.fixture
def deletions(functions):
    """How many tensors C has deleted since the test began."""
    before = functions.count_deletions()
    return lambda: functions.count_deletions() - before


def resident():
    """The memory of the process in KiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


def growth(job, rounds=100_000):
    """How much memory the jobs take in the best of three runs: other threads take some too."""
    found = []
    for _ in range(3):
        gc.collect()
        before = resident()
        for _ in range(rounds):
            job()
        gc.collect()
        found.append(resident() - before)
    return min(found)


def refused(error, job):
    """The job, which must raise this."""

    def refused():
        try:
            job()
        except error:
            return
        raise AssertionError("this was taken")

    return refused


# A leak of 16 bytes a round would be 1.6 MB.
ROOM = 1000


def images():
    return {
        "numpy": np.ones((4, 5), np.float32),
        "torch": torch.ones(4, 5),
        "dlbridge": dlbridge.asarray(np.ones((4, 5), np.float32)),
    }


@pytest.mark.parametrize("kind", images())
def test_100000_calls_without_growth(kind, functions):
    x = images()[kind]
    scale = dlbridge.bind(functions.scale, SCALE)
    keeping = dlbridge.bind(functions.scale, SCALE, release_gil=False)
    target = images()[kind]
    assert growth(lambda: (scale(x, 2.0), keeping(x, 2.0))) < ROOM
    assert growth(lambda: scale(x, factor=2.0, dst=target)) < ROOM


def test_100000_refusals_without_growth(functions):
    scale = dlbridge.bind(functions.scale, SCALE)
    x = np.ones((4, 5))

    assert growth(refused(TypeError, lambda: scale(x, 1.0))) < ROOM


def test_copies_text_and_numbers_without_growth(functions):
    copying = dlbridge.bind(functions.sum, "p: *f32[...], n: i64 = p.size -> f64", copy=None)
    x = np.ones((4, 5), np.float32).T
    assert growth(lambda: copying(x)) < ROOM
    greet = dlbridge.bind(functions.greet, "name: str -> str")
    assert growth(lambda: greet("x" * 40)) < ROOM
    echo = dlbridge.bind(functions.echo_c128, "value: c128, out copy: c128 -> c128")
    assert growth(lambda: echo(1.5j)) < ROOM


def test_100000_owned_results_are_freed(functions, deletions):
    make = dlbridge.bind(functions.make, MAKE)
    into = dlbridge.bind(functions.make_into, "i64, i64, new t: f64[...] -> status")
    assert growth(lambda: (make(4, 5), into(4, 5))) < ROOM
    assert deletions() == 2 * 3 * 100_000


def test_100000_bound_functions_are_freed(functions):
    assert growth(lambda: dlbridge.bind(functions.scale, SCALE), 100_000) < ROOM


def test_malformed_signatures_without_growth(functions):
    def malformed():
        dlbridge.bind(functions.scale, "src: f32[h, w], out dst: f32[h, q]")

    assert growth(refused(ValueError, malformed)) < ROOM


def test_calls_leave_no_reference(functions):
    scale = dlbridge.bind(functions.scale, SCALE)
    number = 12345.5
    for x in images().values():
        target = x.copy() if isinstance(x, np.ndarray) else dlbridge.asarray(x).copy()
        result = scale(x, number, dst=target)
        assert result is target
        del result
        before = [sys.getrefcount(it) for it in (x, target, number)]
        for _ in range(1000):
            scale(x, number, dst=target)
            scale(x, factor=number)
            with pytest.raises(TypeError):
                scale(x, "factor")
            with pytest.raises(ValueError, match="ndim"):
                scale(x, number, dst=np.zeros(3, np.float32))
        assert [sys.getrefcount(it) for it in (x, target, number)] == before


class Kept(np.ndarray):
    """An array to which weak references can be made."""


class Producer:
    """Makes an array for each consumer, and does not keep it."""

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **options):
        made = np.ones((2, 3), np.float32).view(Kept)
        self.made = weakref.ref(made)
        return made.__dlpack__(**options)


CALL_BACK = "x: f32[h, w], function: pointer, depth: int -> f64"


def test_what_is_borrowed_lives_until_c_returns(functions):
    producer, seen = Producer(), []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    def look(depth):
        gc.collect()
        seen.append(producer.made().sum())
        return 0

    call_back = dlbridge.bind(functions.call_back, CALL_BACK)
    assert call_back(producer, look, 0) == 1
    gc.collect()
    assert (seen, producer.made()) == ([6], None)


def test_the_result_keeps_what_c_made(functions, deletions):
    for like in ["numpy", "torch", None]:
        made = dlbridge.bind(functions.make, MAKE, like=like)(2, 3)
        view = made[1:]
        before = deletions()
        del made
        gc.collect()
        assert deletions() == before
        assert float(dlbridge.asarray(view).numpy()[0, 2]) == 5
        del view
        gc.collect()
        assert deletions() == before + 1


def test_all_that_c_made_is_freed_if_one_is_wrong(functions, deletions):
    into = dlbridge.bind(functions.make_into, "h: i64, w: i64, new t: f32[h, w] -> status")
    with pytest.raises(TypeError, match="dtype is float64, expected float32"):
        into(2, 3)
    assert deletions() == 1


def test_what_c_made_on_failure_is_not_taken(functions, deletions):
    into = dlbridge.bind(functions.make_into, "i64, i64, new t: f64[...] -> status")
    with pytest.raises(dlbridge.capi.Error):
        into(-1, 3)
    assert deletions() == 0


def test_a_bound_function_keeps_its_target(functions):
    class Callback:
        def __call__(self, value):
            return value + 1

    callback = Callback()
    gone = weakref.ref(callback)
    target = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(callback)
    function = dlbridge.bind(target, "i64 -> i64", name="plus")
    del callback, target
    gc.collect()
    assert function(1) == 2
    del function
    gc.collect()
    assert gone() is None


def test_a_function_that_its_target_refers_to_is_collected():
    class Holder:
        def call(self, value):
            return value

    holder = Holder()
    target = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(holder.call)
    holder.function = dlbridge.bind(target, "i64 -> i64", name="call")
    assert holder.function(3) == 3
    gone = weakref.ref(holder)
    del holder, target
    gc.collect()
    assert gone() is None


OUTPUTS = """
import ctypes
import gc

import dlbridge
import torch
from dlbridge import capi
from garbage import Cycle, collected

copied = dlbridge.bind(
    ctypes.CDLL(str(capi.LIBRARY)).dlbridge_copy_into,
    "source: f32[h, w], out target: f32[h, w] -> dlbridge_status",
)
others = []


def change(x):
    x.set_(torch.full((1 << 16,), 2.0).untyped_storage(), 0, (4, 5))
    others[:] = [torch.full((4, 5), 3.0) for _ in range(4)]


copied(torch.ones(4, 5))
gc.disable()
found = set()
for step in range(300):
    x = torch.ones(4, 5)
    Cycle(lambda x=x: change(x))
    with collected(after=1 + step % 40):
        found |= set(copied(x).flatten().tolist())
print(found)
"""


def test_inputs_that_change_where_outputs_are_made():
    environment = {"PYTHONPATH": str(toolchain.SUPPORT)}
    printed = toolchain.run(sys.executable, "-c", OUTPUTS, environment=environment).stdout
    assert printed.strip() == "{1.0, 2.0}"


def test_sizes_that_change_where_outputs_are_made(functions):
    summed = dlbridge.bind(
        functions.sum_to, "x: *f32[...], count: i64 = x.size, out y: *f32[2] -> status"
    )
    summed(torch.ones(4))
    gc.disable()
    try:
        found = set()
        for step in range(120):
            x = torch.ones(1024)
            Cycle(lambda x=x: x.set_(torch.full((4,), 2.0).untyped_storage(), 0, (4,)))
            with collected(after=1 + step % 40):
                found.add(tuple(summed(x).tolist()))
    finally:
        gc.enable()
    assert found == {(1024, 1024), (8, 4)}
