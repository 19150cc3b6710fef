"""Exchanges in processes of their own: some frameworks cannot live together."""

import importlib.metadata
import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from .exchange import ABSENT, CRASHES, HANGS, Cell
from .frameworks import FRAMEWORKS
from .worker import ENVIRONMENT

Case = tuple[str, str, str, str]  # source, target, dtype, layout

_STARTUP_SECONDS = 120.0
_CASE_SECONDS = 1.0


@dataclass
class Answers:
    """What became of the exchanges of a pair, in their order; `notes` are sentences
    about the pair itself."""

    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def installed(names: Iterable[str] = FRAMEWORKS) -> list[str]:
    """The frameworks that are installed; none is imported."""
    return [name for name in names if is_installed(FRAMEWORKS[name].module)]


def is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.split(".")[0]) is not None


def version(name: str) -> str:
    """The version of an installed framework, "" if it does not say."""
    for distribution in FRAMEWORKS[name].distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            pass
    return ""


def pairs(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Each two frameworks, and each by itself: one process for either."""
    return [(name,) for name in names] + list(itertools.combinations(names, 2))


def cases(pair: tuple[str, ...], kinds: Sequence[tuple[str, str]]) -> list[Case]:
    """The exchanges of a pair, there and back."""
    ways = [pair * 2] if len(pair) == 1 else [pair, pair[::-1]]
    return [(way[0], way[1], dtype, layout) for way in ways for dtype, layout in kinds]


def run(
    names: Sequence[str],
    kinds: Sequence[tuple[str, str]],
    *,
    done: Callable[[str], None] = lambda pair: None,
    processes: int | None = None,
) -> Answers:
    """All exchanges among these frameworks, `kinds` being pairs of dtype and layout.
    Calls `done` with the name of each pair that is finished."""
    todo = pairs(names)
    found: dict[tuple[str, ...], Answers] = {}
    with ThreadPoolExecutor(processes or os.cpu_count() or 1) as threads:
        futures = {threads.submit(run_pair, pair, cases(pair, kinds)): pair for pair in todo}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            done(" and ".join(futures[future]))
    everything = Answers()
    for pair in todo:
        everything.cells += found[pair].cells
        everything.notes += found[pair].notes
    return everything


def run_pair(pair: tuple[str, ...], todo: Sequence[Case]) -> Answers:
    """These exchanges, in one process, and in further ones if that dies."""
    answers, imports = Answers(), pair
    while todo:
        loaded, missing, cells, death = _process(imports, todo)
        answers.cells += cells
        todo = todo[len(cells) :]
        if missing:
            answers.cells += [Cell(*case, ABSENT, missing) for case in todo]
            return answers
        if not todo and death and loaded:
            answers.notes.append(
                f"the process of {_titles(pair)} {death[0]} at its end ({death[1]})"
            )
        if not death or not todo:
            return answers
        if not loaded and imports == pair and len(pair) > 1:
            imports = pair[::-1]
            answers.notes.append(_import_note(imports, death))
        elif not loaded:
            answers.cells += [Cell(*case, *death) for case in todo]
            return answers
        else:
            answers.cells.append(Cell(*todo[0], *death))
            todo = todo[1:]
    return answers


def _titles(pair: tuple[str, ...]) -> str:
    return " and ".join(FRAMEWORKS[name].title for name in pair)


def _import_note(imports: tuple[str, ...], death: tuple[str, str]) -> str:
    first, second = (FRAMEWORKS[name].title for name in imports)
    return (
        f"importing {second} before {first} {death[0]} ({death[1]}); "
        f"here {first} was imported first"
    )


def _process(
    imports: tuple[str, ...], todo: Sequence[Case]
) -> tuple[bool, str, list[Cell], tuple[str, str] | None]:
    """One worker: whether its frameworks were loaded, why one cannot be imported,
    the cells that it answered, and how it died if it did."""
    request = json.dumps({"imports": imports, "cases": todo})
    death: tuple[str, str] | None = None
    seconds = _STARTUP_SECONDS + _CASE_SECONDS * len(todo)
    try:
        result = ask("dlbridge.cli.worker", text=request, seconds=seconds)
        output = result.stdout
        if result.returncode != 0:
            death = CRASHES, cause(result.returncode, result.stderr)
    except subprocess.TimeoutExpired as timeout:
        output = timeout.stdout or b""
        death = HANGS, f"no answer within {timeout.timeout:.0f} s"
    loaded, missing, cells = False, "", []
    for line in _whole_lines(output):
        answer = json.loads(line)
        if "loaded" in answer:
            loaded = True
        elif "missing" in answer:
            title = FRAMEWORKS[answer["missing"]].title
            missing = f"{title} cannot be imported: {answer['reason']}"
        else:
            cells.append(Cell(**answer))
    return loaded, missing, cells, death


def ask(
    module: str, *arguments: str, text: str = "", seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """What a program of this package answers, in a process of its own. A machine with
    more to do than it has processors gets as many times `seconds`: work that waits for
    its turn does not hang."""
    command = [sys.executable, "-m", module, *arguments]
    environment = {**ENVIRONMENT, **os.environ}
    pipe, start, limit = subprocess.PIPE, time.monotonic(), seconds
    # A file, since communicate() does not send the rest of its input when it is called again.
    with tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        child = subprocess.Popen(command, stdin=given, stdout=pipe, stderr=pipe, env=environment)
    while True:
        try:
            output, errors = child.communicate(None, max(start + limit - time.monotonic(), 0))
            return subprocess.CompletedProcess(command, child.returncode, output, errors)
        except subprocess.TimeoutExpired:
            longer = seconds * _crowding()
            if longer > limit:
                limit = min(longer, limit + 60)
                continue
            child.kill()
            output, _ = child.communicate()
            raise subprocess.TimeoutExpired(command, limit, output) from None
        except BaseException:
            child.kill()
            child.wait()
            raise


def _crowding() -> float:
    """How many processes wait for each processor."""
    return max(os.getloadavg()) / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1.0


def _whole_lines(output: bytes) -> Iterator[bytes]:
    return (line for line in output.splitlines(keepends=True) if line.endswith(b"\n"))


def cause(status: int, stderr: bytes) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {status}"
