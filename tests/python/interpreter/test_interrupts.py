"""Ctrl-C while something is refused, tried another way or recorded: it is never lost."""

import contextlib
import ctypes
import gc
import random
import signal
import sys
import time

import dlbridge
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of signals")


class Interrupt(BaseException):
    """What the handler raises: as KeyboardInterrupt, it is no Exception."""


class Speaking:
    """An object that takes a while to say what it is."""

    def __repr__(self):
        return "".join(str(number) for number in range(20))

    __str__ = __repr__


class Slow(Speaking):
    """One that is asked for numbers, and has none."""

    def __index__(self):
        for number in range(20):
            str(number)
        raise TypeError("no number")

    __bool__ = __float__ = __index__


def failing(error):
    """An object whose `__dlpack__` fails."""

    def dlpack(self, **_keywords):
        raise error

    return type("Failing", (Speaking,), {"__dlpack__": dlpack})()


def without_keywords():
    def dlpack(self):
        return array.__dlpack__()

    return type("Old", (), {"__dlpack__": dlpack})()


def interface(**entries):
    entries = {"shape": (3,), "typestr": "<f4", "data": (8192, False), "version": 3, **entries}
    return type("Interface", (), {"__array_interface__": entries})()


def cuda_interface(**entries):
    entries = {"shape": (3,), "typestr": "<f4", "data": (8192, False), "version": 3, **entries}
    return type("Interface", (), {"__cuda_array_interface__": entries, "device": Slow()})()


copied = dlbridge.bind(
    ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into,
    "source: f32[n], out target: f32[n] -> dlbridge_status",
)
array = np.arange(3, dtype="f4")
tensor = dlbridge.asarray(array)
dates = np.zeros(3, "M8[s]")
lazy = torch.ones(3, dtype=torch.complex64).conj()
bits = torch.zeros(3).to_sparse()


def audited(call):
    with dlbridge.audit():
        call()


def exported():
    with dlbridge.audit():
        tensor.__dlpack__(max_version=(1, 3))
        memoryview(tensor)
        _ = tensor.__array_interface__


def on(x, **options):
    """Takes an object that is made before, since types are made and freed with much else."""
    return lambda: dlbridge.asarray(x, **options)


CALLS = {
    "an object": lambda: dlbridge.asarray(Speaking()),
    "a list": lambda: dlbridge.from_dlpack([1, 2, 3]),
    "a name": lambda: dlbridge.convert(array, Speaking()),
    "a device": lambda: dlbridge.asarray(array, device=Slow()),
    "a pair": lambda: dlbridge.asarray(array, device=(Slow(), 0)),
    "a dtype": lambda: dlbridge.asarray(array, dtype=Slow()),
    "a stream": lambda: dlbridge.asarray(array, stream=Slow()),
    "a shape": lambda: dlbridge.empty((3, Slow())),
    "a version": lambda: tensor.__dlpack__(max_version=(Slow(), 0)),
    "a copy": lambda: tensor.__dlpack__(copy=Slow()),
    "dates": lambda: dlbridge.asarray(dates),
    "a plan of dates": lambda: dlbridge.plan(dates, "torch"),
    "a lazy tensor": lambda: dlbridge.asarray(lazy),
    "a sparse tensor": lambda: dlbridge.convert(bits, "numpy"),
    "a plan": lambda: dlbridge.plan(bits, "numpy"),
    "a producer that fails": on(failing(RuntimeError(Speaking()))),
    "a producer with an error of type": on(failing(TypeError(Speaking()))),
    "an old producer": on(without_keywords()),
    "another device": on(failing(BufferError("no")), device="cuda"),
    "an interface": on(interface(data=(Slow(), False))),
    "an offset": on(interface(data=b"123456789012", offset=Slow())),
    "a version of an interface": on(cuda_interface(version=Slow())),
    "a stream of an interface": on(cuda_interface(stream=Slow())),
    "equal devices": lambda: tensor.device == Slow(),
    "equal dtypes": lambda: tensor.dtype == Slow(),
    "an argument": lambda: copied(Speaking()),
    "a wrong argument": lambda: copied(np.zeros((3, 3), "f8")),
    "an audit": lambda: audited(lambda: dlbridge.convert(array, "torch")),
    "an audit of a call": lambda: audited(lambda: copied(array)),
    "an audit of nothing": lambda: audited(lambda: dlbridge.convert(dates, "numpy")),
    "an audit of exports": exported,
}


@pytest.fixture
def interrupts():
    """Counts what the handler has raised."""
    raised = []

    def interrupt(*_signal):
        raised.append(None)
        raise Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    # JAX has a function called by it, in which Python drops what is raised.
    gc.disable()
    yield raised
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    gc.enable()


def test_every_interrupt_arrives(interrupts, monkeypatch):
    unraisable, lost, arrived = [], [], 0
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    chance = random.Random(7)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        name = chance.choice(list(CALLS))
        call, before = CALLS[name], len(interrupts)
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(5e-6, 200e-6))
            while len(interrupts) == before:
                with contextlib.suppress(Exception):
                    call()
            # What could not be raised at once is raised here.
            for _ in range(100):
                pass
            lost.append(name)
        except Interrupt:
            arrived += 1
    assert (lost, unraisable) == ([], [])
    assert arrived == len(interrupts) > 1000


class Stop(BaseException):
    pass


class Stopping:
    def __repr__(self):
        raise Stop

    __str__ = __repr__


def test_the_refusal_is_the_context_of_what_came_while_it_was_written():
    with pytest.raises(Stop) as stopped:
        dlbridge.asarray(Stopping())
    assert isinstance(stopped.value.__context__, TypeError)
    refusal = RuntimeError(Stopping())
    with pytest.raises(Stop) as stopped:
        dlbridge.asarray(failing(refusal))
    assert stopped.value.__context__ is refusal


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, Stop])
def test_what_a_program_must_not_miss_is_passed_on(error):
    class Raising:
        def __repr__(self):
            raise error

        __str__ = __index__ = __bool__ = __repr__

    x = Raising()
    for call in (
        lambda: dlbridge.asarray(x),
        lambda: dlbridge.from_dlpack(x),
        lambda: dlbridge.convert(array, x),
        lambda: dlbridge.asarray(array, device=x),
        lambda: dlbridge.asarray(array, device=(x, 0)),
        lambda: dlbridge.asarray(array, dtype=x),
        lambda: dlbridge.asarray(array, stream=x),
        lambda: dlbridge.empty((3, x)),
        lambda: dlbridge.empty(x),
        lambda: tensor.__dlpack__(max_version=(x, 0)),
        lambda: tensor.device == x,
        lambda: tensor.dtype == x,
        lambda: copied(x),
        lambda: dlbridge.asarray(interface(data=(x, False))),
        lambda: dlbridge.asarray(interface(data=b"123456789012", offset=x)),
        lambda: dlbridge.asarray(cuda_interface(version=x)),
        lambda: dlbridge.asarray(failing(error())),
        lambda: dlbridge.from_dlpack(failing(error()), device="cuda"),
    ):
        with pytest.raises(error):
            call()


def test_a_name_of_a_class_is_read_without_its_code():
    class Loud(type):
        @property
        def __module__(cls):
            raise Stop

    with pytest.raises(TypeError, match=r"Quiet"):
        dlbridge.asarray(Loud("Quiet", (), {"__repr__": lambda self: "quiet"})())
