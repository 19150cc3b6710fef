"""Every allocation of each case fails once: what Python is told, and what stays behind.

A program, for an interpreter in which failing_allocator.c is preloaded:

    python memory_cases.py NAMES_OF_CASES...

prints the name of each case before it, and after it what was wrong with it: so that whoever
reads this knows in which one the process ended.
"""

import array
import copy
import ctypes
import gc
import itertools
import json
import pickle
import re
import sys
import warnings

import dlbridge
import failing_allocator
import ml_dtypes
import numpy as np
import torch

LIBRARY = ctypes.CDLL(str(dlbridge.capi.LIBRARY))
COPY = "source: any[...], inout target: any[...] -> dlbridge_status"
FILL = "source: f32[n], out target: f32[n] -> dlbridge_status"

numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
flat = np.arange(12, dtype=np.float32)
read_only = np.arange(4.0)
read_only.flags.writeable = False
locked = flat.copy()
locked.flags.writeable = False
reversed_ = flat[::-1]
packed = np.zeros(3, [("before", "u1"), ("x", "<f4")])["x"]
trained = torch.zeros(3, requires_grad=True)
conjugate = torch.zeros(3, dtype=torch.complex64).conj()
floats = torch.arange(12, dtype=torch.float32)
tensor = dlbridge.asarray(numbers)
one = dlbridge.asarray(np.float64(2.5))
half = dlbridge.asarray(np.zeros(4, ml_dtypes.bfloat16))
target = np.zeros(12, dtype=np.float32)
long_text = "x" * 50_000
pickled = pickle.dumps(tensor, 5)
bound = dlbridge.bind(LIBRARY.dlbridge_copy_into, COPY)
allocating = dlbridge.bind(LIBRARY.dlbridge_copy_into, FILL)
allocating_torch = dlbridge.bind(LIBRARY.dlbridge_copy_into, FILL, like="torch")
copying = dlbridge.bind(LIBRARY.dlbridge_copy_into, COPY, copy=None)
version = dlbridge.bind(LIBRARY.dlbridge_abi_version, "-> u32")
plan = dlbridge.plan(numbers, "torch")


# What other code makes of a lack of memory, in cases where it does.
WRAPPED = "ctypes has ArgumentError for what the conversion of an argument raises"
NOT_FOUND = "pickle takes any error for its failure to find a function"
FORGOTTEN = "CPython 3.11 has no exception where it has no room for the frame of a function"
TOLD_OTHERWISE = {
    "from_dlpack refuses what raises": ("SystemError", FORGOTTEN),
    "pickle": ("PicklingError", NOT_FOUND),
    "pickle by the side": ("PicklingError", NOT_FOUND),
    "bind refuses": ("SystemError", FORGOTTEN),
    "bind refuses a long text": ("SystemError", FORGOTTEN),
    "bind refuses a type": ("SystemError", FORGOTTEN),
    "call refuses a wrong dtype": ("ArgumentError", WRAPPED),
    "call that fails": ("ArgumentError", WRAPPED),
}
# Where PyTorch's own allocations fail (it allocates where C++ must not throw) or pickle leaks,
# whatever is pickled.
ENDS_IN_PYTORCH = "c10::InefficientStdFunctionContext::makeDataPtr throws, which ends the process"
LEAKS_IN_PICKLE = "pickle keeps blocks of what it could not pickle, also of NumPy's arrays"
LEFT_OUT = {
    "torch": ENDS_IN_PYTORCH,
    "torch that copies": ENDS_IN_PYTORCH,
    "torch.from_dlpack": ENDS_IN_PYTORCH,
    "convert NumPy to PyTorch": ENDS_IN_PYTORCH,
    "convert with keywords": ENDS_IN_PYTORCH,
    "convert by an array": ENDS_IN_PYTORCH,
    "convert to the same": ENDS_IN_PYTORCH,
    "audit of PyTorch": ENDS_IN_PYTORCH,
    "call that makes PyTorch": ENDS_IN_PYTORCH,
}
MAY_LEAK = {"pickle": LEAKS_IN_PICKLE, "pickle by the side": LEAKS_IN_PICKLE}


class Described:
    """An object with the array interface of NumPy."""

    def __init__(self, x, name="__array_interface__"):
        self.x = x
        setattr(self, name, getattr(x, name))


class Produces:
    """An object with `__dlpack__` in Python."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **keywords):
        return self.x.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


class Refuses(Produces):
    def __dlpack__(self, **keywords):
        raise ValueError("not today")


class OnlyArray:
    def __array__(self, dtype=None, copy=None):
        return numbers


interface = Described(numbers)
struct = Described(numbers, "__array_struct__")
produces, refuses, only_array = Produces(numbers), Refuses(numbers), OnlyArray()
words = array.array("f", range(12))
data = bytes(12)
log = dlbridge.audit()
with log:
    dlbridge.asarray(numbers, copy=True)


def audited(to="numpy"):
    with dlbridge.audit() as log:
        dlbridge.convert(tensor, to)
        dlbridge.asarray(numbers, copy=True)
    return len(log), log.bytes_copied


def called(function, *arguments, **keywords):
    """A case: a call, whose result is told by repr()."""
    return lambda: function(*arguments, **keywords)


def method(name, *arguments, **keywords):
    return called(getattr(tensor, name), *arguments, **keywords)


CASES = {
    # Taken.
    "asarray of NumPy": called(dlbridge.asarray, numbers),
    "asarray of NumPy with keywords": called(dlbridge.asarray, numbers, dtype="float32", copy=None),
    "asarray that copies": called(dlbridge.asarray, numbers, copy=True),
    "asarray of strides between elements": called(dlbridge.asarray, packed),
    "asarray of PyTorch": called(dlbridge.asarray, floats),
    "asarray of a scalar": called(dlbridge.asarray, np.float32(1)),
    "asarray of bytes": called(dlbridge.asarray, data),
    "asarray of array.array": called(dlbridge.asarray, words),
    "asarray of memoryview": called(dlbridge.asarray, memoryview(words)),
    "asarray of an array interface": called(dlbridge.asarray, interface),
    "asarray of an array struct": called(dlbridge.asarray, struct),
    "asarray of a producer": called(dlbridge.asarray, produces),
    "asarray of __array__": called(dlbridge.asarray, only_array),
    "asarray of a capsule": lambda: dlbridge.asarray(numbers.__dlpack__()),
    "asarray of bfloat16": called(dlbridge.asarray, np.zeros(2, ml_dtypes.bfloat16)),
    "asarray of a struct": called(dlbridge.asarray, ctypes.c_int(3)),
    "asarray refuses a list": called(dlbridge.asarray, [1, 2]),
    "asarray refuses a long text": called(dlbridge.asarray, long_text),
    "asarray refuses dates": called(dlbridge.asarray, np.zeros(2, "M8[s]")),
    "asarray refuses a dtype": called(dlbridge.asarray, numbers, dtype="int32"),
    "asarray refuses a keyword": called(dlbridge.asarray, numbers, kind=1),
    "asarray refuses no argument": called(dlbridge.asarray),
    "asarray refuses to copy": called(dlbridge.asarray, packed, copy=False),
    "asarray refuses a flag": called(dlbridge.asarray, numbers, copy="x"),
    "from_dlpack of NumPy": called(dlbridge.from_dlpack, numbers),
    "from_dlpack of PyTorch": called(dlbridge.from_dlpack, floats),
    "from_dlpack of a tensor": called(dlbridge.from_dlpack, tensor),
    "from_dlpack of a producer": called(dlbridge.from_dlpack, produces, copy=True),
    "from_dlpack of a legacy capsule": lambda: dlbridge.from_dlpack(tensor.__dlpack__()),
    "from_dlpack refuses a gradient": called(dlbridge.from_dlpack, trained),
    "from_dlpack refuses a conjugate": called(dlbridge.from_dlpack, conjugate),
    "from_dlpack refuses what raises": called(dlbridge.from_dlpack, refuses),
    "from_dlpack refuses a number": called(dlbridge.from_dlpack, 3),
    "from_dlpack refuses two arguments": called(dlbridge.from_dlpack, numbers, numbers),
    "from_dlpack refuses a device": called(dlbridge.from_dlpack, numbers, device="gpu"),
    "empty": lambda: dlbridge.empty((3, 4)).shape,
    "empty of many axes": lambda: dlbridge.empty((1,) * 64).shape,
    "empty refuses a shape": called(dlbridge.empty, ("a",)),
    "empty refuses a negative extent": called(dlbridge.empty, (3, -2)),
    "empty refuses a name": called(dlbridge.empty, 3, dtype="f33"),
    # Given.
    "numpy": method("numpy"),
    "numpy that copies": method("numpy", copy=True),
    "numpy of bfloat16": called(half.numpy),
    "torch": method("torch"),
    "torch that copies": method("torch", copy=None),
    "torch refuses read-only": called(dlbridge.asarray(read_only).torch),
    "torch refuses negative strides": called(dlbridge.asarray(reversed_).torch),
    "torch refuses an argument": method("torch", "x"),
    "__array__": method("__array__"),
    "__array__ converts": method("__array__", "float64"),
    "__array__ refuses to copy": method("__array__", "float64", copy=False),
    "__dlpack__": lambda: type(tensor.__dlpack__(max_version=(1, 3), copy=False)),
    "__dlpack__ of legacy": lambda: type(tensor.__dlpack__()),
    "__dlpack__ that copies": lambda: type(tensor.__dlpack__(max_version=(1, 0), copy=True)),
    "__dlpack__ refuses a version": method("__dlpack__", max_version=3),
    "__dlpack__ refuses a keyword": method("__dlpack__", x=3),
    "__dlpack_device__": method("__dlpack_device__"),
    "__array_interface__": lambda: tensor.__array_interface__["shape"],
    "__array_struct__": lambda: type(tensor.__array_struct__),
    "__cuda_array_interface__ refuses": lambda: tensor.__cuda_array_interface__,
    "memoryview": lambda: memoryview(tensor).nbytes,
    "memoryview refuses to be written": lambda: np.frombuffer(memoryview(half)),
    "np.from_dlpack": called(np.from_dlpack, tensor),
    "torch.from_dlpack": called(torch.from_dlpack, tensor),
    "np.asarray": called(np.asarray, tensor),
    "convert NumPy to PyTorch": called(dlbridge.convert, numbers, "torch"),
    "convert PyTorch to NumPy": called(dlbridge.convert, floats, "numpy"),
    "convert with keywords": called(dlbridge.convert, numbers, to="torch", copy=True),
    "convert by an array": called(dlbridge.convert, numbers, floats),
    "convert by a module": called(dlbridge.convert, floats, np),
    "convert to the same": called(dlbridge.convert, floats, "torch", copy=True),
    "convert refuses a name": called(dlbridge.convert, numbers, "pytorch"),
    "convert refuses a gradient": called(dlbridge.convert, trained, "numpy"),
    "convert refuses read-only": called(dlbridge.convert, read_only, "torch"),
    "convert refuses no target": called(dlbridge.convert, numbers),
    "plan": called(dlbridge.plan, numbers, "torch"),
    "plan of what copies": called(dlbridge.plan, reversed_, "torch"),
    "plan of what is refused": called(dlbridge.plan, trained, "numpy"),
    "a plan": lambda: (plan.bytes, plan.reason, plan.protocol, plan.source, plan.shares),
    "audit": audited,
    "audit of PyTorch": called(audited, "torch"),
    "an audit": lambda: (repr(log), log[0].file, log[0].line, log[0].bytes, repr(log[0])),
    "frameworks": called(dlbridge.frameworks),
    "_catalogue": called(dlbridge._dlbridge._catalogue),
    "_torch_fast_path": called(dlbridge._dlbridge._torch_fast_path),
    # Tensors.
    "attributes": lambda: (tensor.shape, tensor.strides, tensor.ndim, tensor.size, tensor.nbytes),
    "dtype and device": lambda: (tensor.dtype, tensor.device, tensor.itemsize, tensor.readonly),
    "ptr": lambda: tensor.ptr > 0,
    "repr": called(repr, tensor),
    "_repr_html_": method("_repr_html_"),
    "T": lambda: tensor.T,
    "transpose": method("transpose", 1, 0),
    "transpose refuses axes": method("transpose", 1, 1),
    "reshape": method("reshape", 4, -1),
    "reshape to many axes": method("reshape", (1,) * 60 + (12,)),
    "reshape refuses a shape": method("reshape", 5),
    "reshape refuses a text": method("reshape", "a"),
    "index": lambda: tensor[1],
    "index by slices": lambda: tensor[1:, ::2],
    "index by all kinds": lambda: tensor[None, ..., 1],
    "index refuses a number": lambda: tensor[7],
    "index refuses a list": lambda: tensor[[1, 2]],
    "iter": lambda: list(tensor),
    "item": called(one.item),
    "item at": method("item", 1, 2),
    "item refuses": method("item", 99),
    "int": called(int, one),
    "float": called(float, one),
    "format": called(format, one, ".3f"),
    "bool refuses": called(bool, tensor),
    "tolist": method("tolist"),
    "tobytes": method("tobytes"),
    "tobytes of F": method("tobytes", order="F"),
    "tobytes refuses": method("tobytes", "K"),
    "copy": method("copy"),
    "contiguous": lambda: tensor.T.contiguous(),
    "to_device": method("to_device", "cpu"),
    "to_device refuses": method("to_device", "cuda:0"),
    "copy.copy": called(copy.copy, tensor),
    "copy.deepcopy": called(copy.deepcopy, tensor),
    "pickle": lambda: len(pickle.dumps(tensor, 4)),
    "pickle by the side": lambda: len(pickle.dumps(tensor, 5)),
    "unpickle": called(pickle.loads, pickled),
    "DType": called(dlbridge.DType, "float32"),
    "DType of NumPy": called(dlbridge.DType, np.dtype("int16")),
    "DType of PyTorch": called(dlbridge.DType, torch.bfloat16),
    "DType refuses": called(dlbridge.DType, "f33"),
    "DType to NumPy": lambda: half.dtype.numpy,
    "DType to PyTorch": lambda: half.dtype.torch,
    "DType equals": lambda: tensor.dtype == "float32",
    "Device": called(dlbridge.Device, "cuda:1"),
    "Device of a pair": called(dlbridge.Device, (2, 0)),
    "Device refuses": called(dlbridge.Device, "gpu"),
    "Device equals": lambda: (tensor.device == "cpu", hash(tensor.device), repr(tensor.device)),
    # Bound.
    "bind": lambda: type(dlbridge.bind(LIBRARY.dlbridge_copy_into, COPY)),
    "bind refuses a long text": called(
        dlbridge.bind, LIBRARY.dlbridge_abi_version, f"-> {long_text}"
    ),
    "bind refuses": called(dlbridge.bind, LIBRARY.dlbridge_copy_into, "source f32"),
    "bind refuses a type": called(dlbridge.bind, LIBRARY.dlbridge_copy_into, "x: f33[n]"),
    "bound attributes": lambda: (repr(bound), bound.__name__, bound.__doc__, bound.__module__),
    "call without arguments": called(version),
    "call with NumPy": called(bound, flat, target),
    "call with PyTorch": called(bound, floats, target),
    "call with tensors": called(bound, tensor, dlbridge.asarray(target.reshape(3, 4))),
    "call with keywords": called(bound, flat, target=target),
    "call by __call__": called(bound.__call__, flat, target=target),
    "call that makes": called(allocating, flat),
    "call that makes PyTorch": called(allocating_torch, floats),
    "call that copies": called(copying, flat[::-1], target),
    "call refuses a list": called(bound, [1, 2], target),
    "call refuses a wrong dtype": called(bound, flat, np.zeros(12)),
    "call refuses a wrong shape": called(allocating, numbers),
    "call refuses a wrong count": called(bound, flat),
    "call refuses a wrong name": called(bound, flat, tarjet=target),
    "call that fails": called(bound, flat, np.zeros(3, np.float32)),
    "call refuses read-only": called(bound, flat, locked),
}


def told(outcome):
    """What can be compared of a result or an exception: all but addresses."""
    if isinstance(outcome, BaseException):
        return type(outcome).__name__
    return re.sub("0x[0-9a-f]+", "", repr(outcome))


def run(allocator, case):
    """What was wrong in a case, of which every allocation fails once."""
    tested = CASES[case]
    wrong = []
    for _ in range(2):
        try:
            usual, fails = told(tested()), False
        except Exception as error:
            usual, fails = told(error), True
    if fails != ("refuses" in case or "fails" in case):
        wrong.append(f"without a lack of memory it is {usual}")
    for mode, and_later in failing_allocator.MODES.items():
        for nth, outcome in failing_allocator.every_failure(allocator, tested, and_later=and_later):
            found = told(outcome)
            of_others = TOLD_OTHERWISE.get(case, ())[:1]
            if found != usual and (nth == 0 or found not in ("MemoryError", *of_others)):
                text = f"{found} and not {usual}: {str(outcome)[:200]}"
                wrong.append(f"{mode}, {nth}: {text}")
            if isinstance(outcome, BaseException):
                outcome = None  # with the frames where it was raised
            if used := dlbridge._dlbridge._reserve_in_use():
                wrong.append(f"{mode}, {nth}: {used} bytes of the reserve stay")
                break
    if case not in MAY_LEAK and grows(allocator, tested, 3) > 0:
        # Caches fill in the first runs.
        growth = grows(allocator, tested, 12)
        if growth > 0:
            wrong.append(f"{growth} blocks stay of each run")
    return wrong


# Of attributes: it keeps their names.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def grows(allocator, tested, runs):
    """How many blocks more there are after each of some runs, the least of them."""
    counts = []
    for _ in range(runs):
        for and_later in failing_allocator.MODES.values():
            for _ in failing_allocator.every_failure(allocator, tested, and_later=and_later):
                pass
        gc.collect()  # also what the interpreter keeps to give out again
        clear_caches()
        allocator.disarm()
        counts.append(allocator.live_blocks())
    return min(after - before for before, after in itertools.pairwise(counts))


def main():
    warnings.simplefilter("ignore")
    allocator = failing_allocator.Allocator()
    allocator.arm(0, False)
    for case in sys.argv[1:] or CASES:
        print(case, flush=True)
        print(json.dumps(run(allocator, case)), flush=True)


if __name__ == "__main__":
    main()
