"""Builds, measures, prints and writes down: see `make bench`.

With `--only` it measures and prints the rows that match, and writes nothing.
"""

import argparse
import re
import sys

from . import build, copies, instructions, jobs, machine, names, processes, report, table
from .job import Job
from .measure import Ratio


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument(
        "--only", metavar="REGEX", help="rows whose name or statements match, as a quick look"
    )
    parser.add_argument(
        "--processes", type=int, default=3, help="in which they are measured, with --only"
    )
    parser.add_argument(
        "--count", action="store_true", help="count instructions alone, and write them down"
    )
    options = parser.parse_args()
    if options.count:
        count()
    elif options.only is None:
        everything()
    else:
        only(options.only, options.processes)


def everything() -> None:
    """All of it, in a few minutes."""
    say("building the modules of the peers")
    build.build()
    measured = _measured(jobs.ALL)
    sections = {
        title: table.beside_fastest([ratio for ratio in measured if ratio.job in listed])
        for title, listed in jobs.SECTIONS.items()
    }
    shares = []
    for case in copies.CASES:
        say(f"copying: {case[0]}")
        shares.append(copies.measure(case))
    show(sections)
    columns = ("copy", *copies.LIBRARIES)
    table.show("Strided copies, as a share of memcpy", columns, table.share_rows(shares), left=1)
    report.write(sections, shares)
    say(f"wrote {report.PAGE.relative_to(build.ROOT)} and its picture")
    count()


def count() -> None:
    """The instructions of the rows that need NumPy alone."""
    if reason := instructions.why_none():
        say(f"no instructions are counted: {reason}")
        return
    say("counting instructions")
    build.build()
    instructions.record()
    say(f"wrote {instructions.RECORD.relative_to(build.ROOT)}")


def only(pattern: str, number: int) -> None:
    """The rows that match."""
    wanted = re.compile(pattern, re.IGNORECASE)
    found = [job for job in jobs.ALL if wanted.search(f"{job.what}\n{job.key}")]
    if not found:
        raise SystemExit(f"no row matches {pattern!r}; benches/jobs.py and paths.py have them")
    if names.needs_peers(found):
        say("building the modules of the peers")
        build.build()
    measured = _measured(found, number)
    show(
        {
            title: [ratio for ratio in measured if ratio.job in listed]
            for title, listed in jobs.SECTIONS.items()
        }
    )


def _measured(listed: list[Job], number: int = processes.PROCESSES) -> list[Ratio]:
    measured = processes.measured(listed, number)
    for key, reason in measured.absent.items():
        say(f"left out: {key} ({reason})")
    return measured.ratios


def show(sections: report.Sections) -> None:
    """Prints the tables that have rows, with their notes."""
    print(machine.heading())
    for title, ratios in sections.items():
        if ratios:
            table.show(title, table.COLUMNS, table.ratio_rows(ratios))
            for note in table.notes(ratios):
                print(f"- {note}")


def say(words: str) -> None:
    """Tells how far it is."""
    print(f"==> {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
