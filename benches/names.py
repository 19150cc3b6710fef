"""What the statements of the jobs talk about: a value for each name, made when it is first used."""

from collections.abc import Callable, Iterable

from . import arrays, frameworks, functions
from .job import Job

_MAKERS: dict[str, Callable[[], object]] = (
    arrays.MAKERS | functions.MAKERS | functions.PEERS | frameworks.MAKERS
)


class Names:
    """The values of the names of some jobs, and why others have none."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.values: dict[str, object] = {}
        self.absent: dict[str, str] = {}
        for name in sorted(set().union(*(job.names() for job in jobs))):
            try:
                self.values[name] = _MAKERS[name]()
            except (ImportError, OSError, AttributeError) as error:
                self.absent[name] = f"{name}: {error}"

    def missing(self, job: Job) -> str:
        """Why the job cannot be done here; empty if it can."""
        return "; ".join(self.absent[name] for name in sorted(job.names() & set(self.absent)))


def framework(job: Job) -> str:
    """The framework of the job, which is loaded in a process of its own; empty if it has none."""
    return next((frameworks.OWNERS[name] for name in job.names() & set(frameworks.OWNERS)), "")


def needs_peers(jobs: Iterable[Job]) -> bool:
    """Whether a job calls a module that has to be compiled for it."""
    return any(job.names() & set(functions.PEERS) for job in jobs)
