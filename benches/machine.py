"""Where and when figures were measured."""

import datetime
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "dlbridge", "numpy", "torch", "nanobind", "pybind11", "apache-tvm-ffi", "cuda-core",
)  # fmt: skip


def processor() -> str:
    """The name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "an unknown processor"


def versions() -> dict[str, str]:
    """Of Python and the packages."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def heading() -> str:
    """Date, processor and versions in a sentence."""
    listed = ", ".join(f"{name} {number}" for name, number in versions().items())
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{today}, {platform.system()} on {processor()}. {listed}."
