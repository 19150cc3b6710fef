"""Strided copies, one thread, as a share of a plain copy of as many bytes."""

import ctypes
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from dlbridge import capi

CASES = [
    ("transpose, float32", "float32", (4096, 4096), (1, 0)),
    ("transpose, float64", "float64", (4096, 4096), (1, 0)),
    ("transpose, uint8", "uint8", (4096, 4096), (1, 0)),
    ("NCHW to NHWC, float32", "float32", (8, 3, 1024, 1024), (0, 2, 3, 1)),
    ("NHWC to NCHW, float32", "float32", (8, 1024, 1024, 3), (0, 3, 1, 2)),
    ("NCHW to NHWC, uint8", "uint8", (8, 3, 1024, 1024), (0, 2, 3, 1)),
    ("NHWC to NCHW, uint8", "uint8", (8, 1024, 1024, 3), (0, 3, 1, 2)),
]
LIBRARIES = ("dlbridge", "NumPy", "torch")


@dataclass(frozen=True)
class Shares:
    """Of each library: its speed, with 1 for memcpy's (medians)."""

    what: str
    shares: dict[str, float]


def measure(case: tuple, rounds: int = 5) -> Shares:
    """Copies into memory that exists, each library in turn."""
    what, dtype, shape, axes = case
    source = np.ones(shape, dtype).transpose(axes)
    target = np.zeros(source.shape, dtype)
    torch.set_num_threads(1)
    ways = _ways(source, target)
    shares: dict[str, list[float]] = {library: [] for library in LIBRARIES}
    for _ in range(rounds):
        plain = _seconds(ways["memcpy"])
        for library, values in shares.items():
            values.append(plain / _seconds(ways[library]))
    assert np.array_equal(source, target)
    return Shares(what, {library: statistics.median(values) for library, values in shares.items()})


def _ways(source: np.ndarray, target: np.ndarray) -> dict[str, Callable[[], object]]:
    ours = ctypes.CDLL(str(capi.LIBRARY)).dlbridge_copy_into
    ours.argtypes, ours.restype = [capi.arg("[...]"), capi.arg("out [...]")], capi.Status
    theirs = torch.from_numpy(source), torch.from_numpy(target)
    flat = np.ones(source.shape, source.dtype)
    return {
        "memcpy": lambda: ctypes.memmove(target.ctypes, flat.ctypes, flat.nbytes),
        "dlbridge": lambda: ours(source, target),
        "NumPy": lambda: np.copyto(target, source),
        "torch": lambda: theirs[1].copy_(theirs[0]),
    }


def _seconds(copy: Callable[[], object]) -> float:
    start = time.perf_counter()
    copy()
    return time.perf_counter() - start
