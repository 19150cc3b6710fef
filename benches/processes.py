"""Measures in several processes.

Where a process has its libraries and its stack is drawn by lot, and makes some calls a tenth
faster or slower in all of its rounds: the rounds of several processes are one sample.
"""

import json
import subprocess
import sys

from . import jobs, measure, names
from .build import ROOT

PROCESSES = 7
ROUNDS = 31


def measured(listed: list[jobs.Job]) -> list[measure.Ratio]:
    """The ratios of the jobs that are possible."""
    pool: dict[str, measure.Times] = {}
    for number in range(1, PROCESSES + 1):
        print(f"==> measuring in process {number} of {PROCESSES}", file=sys.stderr, flush=True)
        for key, (ours, theirs) in _run().items():
            times = pool.setdefault(key, ([], []))
            times[0].extend(ours)
            times[1].extend(theirs)
    return [measure.Ratio.of(job, pool[job.key]) for job in listed if job.key in pool]


def _run() -> dict[str, measure.Times]:
    command = [sys.executable, "-m", "benches.processes"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures all jobs once, and prints the times."""
    known = names.everything()
    possible = [job for job in jobs.ALL if job.names() <= set(known)]
    print(json.dumps({job.key: measure.measure(job, known, ROUNDS) for job in possible}))


if __name__ == "__main__":
    main()
