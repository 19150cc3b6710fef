"""`python -m dlbridge doctor`: what is there, and what is wrong with it in words."""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import dlbridge

from . import cuda, pool
from .frameworks import FRAMEWORKS
from .library import Library

_NUMPY_NEEDED = (2, 1)
_PROBE_SECONDS = 120


@dataclass
class Found:
    """A framework that is installed."""

    name: str
    version: str
    protocols: list[str]
    error: str
    hint: str
    fast_path: str = ""  # of PyTorch: whether its own functions are used, or why not


@dataclass
class Report:
    """What is there. `wrong` are sentences about what must be mended, `hints` about
    what one may want to know."""

    versions: dict[str, str]
    library: Library
    cuda: str
    frameworks: list[Found]
    wrong: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Print versions, the library, CUDA, and the frameworks with the protocols that "
        "their arrays speak; and what is wrong, in words. The exit status is 1 if "
        "something is."
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(_parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """Print the report; 1 if something is wrong."""
    report = examine()
    if arguments.json:
        print(json.dumps(dataclasses.asdict(report), indent=1))
    else:
        print(text(report))
    return int(bool(report.wrong))


def examine() -> Report:
    """Look at everything. Frameworks are imported in processes of their own."""
    library = Library.examine()
    versions = {
        "dlbridge": dlbridge.__version__,
        "C ABI": str(library.abi_version or "unknown"),
        "DLPack": library.dlpack_version or "unknown",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": f"{platform.system()} {platform.machine()}",
    }
    # NumPy makes the arrays of all others: without it there is nothing to ask them.
    names = pool.installed()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        frameworks = list(threads.map(_probe, names))
    report = Report(versions, library, cuda.driver(), frameworks)
    report.wrong += library.wrong
    report.wrong += _wrong_packages()
    _judge(report)
    return report


def _probe(name: str) -> Found:
    found = Found(name, pool.version(name), [], "", "")
    try:
        result = pool.ask("dlbridge.cli.probe", name, seconds=_PROBE_SECONDS)
    except subprocess.TimeoutExpired as timeout:
        found.error = f"does not finish its import within {timeout.timeout:.0f} s"
        return found
    if result.returncode != 0:
        found.error = f"dies at its import: {pool.cause(result.returncode, result.stderr)}"
        return found
    answer = json.loads(result.stdout)
    found.protocols, found.error, found.hint = (
        answer["protocols"],
        answer["error"],
        " ".join(answer["hint"].split()),
    )
    found.fast_path = answer.get("fast_path", "")
    return found


def _wrong_packages() -> list[str]:
    """What is wrong with the Python package itself."""
    wrong = []
    try:
        recorded = importlib.metadata.version("dlbridge")
    except importlib.metadata.PackageNotFoundError:
        recorded = dlbridge.__version__  # used from its source folder
    if recorded != dlbridge.__version__:
        wrong.append(
            f"pip installed dlbridge {recorded}, but the compiled module that is imported is "
            f"{dlbridge.__version__}: reinstall with pip install --force-reinstall dlbridge"
        )
    folders = {Path(folder or ".", "dlbridge").resolve() for folder in sys.path}
    copies = sorted(str(folder) for folder in folders if (folder / "__init__.py").is_file())
    if len(copies) > 1:
        wrong.append(
            f"there are {len(copies)} packages dlbridge on sys.path ({', '.join(copies)}), and "
            "the first one hides the others: remove all but one"
        )
    return wrong


def _judge(report: Report) -> None:
    """What the frameworks lack."""
    names = {found.name: found for found in report.frameworks}
    if "numpy" not in names:
        report.hints.append("NumPy is not installed: Tensor.numpy() and matrix need it")
    elif _numbers(names["numpy"].version) < _NUMPY_NEEDED:
        needed = ".".join(map(str, _NUMPY_NEEDED))
        report.wrong.append(
            f"NumPy is {names['numpy'].version}, whose DLPack cannot pass read-only arrays on: "
            f"pip install 'numpy>={needed}'"
        )
    if "numpy" in names and not pool.is_installed("ml_dtypes"):
        report.hints.append(
            "ml_dtypes is not installed: NumPy cannot have bfloat16 and float8 without it "
            "(pip install ml_dtypes)"
        )
    for found in report.frameworks:
        title = FRAMEWORKS[found.name].title
        if found.error:
            report.wrong.append(f"{title} is installed, but {found.error}")
        elif found.hint:
            hint = found.hint
            report.hints.append(hint if hint.startswith(title) else f"{title} {hint}")
    if {"tensorflow", "paddle"} <= names.keys():
        report.hints.append(
            "TensorFlow and PaddlePaddle are both installed: importing TensorFlow first has "
            "been seen to kill the process, so import paddle before tensorflow"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def text(report: Report) -> str:
    """The report to read."""
    rows = list(report.versions.items())
    rows += [("library", report.library.path or "not found"), ("CUDA", report.cuda)]
    lines = [f"{name:12}{value}" for name, value in rows]
    lines += [
        f"{FRAMEWORKS[found.name].title} fast path: {found.fast_path}"
        for found in report.frameworks
        if found.fast_path
    ]
    lines += ["", "Frameworks, and the protocols that their arrays speak"]
    for found in report.frameworks:
        spoken = ", ".join(found.protocols) or ("no import" if found.error else "no array here")
        lines.append(f"  {found.name:12}{found.version:14}{spoken}")
    if not report.frameworks:
        lines.append("  none is installed")
    lacking = [name for name in FRAMEWORKS if name not in {f.name for f in report.frameworks}]
    if lacking:
        lines.append(f"  not installed: {', '.join(lacking)}")
    for title, sentences in (("Wrong", report.wrong), ("Good to know", report.hints)):
        if sentences:
            lines += ["", title, *(f"  - {sentence}" for sentence in sentences)]
    if not report.wrong:
        lines += ["", "Nothing is wrong."]
    return "\n".join(lines)
