"""Builds, measures, prints and writes down: see `make bench`."""

import sys

from . import build, copies, jobs, machine, processes, report, table


def main() -> None:
    """All of it, in about two minutes."""
    say("building the modules of the peers")
    build.build()
    ratios = processes.measured(jobs.ALL)
    missing = {job.key for job in jobs.ALL} - {ratio.job.key for ratio in ratios}
    for key in sorted(missing):
        say(f"left out, since not all that it names is there: {key}")
    sections = {
        title: [ratio for ratio in ratios if ratio.job in listed]
        for title, listed in jobs.SECTIONS.items()
    }
    shares = []
    for case in copies.CASES:
        say(f"copying: {case[0]}")
        shares.append(copies.measure(case))
    show(sections, shares)
    report.write(sections, shares)
    say(f"wrote {report.PAGE.relative_to(build.ROOT)} and its picture")


def show(sections: report.Sections, shares: list[copies.Shares]) -> None:
    """Prints the tables."""
    print(machine.heading())
    for title, ratios in sections.items():
        table.show(title, table.COLUMNS, table.ratio_rows(ratios))
    columns = ("copy", *copies.LIBRARIES)
    table.show("Strided copies, as a share of memcpy", columns, table.share_rows(shares), left=1)


def say(words: str) -> None:
    """Tells how far it is."""
    print(f"==> {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
