"""`python -m dlbridge matrix`: which frameworks share with which, tried out."""

import argparse
import dataclasses
import json
import os
import sys
import textwrap
from pathlib import Path

from . import drawing, page, pool
from .exchange import ABSENT, CRASHES, HANGS, REFUSES, SHARES
from .frameworks import DTYPES, FRAMEWORKS, LAYOUTS
from .table import Table

_COLOURS = {SHARES: 32, "copies": 33, REFUSES: 31, ABSENT: 90, CRASHES: 35, HANGS: 35}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Give an array of each installed framework to each other one, and print what "
        "became of it: shared, copied or refused, and why. Each pair runs in a process "
        "of its own, so this takes a minute or two."
    )
    parser.add_argument(
        "frameworks", nargs="*", metavar="FRAMEWORK", help=f"of {', '.join(FRAMEWORKS)}"
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float32", metavar="DTYPE")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="contiguous", help="of the array (%(default)s)"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write a page in colour")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="also draw it in colour")
    parser.add_argument("--json", action="store_true", help="print the cells as JSON")


def run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """Print the table; 1 if an exchange broke a promise of dlbridge or its process."""
    for name in arguments.frameworks:
        if name not in FRAMEWORKS:
            parser.error(f"{name} is not one of {', '.join(FRAMEWORKS)}")
    # In one order, whatever the order of the arguments.
    wanted = [name for name in FRAMEWORKS if name in (arguments.frameworks or FRAMEWORKS)]
    names = pool.installed(wanted)
    if "numpy" not in pool.installed():
        parser.error("numpy is not installed, and the arrays of all others are made from its")
    if arguments.frameworks and (lacking := [name for name in wanted if name not in names]):
        parser.error(f"not installed: {', '.join(lacking)}")
    progress = _Progress(len(pool.pairs(names)))
    kinds = [(arguments.dtype, arguments.layout)]
    answers = pool.run(names, kinds, done=progress.step)
    progress.end()
    table = Table(names, arguments.dtype, arguments.layout, answers)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(cell) for cell in answers.cells], indent=1))
    else:
        print(text(table, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    if arguments.svg:
        arguments.svg.write_text(drawing.svg(table), encoding="utf-8")
    if arguments.html:
        arguments.html.write_text(page.html(table), encoding="utf-8")
    return int(any(cell.problems or cell.outcome in (CRASHES, HANGS) for cell in answers.cells))


def text(table: Table, *, colour: bool = False) -> str:
    """The table as plain text, and under it the reasons by their numbers."""
    width = max(11, *(len(name) + 1 for name in table.names))
    lines = [table.heading(), ""]
    lines.append(" " * width + "".join(name.ljust(width) for name in table.names).rstrip())
    for source in table.names:
        row = source.ljust(width)
        for target in table.names:
            cell = table.cell(source, target)
            word = "-" if cell.outcome == ABSENT else cell.outcome
            number = table.number(cell)
            words = f"{word} {number}" if number else word
            start, end = (f"\033[{_COLOURS[cell.outcome]}m", "\033[0m") if colour else ("", "")
            row += start + words + end + " " * max(width - len(words), 1)
        lines.append(row.rstrip())
    lines += ["", table.summary(), ""]
    for number, reason in enumerate(table.reasons, 1):
        lines += textwrap.wrap(
            reason, 100, initial_indent=f"{number:3}  ", subsequent_indent="     "
        )
    for title, sentences in (("Note", table.notes), ("PROBLEM", table.problems)):
        lines += [f"{title}: {sentence}" for sentence in sentences]
    return "\n".join(lines).rstrip()


class _Progress:
    """A line on the standard error that counts the pairs, where a person sees it."""

    def __init__(self, total: int) -> None:
        self.total, self.count = total, 0
        self.shown = sys.stderr.isatty()
        self._show("")

    def step(self, pair: str) -> None:
        self.count += 1
        self._show(pair)

    def _show(self, pair: str) -> None:
        if self.shown:
            bar = "=" * (30 * self.count // self.total)
            line = f"\r\033[K[{bar:30}] {self.count} of {self.total} pairs  {pair}"
            print(line, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
