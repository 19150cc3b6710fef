"""Let allocations fail: build the preloaded library, and use it from Python.

memory/failing_allocator.c says what the library does. Programs get it by
`environment(build(folder))`; code in such a process that is Python uses `every_failure`.
"""

import ctypes
from pathlib import Path

import toolchain

SOURCE = Path(__file__).parents[1] / "memory/failing_allocator.c"
MODES = {"one allocation fails": False, "memory is exhausted": True}


def build(folder):
    """The library, compiled into `folder`."""
    return toolchain.compile(
        SOURCE,
        output=Path(folder, "failing_allocator.so"),
        link="nothing",
        flags=["-O1", "-fPIC", "-shared"],
        libraries=["-ldl"],
    )


def environment(library):
    """What a process needs in its environment so that its allocations can fail.

    PYTHONMALLOC is for interpreters, whose small objects else never reach malloc.
    """
    return {"LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}


class Allocator:
    """The functions of the library, in a process where it is preloaded."""

    def __init__(self):
        # The GIL stays held in calls of a PyDLL: no other Python code comes between.
        library = ctypes.PyDLL(None)

        def function(name, result, *arguments):
            found = getattr(library, f"failing_allocator_{name}")
            found.restype, found.argtypes = result, arguments
            return found

        self.arm = function("arm", None, ctypes.c_long, ctypes.c_int)
        self.disarm = function("disarm", None)
        self.calls = function("calls", ctypes.c_long)
        self.failures = function("failures", ctypes.c_long)
        self.live_blocks = function("live_blocks", ctypes.c_long)
        self.live_bytes = function("live_bytes", ctypes.c_long)
        self.forget = function("forget", None)


def every_failure(allocator, tested, *, and_later=False):
    """Call `tested()` with its first allocation failing, then with its second one, and so on.

    Yields (n, result or exception) of each call in which an allocation failed. The last
    call, in which none did, is yielded with n = 0. In between blocks are remembered: the
    interpreter gives freed ones out again, so that all of them have to be known.
    """
    arm, disarm, nth = allocator.arm, allocator.disarm, 0
    while True:
        nth += 1
        outcome = None
        arm(nth, and_later)
        try:
            outcome = tested()
        except BaseException as error:
            disarm()  # before all else, since handling the error allocates
            outcome = error
        else:
            disarm()
        failed = allocator.failures() > 0
        arm(0, False)
        result, outcome = [outcome], None  # which is the caller's alone
        yield (nth if failed else 0), result.pop()
        if not failed:
            return
