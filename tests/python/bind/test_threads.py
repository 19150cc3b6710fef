"""Bound functions run without the GIL, on many threads, and may be called again by C."""

import ctypes
import sys
import threading

import dlbridge
import numpy as np
import pytest
import torch

MEET = "count: int, milliseconds: int -> bool"
CALL_BACK = "x: f32[h, w], function: pointer, depth: int -> f64"
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def on_threads(count, job):
    """What the job returns on each of so many threads, or the first error."""
    results, errors = [], []

    def run(index):
        try:
            results.append(job(index))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


@pytest.fixture
def meeting(functions):
    functions.leave_all()
    yield
    functions.leave_all()


@pytest.mark.usefixtures("meeting")
def test_calls_overlap(functions):
    meet = dlbridge.bind(functions.meet, MEET)
    assert on_threads(2, lambda _: meet(2, 10_000)) == [True, True]


@pytest.mark.usefixtures("meeting")
def test_calls_that_keep_the_gil_do_not_overlap(functions):
    meet = dlbridge.bind(functions.meet, MEET, release_gil=False)
    assert on_threads(2, lambda _: meet(2, 200)) == [False, False]


@pytest.mark.parametrize("release_gil", [True, False])
def test_c_calls_python_which_calls_c(release_gil, functions):
    call_back = dlbridge.bind(functions.call_back, CALL_BACK, release_gil=release_gil)
    x = np.full((2, 2), 0.5, np.float32)

    @Callback
    def again(depth):
        return int(call_back(x, again, depth - 1)) if depth else 1000

    # Each level adds a half, of which the integer takes nothing.
    assert call_back(x, again, 50) == 1000.5


def test_an_error_in_a_callback_does_not_reach_the_call(functions, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: seen.append(it.exc_type))
    call_back = dlbridge.bind(functions.call_back, CALL_BACK)

    @Callback
    def broken(depth):
        call_back(np.zeros(3, np.float32), broken, 0)
        return 5

    # Which number C gets from a callback that raises is whatever lies on the stack.
    call_back(torch.ones(2, 2), broken, 0)
    assert seen == [ValueError]


def test_the_array_may_change_its_shape_while_c_works(functions):
    """C has the shape and strides of before; the memory is the same."""
    call_back = dlbridge.bind(functions.call_back, CALL_BACK)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)

    @Callback
    def reshape(depth):
        x.shape = (6,)
        return 0

    assert call_back(x, reshape, 0) == 0
    assert x.shape == (6,)


def test_one_function_on_many_threads(functions):
    scale = dlbridge.bind(
        functions.scale, "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status", copy=None
    )

    def job(index):
        rows = index + 1
        for turn in range(500):
            make = (np.full, torch.full)[turn % 2]
            x = make((rows, 3), float(rows))
            x = x.astype(np.float32) if turn % 2 == 0 else x.float()
            result = scale(x, turn)
            assert tuple(result.shape) == (rows, 3)
            assert (result == rows * turn).all()
            with pytest.raises(ValueError, match=rf"shape\[0\] is 9, expected {rows}"):
                scale(x, turn, dst=np.zeros((9, 3), np.float32))
        return True

    assert on_threads(4, job) == [True] * 4


def test_functions_are_bound_on_many_threads(functions):
    def job(index):
        for _ in range(300):
            signature = f"p: *f32[n], n: i64 = n, k{index}: i32 = {index} -> f64"
            function = dlbridge.bind(functions.sum, signature)
            assert function(np.ones(index + 1, np.float32)) == index + 1
        return index

    assert sorted(on_threads(4, job)) == [0, 1, 2, 3]


def test_errors_belong_to_their_thread(functions):
    answer = dlbridge.bind(
        functions.answer, "status: i32, optional unused: *f32[...] -> status", error=functions.why
    )

    def job(index):
        for _ in range(300):
            with pytest.raises(dlbridge.capi.Error, match=rf"\(status {index + 5}\)$"):
                answer(index + 5)
        return True

    assert all(on_threads(4, job))
