"""Code that runs where garbage is collected: in the middle of something else."""

import contextlib
import gc


class Cycle:
    """Does something when it is collected."""

    def __init__(self, action):
        self.action, self.own = action, self

    def __del__(self):
        self.action()


@contextlib.contextmanager
def collected(after):
    """Garbage is collected after so many new objects, and otherwise not at all."""
    was_on, before = gc.isenabled(), gc.get_threshold()
    gc.set_threshold(after, 1, 1)
    gc.enable()
    try:
        yield
    finally:
        gc.disable()
        gc.set_threshold(*before)
        if was_on:
            gc.enable()
