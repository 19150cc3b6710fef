"""Whichever allocation fails: Python is told so, nothing leaks, and nothing ends the process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import failing_allocator
import memory_cases
import pytest

PROGRAM = Path(memory_cases.__file__)
ALLOCATORS = {
    # Without its own allocator the interpreter asks malloc for each object.
    "every allocation": "malloc",
    "large allocations": "pymalloc",
}


def outcomes(environment):
    """What was wrong in each case; where the process ended, how. The others go on after it."""
    found, left = {}, [case for case in memory_cases.CASES if case not in memory_cases.LEFT_OUT]
    while left:
        process = subprocess.run(
            [sys.executable, PROGRAM, *left],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
        )
        lines = process.stdout.splitlines()
        for case, wrong in zip(lines[::2], lines[1::2], strict=False):
            found[case] = json.loads(wrong)
        left = left[len(lines) // 2 :]
        if left:
            how = f"the process ended with {process.returncode}: {process.stderr[-2000:]}"
            found[left.pop(0)] = [how]
    return found


@pytest.fixture(scope="module", params=ALLOCATORS.values(), ids=ALLOCATORS)
def found(request, tmp_path_factory):
    library = failing_allocator.build(tmp_path_factory.mktemp("failing_allocator"))
    environment = os.environ | failing_allocator.environment(library)
    return outcomes(
        environment | {"PYTHONMALLOC": request.param, "PYTHONPATH": str(PROGRAM.parent)}
    )


@pytest.mark.parametrize("case", memory_cases.CASES)
def test_memory_that_is_missing_is_an_error(found, case):
    if reason := memory_cases.LEFT_OUT.get(case):
        pytest.skip(reason)
    assert not found[case]
