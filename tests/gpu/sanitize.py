"""Runs the tests of values under compute-sanitizer, where it is: `python tests/gpu/sanitize.py`."""

import shutil
import subprocess
import sys
from pathlib import Path

from conftest import why_none


def main() -> int:
    tool = shutil.which("compute-sanitizer")
    reason = why_none() or (None if tool else "compute-sanitizer is not on this machine")
    if reason:
        print(f"skipped: {reason}")
        return 0
    test = Path(__file__).parent / "test_gpu.py"
    python = [sys.executable, "-m", "pytest", "-q", test, "-k", "path and float32"]
    return subprocess.run([tool, "--error-exitcode=9", *python]).returncode


if __name__ == "__main__":
    sys.exit(main())
