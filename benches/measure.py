"""Times of two statements, in turns, so that noise meets both."""

import statistics
import timeit
from dataclasses import dataclass

from .job import Job

# Nanoseconds a call in each round, ours and theirs.
Times = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Ratio:
    """A job's figures: nanoseconds a call (medians), and quartiles of the ratios."""

    job: Job
    ours: float
    theirs: float
    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, job: Job, times: Times) -> "Ratio":
        """Summed up from all rounds."""
        ours, theirs = times
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        return cls(job, statistics.median(ours), statistics.median(theirs), low, middle, high)

    @property
    def met(self) -> bool | None:
        """Whether it is what was wanted; None if nothing was."""
        return None if self.job.wanted is None else self.middle <= self.job.wanted


def measure(job: Job, names: dict[str, object], rounds: int) -> Times:
    """Each round times both, the second one first in every other round."""
    timers = [timeit.Timer(statement, globals=names) for statement in (job.ours, job.theirs)]
    calls = [_calls(timer) for timer in timers]
    times: Times = ([], [])
    for turn in range(rounds):
        for side in (0, 1) if turn % 2 else (1, 0):
            seconds = timers[side].timeit(calls[side])
            times[side].append(seconds / calls[side] / job.per[side] * 1e9)
    return times


def _calls(timer: timeit.Timer, seconds: float = 0.001) -> int:
    """How many calls take that long."""
    timer.timeit(1)  # what is looked up once
    calls = 1
    while (taken := timer.timeit(calls)) < seconds:
        calls = max(2 * calls, int(calls * seconds / max(taken, 1e-9)))
    return calls
