"""Conversions to each framework: what it shares, at which address, and what it cannot have.

Each framework runs in a process of its own, for not all can live in one.
"""

import json

import dlbridge
import framework_cases
import numpy as np
import pytest
import torch
from framework_runs import cases, run

FRAMEWORKS = dlbridge.frameworks()
ALL = set(framework_cases.LAYOUTS) | {"misaligned", "odd address"}
READ_ONLY = {"read-only", "read-only transposed", "broadcast"}
REVERSED = {"reversed"}
GAPS = {"stepped", "column", "broadcast", "writable broadcast"} | REVERSED
PERMUTED = {"transposed", "three axes", "read-only transposed"}
UNALIGNED = {"offset", "row", "misaligned", "odd address"}
EMPTY = {"zero-size", "reversed zero-size"}

# What takes a copy, and what cannot be had at all.
COPIES = {
    "numpy": set(),
    "numba": set(),
    "torch": REVERSED | READ_ONLY,
    "jax": GAPS | UNALIGNED,
    "tensorflow": GAPS | UNALIGNED | PERMUTED,
    "paddle": REVERSED | READ_ONLY,
    "mlx": ALL - EMPTY,
    "pyarrow": REVERSED,
    "warp": READ_ONLY,
    "tinygrad": ALL - EMPTY,
    "tvm_ffi": READ_ONLY,
    "dlbridge": set(),
    "cupy": set(),
}
NEVER = {"warp": {"0-d", "five axes", "ten axes"}, "paddle": {"ten axes"}, "cupy": ALL}

EXTENSIONS = {"bfloat16", "float8_e4m3fn", "float8_e4m3", "float8_e5m2", "float8_e8m0fnu"}
COMPLEX = {"complex64", "complex128"}
# The element types that cannot be had.
LACKS = {
    "numpy": set(),
    "dlbridge": set(),
    "jax": set(),
    "tvm_ffi": set(),
    "numba": EXTENSIONS,
    "torch": {"float8_e4m3"},
    "tensorflow": EXTENSIONS - {"bfloat16"},
    "paddle": {"uint16", "float8_e4m3", "float8_e8m0fnu"},
    "mlx": EXTENSIONS - {"bfloat16"} | {"complex128"},
    "pyarrow": EXTENSIONS | COMPLEX | {"bool"},
    "warp": EXTENSIONS - {"bfloat16"} | COMPLEX,
    "tinygrad": EXTENSIONS | COMPLEX,
    "cupy": set(framework_cases.DTYPES),
}

# What dlbridge says of memory that came back: read-only, and of read-only memory.
COMES_BACK = {
    "jax": (True, True),
    "tensorflow": (True, True),
    "mlx": (True, True),
    "numpy": (False, True),
    "numba": (False, True),
    "dlbridge": (False, True),
    "pyarrow": (False, True),
    # The others got a copy of it.
    "torch": (False, False),
    "paddle": (False, False),
    "warp": (False, False),
    "tvm_ffi": (False, False),
    "tinygrad": (False, False),
}


each = pytest.mark.parametrize("name", FRAMEWORKS)


@each
def test_layouts(name):
    found = {title: case["False"]["did"] for title, case in cases(name)["layouts"].items()}
    never = NEVER.get(name, set())
    refused = COPIES[name] | never
    assert {title for title, did in found.items() if did == "refuses"} == refused
    found = {title: case["None"]["did"] for title, case in cases(name)["layouts"].items()}
    assert {title for title, did in found.items() if did == "copies"} == COPIES[name] - never
    assert {title for title, did in found.items() if did == "refuses"} == never


@each
def test_dtypes(name):
    found = {title: case["None"]["did"] for title, case in cases(name)["dtypes"].items()}
    assert {title for title, did in found.items() if did == "refuses"} == LACKS[name]


@each
def test_shared_memory_has_the_same_address(name):
    layouts = cases(name)["layouts"].items()
    for title, case in layouts:
        for copy in ("False", "None"):
            if case[copy]["did"] == "shares" and title not in EMPTY:
                assert case[copy]["address"] is True, (title, copy)
        for copy in ("None", "True"):
            # tinygrad tells no address.
            if case[copy]["did"] == "copies" and title not in EMPTY and name != "tinygrad":
                assert case[copy]["address"] is False, (title, copy)


@each
def test_copies_are_independent(name):
    for title, case in cases(name)["layouts"].items():
        if case["True"]["did"] != "refuses":
            assert case["True"]["did"] == "copies", title


@each
def test_refusals_say_what_to_do(name):
    for title, case in cases(name)["layouts"].items():
        if case["None"]["did"] == "refuses":
            words = ["CuPy", "cupy.asarray"] if name == "cupy" else ["dimensions", "reshape"]
        else:
            words = ["copy=None", "bytes"]
        if case["False"]["did"] == "refuses":
            for word in words:
                assert word in case["False"]["reason"], title


@pytest.mark.parametrize("name", COMES_BACK)
def test_the_way_back(name):
    back = cases(name)["back"]
    assert back["shares"] == ("whole" not in COPIES[name])
    assert (back["readonly"], back["frozen"]) == COMES_BACK[name]
    assert back["kind"]


@each
def test_memory_lives_as_long_as_the_array(name):
    shares = "whole" not in COPIES[name] | NEVER.get(name, set())
    lifetime = {"during": True, "after": False} if shares else None
    assert cases(name).get("lifetime") == lifetime


# The names


def test_the_argument_to():
    array = np.arange(3.0)
    assert dlbridge.convert(array, torch.nn).data_ptr() == array.ctypes.data
    assert isinstance(dlbridge.convert(array, torch.zeros(1)), torch.Tensor)
    assert dlbridge.convert(array, np.zeros(1)) is array
    tensor = dlbridge.asarray(array)
    assert isinstance(dlbridge.convert(array, tensor), dlbridge.Tensor)
    assert dlbridge.convert(tensor, "dlbridge") is tensor
    numba = dlbridge.convert(array, "numba")
    assert isinstance(numba, np.ndarray)
    assert numba.ctypes.data == array.ctypes.data
    with pytest.raises(ValueError, match=r'to is "chainer"; it must be one of "numpy", "torch"'):
        dlbridge.convert(array, "chainer")
    with pytest.raises(ValueError, match="to is the module json"):
        dlbridge.convert(array, json)
    for thing in (3, None, [1]):
        with pytest.raises(TypeError, match=r"it must be one of .*or an array of one"):
            dlbridge.convert(array, thing)


def test_frameworks_are_imported_when_needed():
    script = """
import sys, dlbridge
tensor = dlbridge.empty(3)
for name in dlbridge.frameworks():
    dlbridge.plan(tensor, name)
    dlbridge.plan(memoryview(bytes(4)), name)
print(sorted({name.split(".")[0] for name in sys.modules} & set(dlbridge.frameworks())))
"""
    output = run("numpy", "-c", script)
    assert output == "['dlbridge']\n"


def test_missing_frameworks():
    script = """
import sys, dlbridge
for name in dlbridge.frameworks():
    sys.modules[name] = None
tensor = dlbridge.empty((1, 3))
for name in set(dlbridge.frameworks()) - {"dlbridge", "cupy", "numpy", "numba"}:
    method = getattr(tensor, name, lambda copy: dlbridge.convert(tensor, name, copy=copy))
    for give in (method, lambda copy: dlbridge.convert(tensor, name, copy=copy)):
        try:
            give(copy=None)
        except ImportError as error:
            assert "which cannot be imported" in str(error), error
            print(name)
"""
    found = run("numpy", "-c", script).split()
    others = {"dlbridge", "cupy", "numpy", "numba"}
    assert sorted(found) == sorted(2 * list(set(FRAMEWORKS) - others))


# What single frameworks do


def test_methods():
    tensor = dlbridge.empty(3)
    with pytest.raises(BufferError, match=r"CuPy has arrays on CUDA devices only"):
        tensor.cupy(copy=None)
    with pytest.raises(BufferError, match="MLX copies whatever it is given"):
        tensor.mlx()


JAX = """
import gc, weakref
import dlbridge, jax, jax.numpy as jnp, numpy as np
import pytest
from framework_cases import aligned

jax.config.update("jax_enable_x64", False)
# 64 bits would become 32 without a word.
for dtype in ("int64", "uint64", "float64", "complex128"):
    with pytest.raises(BufferError, match="jax_enable_x64"):
        dlbridge.convert(aligned(dtype), "jax", copy=None)
    assert dlbridge.plan(aligned(dtype), jax).refuses
jax.config.update("jax_enable_x64", True)
assert dlbridge.convert(aligned("float64"), "jax").dtype == "float64"

# Tracers have no memory.
def traced(x):
    with pytest.raises(Exception, match="Abstract tracer|tracer"):
        dlbridge.asarray(x)
    return x
jax.jit(traced)(jnp.ones(3))

# JAX writes to no memory that it was given, even if it may reuse it.
base = aligned("float32")
before = base.copy()
for function in (lambda x: x + 1, lambda x: x.at[0, 0].set(9)):
    array = dlbridge.convert(base, "jax")
    jax.jit(function, donate_argnums=0)(array)
    np.testing.assert_array_equal(base, before)

# What others must not write to is read-only for them.
array = jnp.arange(6.0)
with pytest.raises(BufferError, match="read-only"):
    dlbridge.convert(array, "torch")
assert not dlbridge.convert(array, "numpy").flags.writeable
deleted = jnp.ones(3)
deleted.delete()
with pytest.raises((BufferError, TypeError)):
    dlbridge.asarray(deleted)
print("ok")
"""

TENSORFLOW = """
import dlbridge, numpy as np, tensorflow as tf
import pytest
from framework_cases import aligned

# __dlpack__ of these would end the process.
for thing in (tf.constant(["a"]), tf.raw_ops.VarHandleOp(dtype="float32", shape=[1])):
    for take in (dlbridge.asarray, dlbridge.from_dlpack):
        with pytest.raises(BufferError, match="whose elements are no numbers"):
            take(thing)
with pytest.raises(BufferError, match=r"tf\\.Variable.*x\\.read_value"):
    dlbridge.asarray(tf.Variable([1.0]))

@tf.function
def symbolic(x):
    with pytest.raises(BufferError, match="symbolic"):
        dlbridge.asarray(x)
    return x
symbolic(tf.ones(3))

# An operation on memory that is not aligned would end the process too.
base = aligned("float32", offset=16)
with pytest.raises(BufferError, match=r"needs a multiple of 64 bytes.*dlbridge\\.empty"):
    dlbridge.convert(base, tf)
copy = dlbridge.convert(base, tf, copy=None)
np.testing.assert_array_equal((copy + 1).numpy(), base + 1)

# TensorFlow writes to no memory that it was given.
base = aligned("float32")
before = base.copy()
tf.function(lambda x: tf.exp(tf.nn.relu(x) + 1))(dlbridge.convert(base, tf))
tf.exp(dlbridge.convert(base, tf))
np.testing.assert_array_equal(base, before)
assert dlbridge.asarray(tf.ones(3)).readonly
print("ok")
"""

OTHERS = {
    "jax": JAX,
    "tensorflow": TENSORFLOW,
    "paddle": """
import dlbridge, numpy as np, paddle, pytest
with pytest.raises(BufferError, match="takes for bfloat16"):
    dlbridge.convert(np.zeros(3, "uint16"), paddle, copy=None)
frozen = np.zeros(3, "f4")
frozen.flags.writeable = False
with pytest.raises(BufferError, match="read-only.*allow_writable_alias"):
    dlbridge.convert(frozen, paddle)
alias = dlbridge.convert(frozen, paddle, allow_writable_alias=True)
assert alias.data_ptr() == frozen.ctypes.data
with pytest.raises(BufferError, match="requires gradients"):
    dlbridge.asarray(paddle.to_tensor([1.0], stop_gradient=False))
print("ok")
""",
    "pyarrow": """
import dlbridge, numpy as np, pyarrow as pa, pytest
frozen = np.zeros(3)
frozen.flags.writeable = False
assert not dlbridge.convert(frozen, pa).is_mutable
assert dlbridge.convert(np.zeros(3), pa).is_mutable
array = pa.array([1, 2, 3])
assert isinstance(dlbridge.convert(np.zeros(3), array), pa.Tensor)
assert dlbridge.convert(array, "numpy").tolist() == [1, 2, 3]
with pytest.raises(BufferError, match=r"bool, which Arrow packs.*view"):
    dlbridge.convert(np.zeros(3, bool), pa, copy=None)
for none in (pa.array([1, None]), pa.array([True])):
    with pytest.raises((BufferError, TypeError)):
        dlbridge.asarray(none)
print("ok")
""",
    "mlx": """
import dlbridge, mlx.core as mx, numpy as np, pytest
base = np.array([0.1, 1e300])
with pytest.raises(BufferError, match=r"MLX copies whatever.*copy=None.*16 bytes"):
    dlbridge.convert(base, "mlx")
array = dlbridge.convert(base, mx, copy=None)
base[:] = 0  # now, not when it is first used
np.testing.assert_array_equal(np.array(array), [0.1, 1e300])
with pytest.raises(BufferError, match="complex128"):
    dlbridge.convert(np.zeros(2, "c16"), mx, copy=None)
# Both MLX and dlbridge have to copy.
assert dlbridge.plan(base[::-1], "mlx").bytes == 32
assert dlbridge.asarray(mx.ones((2, 3)).T).strides == (1, 3)
print("ok")
""",
    "warp": """
import dlbridge, numpy as np, pytest, warp as wp
wp.config.quiet = True
wp.init()
array = wp.zeros((2, 3), dtype=wp.float32, device="cpu")
tensor = dlbridge.asarray(array)
assert (tensor.ptr, tensor.readonly) == (array.ptr, False)
with pytest.raises(BufferError, match=r"0 dimensions.*reshape"):
    dlbridge.convert(np.zeros(()), wp, copy=None)
with pytest.raises(BufferError, match="complex64"):
    dlbridge.convert(np.zeros(2, "c8"), wp, copy=None)
print("ok")
""",
    "tinygrad": """
import dlbridge, numpy as np, pytest, tinygrad
base = np.arange(6, dtype="f4").reshape(2, 3)
made = dlbridge.convert(base, tinygrad, copy=None)
base[:] = 0  # now, not when it is first used
assert made.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
with pytest.raises(BufferError, match="gives out copies only"):
    dlbridge.asarray(made, copy=False)
with dlbridge.audit() as log:
    tensor = dlbridge.asarray(made)
assert (tensor.shape, tensor.strides, tensor.ptr % 64) == ((2, 3), (3, 1), 0)
assert [(entry.source, entry.copied) for entry in log] == [("tinygrad", True)]
plan = dlbridge.plan(made, "numpy")
assert (plan.copies, plan.bytes) == (True, 24)
small = made.cast(tinygrad.dtypes.bfloat16)
with pytest.raises(BufferError, match="would convert"):
    dlbridge.asarray(small)
for name in ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
             "float16", "float32", "float64"):
    there = dlbridge.convert(np.zeros(3, name), tinygrad, copy=None)
    assert dlbridge.plan(there, "dlbridge").copies
    assert dlbridge.asarray(there).dtype == name
print("ok")
""",
    "tvm_ffi": """
import dlbridge, numpy as np, pytest, tvm_ffi
frozen = np.zeros(3)
frozen.flags.writeable = False
with pytest.raises(BufferError, match="read-only"):
    dlbridge.convert(frozen, tvm_ffi)
array = dlbridge.convert(np.zeros((2, 3))[::-1], tvm_ffi)
assert array.strides == (-3, 1)
assert dlbridge.convert(np.zeros(2, "c8"), tvm_ffi).shape == (2,)
print("ok")
""",
    "cupy": """
import cupy, dlbridge, numpy as np, pytest
for copy in (False, None, True):
    with pytest.raises(BufferError, match=r"CuPy has arrays on CUDA devices only.*cupy\\.asarray"):
        dlbridge.convert(np.zeros(3), cupy, copy=copy)
print("ok")
""",
}


@pytest.mark.parametrize("name", OTHERS)
def test_specials(name):
    assert run(name, "-c", OTHERS[name]).endswith("ok\n")


# Fields of structured arrays of NumPy

STRUCTURED = [("x", "f4"), ("y", "f4"), ("n", "i8")]


def test_fields_are_shared():
    array = np.zeros(4, STRUCTURED)
    for field, strides in (("x", (4,)), ("y", (4,)), ("n", (2,))):
        tensor = dlbridge.asarray(array[field])
        assert (tensor.ptr, tensor.strides) == (array[field].ctypes.data, strides)
        tensor.numpy()[...] = 5
        assert (array[field] == 5).all()
    array["x"] = [1, 2, 3, 4]
    there = dlbridge.convert(array["x"], "torch")
    assert there.tolist() == [1, 2, 3, 4]
    assert there.data_ptr() == array["x"].ctypes.data


def test_fields_whose_strides_do_not_fit():
    array = np.zeros(4, [("flag", "u1"), ("x", "f4")])
    array["x"] = [1, 2, 3, 4]
    with pytest.raises(BufferError, match=r"strides\[0\] is 5 bytes.*multiple of .*4"):
        dlbridge.asarray(array["x"], copy=False)
    assert dlbridge.plan(array["x"], "torch").copies
    # The flags fit.
    assert dlbridge.asarray(array["flag"]).strides == (5,)


def test_whole_structures_name_their_fields():
    array = np.zeros(4, STRUCTURED)
    words = r"'x'.*'y'.*'n'.*pass a field, like a\[\"x\"\]"
    for take in (dlbridge.asarray, dlbridge.from_dlpack, lambda x: dlbridge.convert(x, "torch")):
        with pytest.raises(BufferError, match=words):
            take(array)
    assert dlbridge.plan(array, "jax").refuses


WRITABLE_ARRAYS = ["numpy", "numba", "torch", "paddle", "pyarrow", "warp", "tvm_ffi"]


@pytest.mark.parametrize("name", [*WRITABLE_ARRAYS, "jax", "tensorflow"])
def test_what_has_no_elements_is_shared_and_keeps_what_can_be_kept(name):
    code = f"""
import dlbridge, numpy as np
for shape in ((0,), (0, 3), (2, 0, 3)):
    for writable in (True, False):
        array = np.empty(shape, np.float32)
        array.flags.writeable = writable
        for source in (array, dlbridge.asarray(array)):
            assert dlbridge.plan(source, "{name}").shares
            there = dlbridge.convert(source, "{name}")
            back = dlbridge.asarray(there)
            assert back.shape == shape
            if "{name}" in {["numpy", "numba", "pyarrow"]}:
                assert back.readonly is not writable
            elif "{name}" in {WRITABLE_ARRAYS}:
                assert not back.readonly
        assert dlbridge.asarray(array).__dlpack__() is not None
"""
    run(name, "-c", code)
