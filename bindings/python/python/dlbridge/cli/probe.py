"""`python -m dlbridge.cli.probe NAME` imports a framework and prints as JSON which
protocols its arrays speak: in a process of its own, which it may crash."""

import ctypes
import json
import os
import sys
import warnings
from typing import Any

from dlbridge import _dlbridge

from .frameworks import FRAMEWORKS, NotOfferedError, values

_ATTRIBUTES = (
    "__array_interface__",
    "__array_struct__",
    "__cuda_array_interface__",
)
_EXCHANGE = ("__dlpack_c_exchange_api__", "__c_dlpack_exchange_api__")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    framework = FRAMEWORKS[sys.argv[1]]
    answer: dict[str, Any] = {"protocols": [], "error": "", "hint": ""}
    try:
        framework.load()
    except Exception as error:
        answer["error"] = f"cannot be imported: {error}"
    else:
        try:
            answer["protocols"] = protocols(framework.make(values("float32"), "contiguous"))
            if sys.argv[1] == "torch":
                answer["fast_path"] = _dlbridge._torch_fast_path()
        except NotOfferedError as error:
            answer["hint"] = str(error)
        except Exception as error:
            answer["hint"] = f"makes no array here: {type(error).__name__}: {error}"
    print(json.dumps(answer), file=answers, flush=True)


def protocols(array: Any) -> list[str]:
    """What an array speaks."""
    found = []
    if hasattr(type(array), "__dlpack__"):
        found.append(_dlpack(array))
    if any(hasattr(type(array), name) for name in _EXCHANGE):
        found.append("DLPack C exchange")
    found += [name.strip("_").replace("_", " ") for name in _ATTRIBUTES if _has(array, name)]
    try:
        memoryview(array).release()
        found.append("buffer")
    except (TypeError, ValueError, BufferError):
        pass
    return found


def _has(array: Any, name: str) -> bool:
    try:
        return hasattr(array, name)
    except Exception:  # PyTorch raises what it likes
        return False


def _dlpack(array: Any) -> str:
    """DLPack, and which kind of it the array gives."""
    try:
        capsule = array.__dlpack__(max_version=(1, 3))
    except TypeError:
        capsule = array.__dlpack__()
    except Exception:
        return "DLPack"
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(
        ("PyCapsule_GetName", ctypes.pythonapi)
    )
    return "DLPack" if name(capsule) == b"dltensor_versioned" else "DLPack before 1.0"


if __name__ == "__main__":
    main()
