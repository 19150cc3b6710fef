"""Builds, measures, prints and writes down: see `make bench`."""

import sys

from . import build, copies, jobs, machine, measure, names, report, table

SECTIONS = {
    "Beside the fastest peers": jobs.TARGETS,
    "Beside the shortest way there is in C": jobs.FLOORS,
    "Beside others": jobs.OTHERS,
}


def main() -> None:
    say("building the modules of the peers")
    build.build()
    known = names.everything()
    sections = {title: measured(title, listed, known) for title, listed in SECTIONS.items()}
    shares = []
    for case in copies.CASES:
        say(f"copying: {case[0]}")
        shares.append(copies.measure(case))
    print(machine.heading())
    for title, ratios in sections.items():
        table.show(title, table.COLUMNS, table.ratio_rows(ratios))
    columns = ("copy", *copies.LIBRARIES)
    table.show("Strided copies, as a share of memcpy", columns, table.share_rows(shares), left=1)
    report.write(sections, shares)
    say(f"wrote {report.PAGE.relative_to(build.ROOT)} and its picture")


def measured(title: str, listed: list[jobs.Job], known: dict[str, object]) -> list[measure.Ratio]:
    """The ratios of the jobs that are possible."""
    possible = jobs.possible(listed, known)
    ratios = []
    for place, job in enumerate(possible, 1):
        say(f"{title}, {place} of {len(possible)}: {job.key}")
        ratios.append(measure.measure(job, known))
    return ratios


def say(words: str) -> None:
    print(f"==> {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
