"""Measures in several processes.

Where a process has its libraries and its stack is drawn by lot, and makes some calls a tenth
faster or slower in all of its rounds: the rounds of several processes are one sample.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field

from . import jobs, measure
from .build import ROOT
from .job import Job
from .names import Names, framework

PROCESSES = 7
ROUNDS = 31


@dataclass
class Measured:
    """The ratios of the jobs that are possible, and why the others are not, by their keys."""

    ratios: list[measure.Ratio] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


def measured(listed: list[Job], processes: int = PROCESSES) -> Measured:
    """Measures the jobs, those of each framework in processes of their own."""
    pool: dict[str, measure.Times] = {}
    result = Measured()
    for name in sorted({framework(job) for job in listed}):
        of_it = [job for job in listed if framework(job) == name]
        for number in range(1, processes + 1):
            print(
                f"==> measuring {name or 'without frameworks'}: {number} of {processes}",
                file=sys.stderr,
                flush=True,
            )
            times, absent = _run(of_it)
            result.absent |= absent
            for key, (ours, theirs) in times.items():
                both = pool.setdefault(key, ([], []))
                both[0].extend(ours)
                both[1].extend(theirs)
    result.ratios = [measure.Ratio.of(job, pool[job.key]) for job in listed if job.key in pool]
    return result


def _run(listed: list[Job]) -> tuple[dict[str, measure.Times], dict[str, str]]:
    command = [sys.executable, "-m", "benches.processes"]
    keys = json.dumps([job.key for job in listed])
    done = subprocess.run(
        command, cwd=ROOT, check=True, input=keys, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures the jobs of which standard input has the keys once, and prints the times."""
    keys = set(json.load(sys.stdin))
    listed = [job for job in jobs.ALL if job.key in keys]
    names = Names(listed)
    absent = {job.key: names.missing(job) for job in listed if names.missing(job)}
    times = {
        job.key: measure.measure(job, names.values, ROUNDS)
        for job in listed
        if job.key not in absent
    }
    print(json.dumps([times, absent]))


if __name__ == "__main__":
    main()
