"""A job that is measured: the same, done by dlbridge and by a peer."""

import ast
import builtins
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A pair of statements that do the same job."""

    what: str
    ours: str
    peer: str
    theirs: str
    wanted: float | None = None  # the most that the ratio should be
    # What the time of each statement is divided by: the arrays or the calls in it.
    per: tuple[int, int] = (1, 1)
    note: str = ""  # why the peer is this one

    @property
    def key(self) -> str:
        """What the job is called in files of ratios."""
        return " ".join(f"{self.ours} / {self.theirs}".split())

    def names(self) -> set[str]:
        """The names that its statements use."""
        nodes = ast.walk(ast.parse(f"{self.ours}\n{self.theirs}"))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        return {node.id for node in names} - made - set(dir(builtins))
