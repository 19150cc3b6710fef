"""Converts arrays of many layouts and dtypes to one framework, and says what happened.

Run as a program, since not all frameworks can live in one process:
python framework_cases.py NAME prints a JSON list of cases.
"""

import gc
import json
import sys
import weakref

import dlbridge
import numpy as np
from dlbridge.cli.frameworks import FRAMEWORKS

ALIGNED = 64


def aligned(dtype, offset=0):
    """4 x 6 elements at a multiple of 64 bytes and the offset."""
    dtype = np.dtype(dtype)
    memory = np.zeros(24 * dtype.itemsize + 2 * ALIGNED, np.uint8)
    start = -memory.ctypes.data % ALIGNED + offset
    array = memory[start : start + 24 * dtype.itemsize].view(dtype).reshape(4, 6)
    array[...] = (np.arange(24) % 7).reshape(4, 6).astype(dtype)
    return array


def read_only(array):
    array.flags.writeable = False
    return array


LAYOUTS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "three axes": lambda a: a.reshape(2, 2, 6).transpose(2, 0, 1),
    "five axes": lambda a: a.reshape(2, 2, 1, 3, 2),
    "ten axes": lambda a: a.reshape(2, 2, 1, 3, 2, 1, 1, 1, 1, 1),
    "new axis": lambda a: a[:, None],
    "stepped": lambda a: a[::2, ::3],
    "column": lambda a: a[:, 0],
    "reversed": lambda a: a[::-1],
    "reversed size-1": lambda a: a[0:1, ::1][::-1],
    "reversed zero-size": lambda a: a[:, 3:3][::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], (3, 6)),
    "writable broadcast": lambda a: np.lib.stride_tricks.as_strided(a, (3, 6), (0, a.itemsize)),
    "0-d": lambda a: a[0, 0, ...],
    "zero-size": lambda a: a[:, 3:3],
    "size-1": lambda a: a[0:1, 0:1],
    "offset": lambda a: a[0, 1:],
    "row": lambda a: a[1:],
    "read-only": read_only,
    "read-only transposed": lambda a: read_only(a.T),
}
DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
    *("bfloat16", "float8_e4m3fn", "float8_e4m3", "float8_e5m2", "float8_e8m0fnu"),
]


def numpy_dtype(name):
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))


def seen(name, array):
    """The address and the values, as the framework tells them."""
    if name == "dlbridge":
        return array.ptr, array.numpy()
    framework = FRAMEWORKS[name]
    return framework.look(array).address, framework.read(array)


def outcome(name, array, copy, plain):
    """What `convert` does: "shares", "copies", or the error's text."""
    try:
        with dlbridge.audit() as log:
            result = dlbridge.convert(array, name, copy=copy)
    except BufferError as error:
        return {"did": "refuses", "reason": str(error)}
    (entry,) = log
    said = {"did": "copies" if entry.copied else "shares", "bytes": entry.bytes}
    said["reason"] = entry.reason
    if plain:
        assert tuple(result.shape) == array.shape
        address, values = seen(name, result)
        np.testing.assert_array_equal(values, array)
        if address is not None and array.size:
            said["address"] = address == array.ctypes.data
    return said


def case(name, array, plain=True):
    plan = dlbridge.plan(array, name)
    verbs = {"shares": plan.shares, "copies": plan.copies, "refuses": plan.refuses}
    return {
        "plan": [verb for verb, holds in verbs.items() if holds],
        "bytes": plan.bytes,
        "reason": plan.reason,
        "nbytes": array.nbytes,
        **{str(copy): outcome(name, array, copy, plain) for copy in (False, None, True)},
    }


def lifetime(name):
    """Whether the memory lives while the framework has it, and no longer."""
    base = aligned("float32").view()
    alive = weakref.ref(base)
    held = dlbridge.convert(base, name)
    del base
    gc.collect()
    during = alive() is not None
    del held
    gc.collect()
    return {"during": during, "after": alive() is not None}


def back(name):
    """A round trip through the framework."""
    base = aligned("float32")
    tensor = dlbridge.asarray(dlbridge.convert(base, name, copy=None))
    frozen = aligned("float32")
    frozen.flags.writeable = False
    again = dlbridge.asarray(dlbridge.convert(frozen, name, copy=None))
    same = dlbridge.convert(base, dlbridge.convert(base, name, copy=None), copy=None)
    np.testing.assert_array_equal(tensor.numpy(), base)
    return {
        "shares": tensor.ptr == base.ctypes.data,
        "readonly": tensor.readonly,
        "frozen": again.readonly,
        "kind": type(same) is type(dlbridge.convert(base, name, copy=None)),
    }


def main(name):
    results = {"layouts": {}, "dtypes": {}}
    for title, view in LAYOUTS.items():
        results["layouts"][title] = case(name, view(aligned("float32")))
    results["layouts"]["misaligned"] = case(name, aligned("float32", offset=16))
    results["layouts"]["odd address"] = case(name, aligned("float32", offset=1))
    for title in DTYPES:
        array = aligned(numpy_dtype(title))
        results["dtypes"][title] = case(name, array, plain=False)
        if name != "cupy" and results["dtypes"][title]["None"]["did"] != "refuses":
            there = dlbridge.asarray(dlbridge.convert(array, name, copy=None))
            assert there.dtype == title, (there.dtype, title)
            np.testing.assert_array_equal(there.numpy().view("u1"), array.view("u1"))
    if name not in ("cupy",):
        results["back"] = back(name)
    if results["layouts"]["whole"]["plan"] == ["shares"]:
        results["lifetime"] = lifetime(name)
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
