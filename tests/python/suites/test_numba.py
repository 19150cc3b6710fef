"""Numba's own tests of the buffer protocol, run on dlbridge."""

import suites

BUFFERS = "numba.tests.test_buffer_protocol"
INSTALL = "Numba's wheels have it"


class Compiled:
    """A compiled function that gets something else than the tests give it."""

    def __init__(self, function, change):
        self.function, self.change, self.py_func = function, change, function.py_func

    def __call__(self, buffer, *arguments):
        return self.function(self.change(buffer), *arguments)


def change_functions(tests, change):
    for name, value in list(vars(tests).items()):
        if name.endswith("_usecase"):
            setattr(tests, name, Compiled(value, change))


def given(tests):
    """Compiled functions get tensors."""
    change_functions(tests, suites.tensor)


TestGiven = suites.suite(
    BUFFERS,
    given,
    install=INSTALL,
    only=["TestBufferProtocol"],
    left_out={"all tensors can be sliced, of what buffer they ever are": ["test_getslice"]},
)


def lent(tests):
    """Compiled functions get memoryviews of tensors."""
    change_functions(tests, lambda buffer: memoryview(suites.tensor(buffer)))


# Numba has the attributes of a buffer for memoryviews alone.
TestLent = suites.suite(BUFFERS, lent, install=INSTALL, only=["TestMemoryView"])
