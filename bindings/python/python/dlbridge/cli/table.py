"""The answers as a table: cells, and the reasons under numbers."""

import collections
from collections.abc import Sequence

import dlbridge

from .exchange import ABSENT, COPIES, CRASHES, HANGS, REFUSES, SHARES, Cell
from .frameworks import FRAMEWORKS
from .pool import Answers, version

MEANINGS = {
    SHARES: "the same memory, no copy",
    COPIES: "cannot share, for the reason with that number; copy=None copies",
    REFUSES: "cannot have it, for the reason with that number",
    CRASHES: "the process died",
    HANGS: "no answer in time",
    ABSENT: "there is no such array to give",
}


class Table:
    """What became of one kind of array between frameworks."""

    def __init__(self, names: Sequence[str], dtype: str, layout: str, answers: Answers) -> None:
        self.names, self.dtype, self.layout = list(names), dtype, layout
        self.notes = list(answers.notes)
        self._cells = {(cell.source, cell.target): cell for cell in answers.cells}
        self.reasons: list[str] = []
        # In the order of the table, so that the numbers rise as one reads.
        for source in names:
            for target in names:
                reason = self.cell(source, target).reason
                if reason and reason not in self.reasons:
                    self.reasons.append(reason)
        self.problems = [
            f"{cell.source} to {cell.target}: {problem}"
            for cell in answers.cells
            for problem in cell.problems
        ]

    def cell(self, source: str, target: str) -> Cell:
        return self._cells[source, target]

    def number(self, cell: Cell) -> int:
        """That of the reason, 0 without one."""
        return self.reasons.index(cell.reason) + 1 if cell.reason else 0

    def heading(self) -> str:
        article = "an" if self.dtype[0] in "aeiou" else "a"
        return (
            f"dlbridge {dlbridge.__version__}: {article} {self.dtype} array, {self.layout}, "
            "from the framework on the left to the one above"
        )

    def counts(self) -> dict[str, int]:
        """How often each outcome occurs, those first that matter most."""
        counted = collections.Counter(cell.outcome for cell in self._cells.values())
        return {outcome: counted[outcome] for outcome in MEANINGS if counted[outcome]}

    def summary(self) -> str:
        """What the words mean, and how often each occurs."""
        return "\n".join(
            f"{'-' if outcome == ABSENT else outcome:8} {count:3}  {MEANINGS[outcome]}"
            for outcome, count in self.counts().items()
        )

    def titles(self) -> dict[str, tuple[str, str]]:
        """The title and the version of each framework."""
        return {name: (FRAMEWORKS[name].title, version(name)) for name in self.names}
