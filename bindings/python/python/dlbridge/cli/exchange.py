"""One exchange, and what became of it."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dlbridge

from .frameworks import Array, Framework, Look, NotOfferedError, numpy_layout, values

# What can become of an exchange.
SHARES = "shares"  # on the same memory
COPIES = "copies"  # not on the same memory; a copy was made when it was allowed
REFUSES = "refuses"  # neither
ABSENT = "absent"  # the source has no such array
CRASHES = "crashes"  # the process died
HANGS = "hangs"  # the process took too long


@dataclass
class Cell:
    """What became of an array of `source` that was given to `target`.

    `reason` says why it is not shared. `problems` are broken promises of dlbridge.
    """

    source: str
    target: str
    dtype: str
    layout: str
    outcome: str
    reason: str = ""
    problems: list[str] = field(default_factory=list)


def exchange(source: Framework, target: Framework, dtype: str, layout: str) -> Cell:
    """Give an array of `source` to `target`, without a copy and then with one allowed."""
    cell = Cell(source.name, target.name, dtype, layout, SHARES)
    base = values(dtype)
    expected = _numbers(numpy_layout(base, layout))
    try:
        array = source.make(base, layout)
    except NotOfferedError as error:
        cell.outcome, cell.reason = ABSENT, str(error)
        return cell
    except Exception as error:
        cell.outcome, cell.reason = ABSENT, f"{source.title}: {_sentence(error)}"
        return cell
    try:
        _judge(_Trial(cell, source, target, expected, source.look(array)), array)
    except Exception as error:
        cell.problems.append(f"cannot be looked at: {type(error).__name__}: {_sentence(error)}")
    return cell


def _judge(trial: "_Trial", array: Array) -> None:
    """All that is promised of this exchange."""
    taken = trial.convert(array, copy=False)
    if taken is None:
        trial.copy_instead(array)
        trial.check_plan(array)
        return
    trial.check_plan(array)
    trial.check_shared(taken)
    if trial.source is not trial.target:
        trial.check_copy(array)
        if not trial.cell.problems:
            _check_lifetime(trial)


class _Trial:
    def __init__(
        self, cell: Cell, source: Framework, target: Framework, expected: Array, origin: Look
    ) -> None:
        self.cell, self.source, self.target = cell, source, target
        self.expected, self.origin = expected, origin

    def convert(self, array: Array, *, copy: bool | None) -> Array | None:
        """What `convert` returns, or None and the reason if it refuses."""
        to: Any = self.target.name
        try:
            return dlbridge.convert(array, to, copy=copy)
        except BufferError as error:
            if copy is False:
                self.cell.reason = _sentence(error)
                if not self._names_a_framework():
                    self.problem(f"the reason names neither framework: {self.cell.reason}")
            elif self.cell.outcome == REFUSES:
                self.cell.reason = _sentence(error)
        except Exception as error:
            self.cell.reason = f"{type(error).__name__}: {_sentence(error)}"
            self.problem(f"raises {self.cell.reason}")
        return None

    def copy_instead(self, array: Array) -> None:
        """What a refusal is worth: whether a copy helps."""
        self.cell.outcome = REFUSES
        taken = self.convert(array, copy=None)
        if taken is not None:
            self.cell.outcome = COPIES
            self.check_values(taken, "the copy")
            if self._shares(self.target.look(taken)):
                self.problem("refuses to share, and then shares all the same")

    def check_plan(self, array: Array) -> None:
        """That dlbridge would have foretold it."""
        to: Any = self.target.name
        try:
            plan = dlbridge.plan(array, to)
        except Exception as error:
            self.problem(f"plan raises {type(error).__name__}: {_sentence(error)}")
            return
        foretold = SHARES if plan.shares else COPIES if plan.copies else REFUSES
        if foretold != self.cell.outcome:
            found = f"{self.cell.outcome} ({self.cell.reason or 'without a reason'})"
            self.problem(f"{found}, but plan says that it {foretold}: {plan.reason}")

    def check_shared(self, taken: Array) -> None:
        """That the target has the same memory in the same way."""
        look = self.target.look(taken)
        if self._shares(look) is False:
            self.problem(f"a hidden copy: {self.origin.address:#x} became {look.address:#x}")
        if look.shape != self.expected.shape:
            self.problem(f"shape {self.expected.shape} became {look.shape}")
        steps, wanted = _steps(look), _steps(self.origin)
        if steps != wanted and None not in (steps, wanted):
            self.problem(f"strides {self.origin.strides} became {look.strides}")
        if self.expected.size and self.origin.readonly and look.readonly is not True:
            self.problem("was read-only, and is not any more")
        self.check_values(taken, "the shared array")

    def check_copy(self, array: Array) -> None:
        """That copy=True makes a right copy."""
        copied = self.convert(array, copy=True)
        if copied is not None:
            self.check_values(copied, "the array for copy=True")
            if self._shares(self.target.look(copied)):
                self.problem("copy=True shares")

    def check_values(self, taken: Array, what: str) -> None:
        found = _numbers(self.target.read(taken))
        if found.shape != self.expected.shape or not (found == self.expected).all():
            self.problem(f"{what} has wrong values: {found.tolist()}")

    def problem(self, text: str) -> None:
        if text not in self.cell.problems:
            self.cell.problems.append(text)

    def _shares(self, look: Look) -> bool | None:
        """Whether that is the same memory, None where nobody can tell."""
        if not self.expected.size or None in (look.address, self.origin.address):
            return None
        return look.address == self.origin.address

    def _names_a_framework(self) -> bool:
        reason = self.cell.reason.lower()
        return any(
            name.lower().removeprefix("py").split()[0] in reason
            for framework in (self.source, self.target)
            for name in (framework.name, framework.title)
        )


def _check_lifetime(trial: _Trial) -> None:
    """That what was taken outlives its source, and lets go of it at the end."""
    source, cell = trial.source, trial.cell
    base = values(cell.dtype)
    memory = weakref.ref(base.base)
    array = source.make(base, cell.layout)
    # Else it has memory of its own, and only reads NumPy's, perhaps a moment later.
    start = base.ctypes.data
    borrowed = (source.look(array).address or 0) in range(start, start + base.nbytes)
    del base
    watched = _watch(array)
    taken = trial.convert(array, copy=False)
    if taken is None:
        trial.problem(f"shared once, then refused: {cell.reason}")
        return
    del array
    if borrowed and trial.expected.size and memory() is None:
        trial.problem("the memory was released while it was shared")
        return
    _overwrite_freed_memory(trial.expected.size)
    trial.check_values(taken, "the shared array, without its source,")
    del taken
    # Some frameworks hold what they are given, or read it on a thread of theirs.
    for what, alive in (("source", watched), ("memory", memory)):
        if alive() is not None:
            gc.collect()
        if alive() is not None:
            trial.problem(f"the {what} is never released")


def _watch(array: Array) -> Callable[[], Array | None]:
    try:
        return weakref.ref(array)
    except TypeError:
        return lambda: None


def _overwrite_freed_memory(count: int) -> None:
    import numpy

    for size in (count, 2 * count, 4 * count, 8 * count, 16 * count, 24 * 16 + 64):
        numpy.full(size, 0xEE, "uint8")


def _numbers(array: Array) -> Array:
    """The values in a type that all others become without loss."""
    import numpy

    array = numpy.asarray(array)
    if array.dtype.kind in "biufc":
        return array.astype("complex128")
    return array.astype("float32").astype("complex128")


def _steps(look: Look) -> list[int] | None:
    """The strides through which something is reached."""
    if look.strides is None or 0 in look.shape:
        return None
    return [stride for extent, stride in zip(look.shape, look.strides, strict=True) if extent > 1]


def _sentence(error: Exception) -> str:
    """The text of an error in one line."""
    return " ".join(str(error).split())
