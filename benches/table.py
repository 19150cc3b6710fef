"""The figures as rows of words, for a terminal, a pipe and Markdown."""

import sys

from .copies import LIBRARIES, Shares
from .measure import Ratio

COLUMNS = ("job", "peer", "ours", "peer's", "ratio", "quartiles", "at most")
_LEFT = 2  # the first columns are words


def ratio_rows(ratios: list[Ratio]) -> list[tuple[str, ...]]:
    """A row for each job."""
    return [
        (
            ratio.job.what,
            ratio.job.peer,
            f"{ratio.ours:,.0f} ns",
            f"{ratio.theirs:,.0f} ns",
            f"{ratio.middle:.3f}",
            f"{ratio.low:.2f} to {ratio.high:.2f}",
            _wanted(ratio),
        )
        for ratio in ratios
    ]


def notes(ratios: list[Ratio]) -> list[str]:
    """The notes of the jobs, each once, with the names of its jobs."""
    jobs: dict[str, list[str]] = {}
    for ratio in ratios:
        if ratio.job.note:
            jobs.setdefault(ratio.job.note, []).append(ratio.job.what)
    return [f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in jobs.items()]


def beside_fastest(ratios: list[Ratio]) -> list[Ratio]:
    """Of the rows with the same name and the same statement of ours, that of the fastest peer."""
    slowest: dict[tuple[str, str], Ratio] = {}
    for ratio in ratios:
        row = ratio.job.what, ratio.job.ours
        if row not in slowest or slowest[row].middle < ratio.middle:
            slowest[row] = ratio
    return list(slowest.values())


def _wanted(ratio: Ratio) -> str:
    if ratio.job.wanted is None:
        return ""
    return f"{ratio.job.wanted:g}" + ("" if ratio.met else ", missed")


def share_rows(shares: list[Shares]) -> list[tuple[str, ...]]:
    """A row for each copy."""
    return [
        (share.what, *(f"{share.shares[library]:.2f}" for library in LIBRARIES)) for share in shares
    ]


def markdown(columns: tuple[str, ...], rows: list[tuple[str, ...]], left: int = _LEFT) -> str:
    """A table of Markdown."""
    rule = ["---" if place < left else "--:" for place in range(len(columns))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [columns, rule, *rows])


def show(
    title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], left: int = _LEFT
) -> None:
    """Prints a table: with colours on a terminal, as plain columns in a pipe."""
    if sys.stdout.isatty():
        _show_coloured(title, columns, rows, left)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print(f"\n{title}")
    for row in [columns, *rows]:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _show_coloured(
    title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], left: int
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < left else "right")
    for row in rows:
        style = {True: "yellow", False: "green"}.get("missed" in row[-1]) if row[-1] else None
        table.add_row(*row, style=style if len(row) == len(COLUMNS) else None)
    Console().print(table)
