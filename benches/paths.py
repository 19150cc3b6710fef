"""Every path, not only the common ones. Arrays are float32 of shape (4, 5) unless a row says more.

A row with several peers stands beside the fastest of them.
"""

from .job import Job


def _rows(what: str, ours: str, peers: dict[str, str], wanted: float, note: str = "") -> list[Job]:
    """A job for each peer."""
    return [Job(what, ours, peer, theirs, wanted, note=note) for peer, theirs in peers.items()]


def _call(function: str, arrays: str, count: int) -> str:
    """`f(a0, a1, a2)`, of that many arrays."""
    return f"{function}({', '.join(f'{arrays}{number}' for number in range(count))})"


def _per_array(function: str, arrays: str, kind: str, count: int) -> Job:
    """A bound function of that many arrays beside one of three, each by its arrays."""
    what = f"C function, {count} {kind}" + ("s" if count > 1 else "")
    ours, theirs = _call(f"{function}{count}", arrays, count), _call(f"{function}3", arrays, 3)
    return Job(f"{what}, per array", ours, f"3 {kind}s, per array", theirs, 1.1, (count, 3))


def _audited(what: str, statement: str) -> Job:
    """A hundred calls in a block of `audit()` beside as many without."""
    calls = f"for _ in range(100):\n    {statement}"
    inside = calls.replace("\n", "\n    ")
    return Job(
        f"{what} under audit()", f"with audit():\n    {inside}", "without", calls, 2.0, (100, 100),
        note="100 calls in one block, which is entered and left in that time.",
    )  # fmt: skip


_FROM_BUFFER = {"np.frombuffer": "np.frombuffer(data, u1)"}
_ONLY_DLPACK = {"np.from_dlpack": "np.from_dlpack(only_dlpack)"}
_ONLY_DLPACK_NOTE = (
    "The two methods are those of a NumPy array, in C: methods in Python would add the same to "
    "both sides."
)

_BUFFERS = [
    *_rows("asarray(bytes)", "asarray(data)", _FROM_BUFFER, 1.5),
    *_rows(
        "asarray(array.array)",
        "asarray(items)",
        {"np.frombuffer": "np.frombuffer(items, f4)", "np.asarray": "np.asarray(items)"},
        1.5,
    ),
    *_rows(
        "asarray(memoryview)",
        "asarray(memory)",
        {"np.frombuffer": "np.frombuffer(memory, f4)", "np.asarray": "np.asarray(memory)"},
        1.5,
    ),
    *_rows('convert(bytes, "numpy")', 'convert(data, "numpy")', _FROM_BUFFER, 1.5),
]

_PROTOCOLS = [
    *_rows(
        "asarray, only __array_interface__",
        "asarray(only_interface)",
        {"np.asarray": "np.asarray(only_interface)"},
        1.0,
        "The interface is an attribute of the object: a property would add the same to both sides.",
    ),
    *_rows(
        "asarray, only __dlpack__", "asarray(only_dlpack)", _ONLY_DLPACK, 1.0, _ONLY_DLPACK_NOTE
    ),
    *_rows(
        "from_dlpack, only __dlpack__",
        "from_dlpack(only_dlpack)",
        _ONLY_DLPACK,
        1.0,
        _ONLY_DLPACK_NOTE,
    ),
]


def _framework(name: str, title: str, array: str, back: dict[str, str], note: str) -> list[Job]:
    """An array of a framework taken, and exchanged with NumPy both ways."""
    numpy = {"np.asarray": f"np.asarray({array})", "np.from_dlpack": f"np.from_dlpack({array})"}
    return [
        *_rows(f"asarray of a {title} array", f"asarray({array})", numpy, 1.0),
        *_rows(f"{title} to NumPy", f'convert({array}, "numpy")', numpy, 1.0),
        *_rows(f"NumPy to {title}", f'convert(aligned, "{name}")', back, 1.0, note),
    ]


_FRAMEWORKS = [
    *_framework(
        "jax",
        "JAX",
        "jax_array",
        {
            "jnp.asarray": "jnp.asarray(aligned)",
            "jax.dlpack.from_dlpack": "jax.dlpack.from_dlpack(aligned)",
        },
        "The NumPy array lies at a multiple of 64 bytes: JAX shares no other memory. "
        "jnp.asarray copies it, which is faster for one so small.",
    ),
    *_framework(
        "tensorflow",
        "TensorFlow",
        "tf_tensor",
        {
            "tf.convert_to_tensor": "tf.convert_to_tensor(aligned)",
            "tf.experimental.dlpack.from_dlpack": "tf.experimental.dlpack.from_dlpack("
            "aligned.__dlpack__())",
        },
        "The NumPy array lies at a multiple of 64 bytes, as TensorFlow needs it. Its from_dlpack "
        "takes a capsule, which NumPy makes.",
    ),
    *_framework(
        "paddle",
        "Paddle",
        "paddle_tensor",
        {
            "paddle.to_tensor": "paddle.to_tensor(aligned)",
            "paddle.from_dlpack": "paddle.from_dlpack(aligned)",
            "paddle.utils.dlpack.from_dlpack": "paddle.utils.dlpack.from_dlpack(aligned)",
        },
        "paddle.to_tensor copies.",
    ),
    *_framework(
        "warp",
        "Warp",
        "warp_array",
        {"wp.from_numpy": "wp.from_numpy(aligned)", "wp.from_dlpack": "wp.from_dlpack(aligned)"},
        "wp.from_numpy copies.",
    ),
]

_CONVERT = [
    *_rows(
        'convert(a, to="torch")',
        'convert(a, to="torch")',
        {'convert(a, "torch")': 'convert(a, "torch")'},
        1.1,
    ),
    *_rows(
        "convert(a, torch)",
        "convert(a, torch)",
        {'convert(a, "torch")': 'convert(a, "torch")'},
        1.1,
    ),
    _audited("NumPy to torch", 'convert(a, "torch")'),
    _audited("torch to NumPy", 'convert(t, "numpy")'),
]

_PLAIN = {"the plain one": "read(a)"}
_PLAIN_NOTE = "The plain one has the same array and nothing else, and calls the same code in C."

_BOUND = [
    *_rows(
        "C function by keyword, NumPy",
        "bound(a=a, b=b, dst=out)",
        {"by position": "bound(a, b, out)"},
        1.3,
    ),
    *_rows(
        "C function by keyword, torch",
        "bound(a=t, b=u, dst=v)",
        {"by position": "bound(t, u, v)"},
        1.3,
    ),
    *_rows(
        "C function with one keyword, NumPy",
        "bound(a, b, dst=out)",
        {"by position": "bound(a, b, out)"},
        1.3,
    ),
    _per_array("add", "a", "NumPy array", 8),
    _per_array("add", "t", "torch tensor", 8),
    *_rows(
        "C function, 3 dlbridge.Tensors",
        "bound(x0, x1, x2)",
        {"3 NumPy arrays": "bound(a, b, out)"},
        1.2,
    ),
    *_rows(
        "C function that makes a strided output, torch",
        "copy_into_f(t)",
        {"a contiguous one": "copy_into(t)"},
        1.5,
        "The signatures differ in one word: `out dst: f32[h, w] f`.",
    ),
    *_rows("C function with a str", 'read_named(a, "name")', _PLAIN, 1.5, _PLAIN_NOTE),
    *_rows("C function with an optional array", "read_optional(a)", _PLAIN, 1.5, _PLAIN_NOTE),
    *_rows("C function with a pointer", "read_pointer(a)", _PLAIN, 1.5, _PLAIN_NOTE),
    *_rows("C function with a set of dtypes", "read_any(a)", _PLAIN, 1.5, _PLAIN_NOTE),
    *_rows("C function, copy=None without a copy", "read_copies(a)", _PLAIN, 1.5, _PLAIN_NOTE),
]


def _same(statement: str, wanted: float = 1.2) -> list[Job]:
    """The same of our tensor and of NumPy's array."""
    return _rows(
        statement.format("t"), statement.format("tensor"), {"NumPy": statement.format("a")}, wanted
    )


_TENSOR = [
    *_same("{}[1]"),
    *_same("{}[::2]"),
    *_same("{}.T"),
    *_same("{}.reshape(20)"),
    *_rows(
        "t.numpy()",
        "tensor.numpy()",
        {"a[:]": "a[:]"},
        1.2,
        "A new array on the same memory; a.view() is another one, below.",
    ),
    *_same("{}.dtype"),
    *_same("{}.device"),
    *_rows("empty((4, 5))", "empty((4, 5))", {"np.empty": "np.empty((4, 5))"}, 1.2),
    *_rows(
        "np.asarray(t)",
        "np.asarray(tensor)",
        {"a NumPy array's buffer": "np.asarray(only_buffer)"},
        1.0,
        "NumPy asks tensors for a buffer. The peer is a pickle.PickleBuffer of an array, which "
        "has no other protocol and hands the request on to the array, in C.",
    ),
    *_rows(
        "torch.asarray(t)",
        "torch.asarray(flat_tensor)",
        {"a NumPy array's buffer": "torch.asarray(only_flat_buffer)"},
        1.0,
        "PyTorch asks for a flat buffer, which tensors of one axis have: both are of 20 elements.",
    ),
]

NAMED = [*_BUFFERS, *_PROTOCOLS, *_FRAMEWORKS, *_CONVERT, *_BOUND, *_TENSOR]

# Nobody named these: each stands for a kind, so that no single row above can be tuned for.
OTHERS = [
    *_rows(
        "NumPy to torch, no axes",
        'convert(scalar, "torch")',
        {"from_numpy": "torch.from_numpy(scalar)"},
        1.0,
    ),
    *_rows(
        "NumPy to torch, 6 axes",
        'convert(six, "torch")',
        {"from_numpy": "torch.from_numpy(six)"},
        1.0,
    ),
    *_rows(
        "NumPy subclass to torch",
        'convert(matrix, "torch")',
        {"from_numpy": "torch.from_numpy(matrix)"},
        1.0,
    ),
    *_rows(
        "strided torch to NumPy",
        'convert(columns, "numpy")',
        {"Tensor.numpy": "columns.numpy()"},
        1.0,
    ),
    *_rows(
        "torch Parameter to NumPy",
        'convert(parameter, "numpy")',
        {"Tensor.numpy": "parameter.numpy()"},
        1.0,
    ),
    *_rows(
        "asarray of 3 float64",
        "asarray(three)",
        {"np.from_dlpack": "np.from_dlpack(three)"},
        1.0,
    ),
    *_rows(
        "asarray of a NumPy scalar",
        "asarray(one)",
        {"np.asarray": "np.asarray(one)"},
        1.5,
    ),
    *_rows(
        "asarray, __array_interface__ a property",
        "asarray(with_property)",
        {"np.asarray": "np.asarray(with_property)"},
        1.0,
    ),
    *_rows(
        "asarray, only __dlpack__, in Python",
        "asarray(python_dlpack)",
        {"np.from_dlpack": "np.from_dlpack(python_dlpack)"},
        1.0,
    ),
    *_rows(
        "from_dlpack, only a torch tensor's __dlpack__",
        "from_dlpack(only_torch_dlpack)",
        {"torch.from_dlpack": "torch.from_dlpack(only_torch_dlpack)"},
        1.0,
    ),
    *_same("{}.copy()"),
    *_rows("t.numpy()", "tensor.numpy()", {"a.view()": "a.view()"}, 1.5),
    *_same('{}.to_device("cpu")'),
    *_same("{}[1:3, ::-1]"),
    *_same("{}.transpose(1, 0)"),
    *_same("{}.item(7)"),
    *_same("{}.shape"),
    *_rows(
        "t.__dlpack__(max_version=(1, 0))",
        "tensor.__dlpack__(max_version=version)",
        {"NumPy": "a.__dlpack__(max_version=version)"},
        1.2,
    ),
    _per_array("add", "a", "NumPy array", 1),
    _per_array("add", "a", "NumPy array", 16),
    _per_array("add", "t", "torch tensor", 16),
    *_rows(
        "C function of a bound class",
        "functions.read1(a)",
        {"the plain one": "read(a)"},
        1.2,
    ),
    *_rows(
        "C function that makes an output in C order, torch",
        "copy_into_c(t)",
        {"in any order": "copy_into(t)"},
        1.1,
    ),
    *_rows(
        "C function that makes its output, NumPy",
        "copy_into(a)",
        {"np.empty_like given": "copy_given(a, np.empty_like(a))"},
        1.2,
    ),
    *_rows(
        "C function of NumPy and torch at once",
        "bound(a, t, out)",
        {"3 torch tensors": "bound(t, u, v)"},
        1.0,
    ),
    *_rows(
        "C function, 3 strided NumPy arrays",
        "bound(s0, s1, s2)",
        {"contiguous ones": "bound(a, b, out)"},
        1.1,
    ),
]
