"""Instructions of two statements, counted by callgrind: what noise does not reach.

Of the rows that need NumPy alone: to load PyTorch under valgrind takes minutes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Iterable
from pathlib import Path

from . import jobs, machine
from .build import ROOT
from .job import Job
from .names import Names

RECORD = ROOT / "benches/instructions.json"
CALLS = 200
_ABSENT = ("jax", "mlx", "paddle", "tensorflow", "torch", "tvm_ffi", "warp")

# The instructions of a call, ours and theirs.
Counts = tuple[float, float]


def why_none() -> str:
    """Why nothing can be counted here; empty if it can."""
    return "" if shutil.which("valgrind") else "valgrind is not on this machine"


def recorded() -> dict[str, Counts]:
    """What was last written down."""
    return json.loads(RECORD.read_text())["instructions"]


def counted(listed: Iterable[Job]) -> tuple[dict[str, Counts], dict[str, str]]:
    """Counts those that it can, and says why not of the others, by the keys of the jobs."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                "--dump-before=getppid",  # a mark: nothing else asks for it
                f"--callgrind-out-file={folder}/out",
                sys.executable,
                "-m",
                "benches.instructions",
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
            input=json.dumps([job.key for job in listed]),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        keys, absent = json.loads(done.stdout.splitlines()[-1])
        totals = [_total(Path(folder, f"out.{number}")) for number in range(1, 4 * len(keys) + 3)]
    # There is a mark before and after each statement: what lies between two others is not wanted.
    empty, *statements = totals[1::2]
    calls = [(total - empty) / CALLS for total in statements]
    return dict(zip(keys, zip(calls[::2], calls[1::2], strict=True), strict=True)), absent


def _total(dump: Path) -> int:
    [line] = [line for line in dump.read_text().splitlines() if line.startswith("totals: ")]
    return int(line.removeprefix("totals: "))


def record() -> None:
    """Writes down all rows that can be counted."""
    counts, _ = counted(jobs.ALL)
    whole = {key: [round(count) for count in both] for key, both in sorted(counts.items())}
    lines = ",\n".join(f"    {json.dumps(key)}: {both}" for key, both in whole.items())
    heading = json.dumps(machine.heading())
    RECORD.write_text(f'{{\n  "measured": {heading},\n  "instructions": {{\n{lines}\n  }}\n}}\n')


def main() -> None:
    """Runs under callgrind the jobs of which standard input has the keys."""
    sys.modules.update(dict.fromkeys(_ABSENT))
    keys = set(json.load(sys.stdin))
    listed = {job.key: job for job in jobs.ALL if job.key in keys}
    names = Names(listed.values())
    absent = {key: reason for key, job in listed.items() if (reason := names.missing(job))}
    timers = {}
    for key in [key for key in listed if key not in absent]:
        statements = listed[key].ours, listed[key].theirs
        both = [timeit.Timer(statement, globals=names.values) for statement in statements]
        try:
            for timer in both:
                timer.timeit(1)
            timers[key] = both
        except ImportError as error:  # by the name of a framework
            absent[key] = str(error)
    for name in _ABSENT:  # they are only not loaded: dlbridge takes longer where one is blocked
        del sys.modules[name]
    for timer in (timeit.Timer("pass"), *(timer for both in timers.values() for timer in both)):
        timer.timeit(CALLS)  # what is looked up once
        os.getppid()
        timer.timeit(CALLS)
        os.getppid()
    print(json.dumps([list(timers), absent]))


if __name__ == "__main__":
    main()
