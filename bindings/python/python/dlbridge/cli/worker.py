"""The process in which frameworks meet: it reads a request as JSON on its standard
input, and writes a line of JSON for each cell as soon as it is known.

It may die at any time: the cell after the last one that it wrote is what killed it.
"""

import contextlib
import dataclasses
import json
import os
import sys
import warnings
from typing import Any

import dlbridge

from .exchange import exchange
from .frameworks import FRAMEWORKS, values

# Less noise, less memory, and no fight over the processors. Of tinygrad the device
# that needs no compiler, and no cache: what one process put into it would decide
# what the next one can do, and many at once wait for each other's locks on it.
ENVIRONMENT = {
    "CACHELEVEL": "0",
    "CUDA_MODULE_LOADING": "LAZY",
    "DEV": "PYTHON",
    "GLOG_minloglevel": "3",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


def main() -> None:
    request = json.loads(sys.stdin.read())
    # Frameworks print what they like on the standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    for name in request["imports"]:
        try:
            FRAMEWORKS[name].load()
        except Exception as error:
            print(json.dumps({"missing": name, "reason": str(error)}), file=answers, flush=True)
            return
    print(json.dumps({"loaded": request["imports"]}), file=answers, flush=True)
    for case in request["cases"]:
        cell = exchange(FRAMEWORKS[case[0]], FRAMEWORKS[case[1]], *case[2:])
        print(json.dumps(dataclasses.asdict(cell)), file=answers, flush=True)
    _hold({(source, target) for source, target, *_ in request["cases"]})


_held: list[Any] = []


def _hold(ways: set[tuple[str, str]]) -> None:
    """Share something until the interpreter is gone, which must not crash either."""
    for source, target in ways:
        to: Any = target
        with contextlib.suppress(Exception):
            array = FRAMEWORKS[source].make(values("float32"), "contiguous")
            _held.append(dlbridge.convert(array, to))


if __name__ == "__main__":
    main()
