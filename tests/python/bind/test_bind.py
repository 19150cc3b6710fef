"""bind calls C functions with arrays of any framework, as they are in memory."""

import array
import ctypes

import dlbridge
import jax.numpy as jnp
import numpy as np
import pytest
import torch

SCALE = "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status"
SUM = "p: *f32[...], count: i64 = p.size -> f64"
LOOK = (
    "x: any[...], out first: pointer, out ndim: i32, out numbers: *i64[128], out dtype: i32, "
    "out device: i32"
)
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def scale(functions):
    return dlbridge.bind(functions.scale, SCALE)


@pytest.fixture
def total(functions):
    return dlbridge.bind(functions.sum, SUM)


@pytest.fixture
def look(functions):
    """What C sees: address, shape, strides, dtype, device type."""
    function = dlbridge.bind(functions.look, LOOK, like="numpy")

    def look(x):
        first, ndim, numbers, dtype, device = function(x)
        shape, strides = numbers[:ndim].tolist(), numbers[64 : 64 + ndim].tolist()
        return first, shape, strides, divmod(dtype, 1 << 16), device

    return look


FRAMEWORKS = {
    "numpy": (lambda values: values.copy(), np.ndarray),
    "torch": (lambda values: torch.from_numpy(values.copy()), torch.Tensor),
    "jax": (lambda values: jnp.asarray(values), type(jnp.zeros(1))),
    "dlbridge": (lambda values: dlbridge.asarray(values.copy()), dlbridge.Tensor),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_result_is_the_kind_of_array_that_was_given(framework, scale):
    make, kind = FRAMEWORKS[framework]
    result = scale(make(VALUES), 1.5)
    assert type(result) is kind
    assert np.array_equal(dlbridge.asarray(result).numpy(), VALUES * 1.5)


@pytest.mark.parametrize("framework", ["numpy", "torch", "dlbridge"])
def test_an_output_that_exists_is_written_to_and_returned(framework, scale):
    make, _ = FRAMEWORKS[framework]
    target = make(np.zeros_like(VALUES))
    assert scale(make(VALUES), 2.0, dst=target) is target
    assert np.array_equal(dlbridge.asarray(target).numpy(), VALUES * 2)


def test_frameworks_may_be_mixed(scale):
    target = torch.zeros(2, 3)
    assert scale(jnp.asarray(VALUES), 3.0, dst=target) is target
    assert np.array_equal(target.numpy(), VALUES * 3)


BUFFERS = {
    "bytes": VALUES.tobytes(),
    "bytearray": bytearray(VALUES.tobytes()),
    "memoryview": memoryview(VALUES),
    "array": array.array("f", VALUES.ravel().tolist()),
    "ctypes": (ctypes.c_float * 6)(*VALUES.ravel().tolist()),
    "capsule": None,
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_buffers_are_arrays(kind, functions):
    given = VALUES.__dlpack__() if kind == "capsule" else BUFFERS[kind]
    function = dlbridge.bind(functions.sum, "p: *any[...], count: i64 = 6 -> f64")
    assert function(given, 6) == 15


def test_what_has_no_framework_gives_tensors_of_dlbridge(functions):
    signature = "x: any[n], y: *u8[...], out z: u8[n]"
    function = dlbridge.bind(functions.nothing, signature)
    assert type(function(b"abc", memoryview(b"d"))) is dlbridge.Tensor


VIEWS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "stepped": lambda a: a[::2, 1::3],
    "reversed": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, 6)),
    "offset": lambda a: a[1:, 2:],
    "0-d": lambda a: a[1, 2, ...],
    "new axes": lambda a: a[None, :, None],
}


def views(framework):
    # torch has no negative strides, and warns of read-only arrays.
    return [view for view in VIEWS if framework != "torch" or view not in ("reversed", "broadcast")]


CASES = [(f, v) for f in ("numpy", "torch", "dlbridge") for v in views(f)]


@pytest.mark.parametrize(("framework", "view"), CASES)
def test_c_sees_the_memory_itself(framework, view, look):
    values = VIEWS[view](np.arange(24, dtype=np.float64).reshape(4, 6))
    take = {"numpy": lambda a: a, "torch": torch.from_numpy, "dlbridge": dlbridge.asarray}
    first, shape, strides, dtype, device = look(take[framework](values))
    assert first == values.ctypes.data
    assert tuple(shape) == values.shape
    assert [8 * stride for stride in strides] == list(values.strides)
    assert (dtype, device) == ((2, 64), 1)


def test_c_sees_the_memory_of_jax(look):
    values = jnp.arange(6, dtype=jnp.int32).reshape(2, 3)
    pointer = values.unsafe_buffer_pointer()
    assert look(values) == (pointer, [2, 3], [3, 1], (0, 32), 1)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_empty_arrays_have_no_address_in_a_descriptor(framework, look, total):
    make, _ = FRAMEWORKS[framework]
    empty = make(np.zeros((2, 0, 3), np.float32))
    first, shape, _, _, _ = look(empty)
    assert (first, shape) == (None, [2, 0, 3])
    assert total(empty) == 0


def test_0_d_arrays(functions, total):
    function = dlbridge.bind(functions.add_numbers, "inout p: *f32[], n: i64 = p.size -> f64")
    for value in [torch.tensor(5.0), np.array(5.0, np.float32)]:
        assert function(value) == total(value) == 5


def test_64_axes(look):
    shape = [1] * 62 + [2, 3]
    array = np.ones(shape, np.float32)
    for given in [array, torch.ones(shape), dlbridge.asarray(array)]:
        _, seen, strides, _, _ = look(given)
        assert seen == shape
        assert strides[62:] == [3, 1]


def test_three_arrays_of_64_axes_at_once(functions):
    shape = [1] * 62 + [2, 3]
    signature = "a: f32[...], b: f32[..., w], out c: f32[w]"
    function = dlbridge.bind(functions.nothing, signature)
    assert function(np.ones(shape, np.float32), torch.ones(shape)).shape == (3,)


def test_huge_extents(functions):
    one = np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (2**31, 2**31), (0, 0))
    last = dlbridge.bind(functions.last_extent, "x: i8[h, w] -> i64")
    assert last(one) == 2**31
    size = dlbridge.bind(functions.take, "x: i8[h, w], n: i64 = 2 * h * w")
    with pytest.raises(OverflowError, match=r"take\(\): argument n: the product is beyond 64 bits"):
        size(one)
    small = dlbridge.bind(functions.take, "x: i8[h, w], n: i32 = h")
    with pytest.raises(OverflowError, match="argument n is 2147483648 and must be"):
        small(one)


MEASURES = {
    "x.size": 6,
    "x.nbytes": 24,
    "x.ndim": 2,
    "h": 2,
    "4 * w": 12,
    "h * w * x.ndim": 12,
    "0 * h": 0,
    "-1 * w": -3,
}


@pytest.mark.parametrize("text", MEASURES)
def test_integers_that_follow_from_arrays(text, functions):
    function = dlbridge.bind(functions.product, f"n: i64 = {text}, x: f32[h, w] -> i64")
    assert function(VALUES) == function(torch.from_numpy(VALUES)) == MEASURES[text]
    with pytest.raises(TypeError, match="unexpected keyword argument 'n'; it has x"):
        function(VALUES, n=3)


def test_measures_of_tensors_that_are_not_there_are_0(functions):
    function = dlbridge.bind(functions.product, "n: i64 = x.size, optional x: f32[...] -> i64")
    assert (function(), function(None), function(VALUES), function(x=VALUES)) == (0, 0, 6, 6)


def test_extents_hold_across_arguments(functions):
    function = dlbridge.bind(functions.take, "a: f32[h, w, 3], b: u8[w, ..., h]")
    a = np.zeros((2, 5, 3), np.float32)
    function(a, np.zeros((5, 7, 8, 2), np.uint8))
    function(a, torch.zeros(5, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"shape\[2\] is 3, expected 2, as h is in argument 1"):
        function(a, np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(ValueError, match=r"shape\[2\] is 4, expected 3"):
        function(np.zeros((2, 5, 4), np.float32), b"")


def test_an_integer_may_say_an_extent(functions):
    function = dlbridge.bind(functions.sum, "p: *f32[n], n: i64 -> f64")
    assert function(VALUES.ravel(), 6) == 15
    with pytest.raises(
        ValueError,
        match=r"argument 1 \(p\): .*: shape\[0\] is 6, expected 5, as the argument n says",
    ):
        function(VALUES.ravel(), 5)


def test_sets_of_dtypes_and_the_dtype_of_another(functions):
    function = dlbridge.bind(functions.take, "a: f32|u8|bool[n], b: a.dtype[n]")
    for dtype in [np.float32, np.uint8, np.bool_]:
        function(np.zeros(2, dtype), np.zeros(2, dtype))
    with pytest.raises(TypeError, match="dtype is int8, expected float32 or uint8 or bool"):
        function(np.zeros(2, np.int8), np.zeros(2, np.int8))
    with pytest.raises(TypeError, match="dtype is uint8, expected float32, as that of a"):
        function(np.zeros(2, np.float32), np.zeros(2, np.uint8))


@pytest.mark.parametrize("kind", ["f32[...]", "*f32[...]"])
@pytest.mark.parametrize("mode", ["in", "inout", "out"])
def test_optional_tensors_are_null_when_none(mode, kind, functions):
    signature = f"optional {mode} x: {kind} -> pointer"
    function = dlbridge.bind(functions.same, signature)
    given = np.zeros(3, np.float32)
    none = (None, None) if mode == "out" else None
    assert function() == function(x=None) == none
    found = function(x=given)
    assert (found[0] if mode == "out" else found) not in (None, 0)
    if kind[0] == "*" and mode != "out":
        assert found == given.ctypes.data


def test_strings(functions):
    greet = dlbridge.bind(functions.greet, "name: str -> str")
    assert greet("you") == "hello you"
    assert greet("Zoë 🙂") == "hello Zoë 🙂"
    assert greet("") == "hello "
    with pytest.raises(TypeError, match=r"greet\(\): argument 1 \(name\) is None"):
        greet(None)
    optional = dlbridge.bind(functions.greet, "optional name: str -> str")
    assert optional() is optional(None) is None
    default = dlbridge.bind(functions.greet, 'name: str = "all, [of] you = we" -> str')
    assert default() == default(None) == "hello all, [of] you = we"
    assert default("me") == "hello me"
    assert dlbridge.bind(functions.not_utf8, "-> str")() == "caf\udce9"


def test_pointers(functions):
    function = dlbridge.bind(functions.same, "p: pointer -> pointer")
    number = ctypes.c_int(5)
    address = ctypes.addressof(number)
    for given in [ctypes.byref(number), ctypes.pointer(number), address, ctypes.c_void_p(address)]:
        assert function(given) == address
    assert function(None) is function(0) is function(ctypes.c_void_p()) is None
    assert function(2**64 - 1) == 2**64 - 1


def test_streams(functions):
    """On the host there is none; a handle goes as it is."""
    function = dlbridge.bind(functions.same, "s: stream -> pointer")
    assert function() is None
    assert function(s=0x7000) == 0x7000
    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        function(5)
    with pytest.raises(TypeError, match=r"same\(\): argument s is 'now'"):
        function(s="now")
    function = dlbridge.bind(functions.take, "x: f32[...], s: stream")
    assert function(VALUES) is function(torch.zeros(2)) is None


def test_memory_must_be_on_the_host_unless_it_is_said(functions, on_cuda):
    host = dlbridge.bind(functions.take, "x: f32[...]")
    with pytest.raises(BufferError, match="device is cuda:0, expected the host"):
        host(on_cuda)
    for place in ["anywhere", "cuda", "cuda:0"]:
        dlbridge.bind(functions.take, f"x: f32[...] {place}")(on_cuda)
    with pytest.raises(BufferError, match=r"device is cuda:0, expected cuda:1"):
        dlbridge.bind(functions.take, "x: f32[...] cuda:1")(on_cuda)
    with pytest.raises(BufferError, match="device is cpu, expected cuda"):
        dlbridge.bind(functions.take, "x: f32[...] cuda")(VALUES)


def test_all_inputs_are_on_one_device(functions, on_cuda):
    function = dlbridge.bind(functions.take, "a: f32[...] anywhere, b: f32[...] anywhere")
    function(on_cuda, on_cuda)
    function(VALUES, VALUES)
    with pytest.raises(BufferError, match=r"argument 2 \(b\): device is cuda:0 and must be cpu"):
        function(VALUES, on_cuda)
    with pytest.raises(BufferError, match=r"argument 2 \(b\): device is cpu and must be cuda:0"):
        function(on_cuda, VALUES)


def test_a_contract_refuses_the_wrong_order(functions, total):
    function = dlbridge.bind(functions.take, "x: f32[h, w] c, optional y: f32[...] f")
    function(VALUES, VALUES.T)
    for wrong in [VALUES.T, VALUES[:, ::2], torch.from_numpy(VALUES).T]:
        with pytest.raises(BufferError, match=r"must lie in C order without gaps.*copy=None"):
            function(wrong)
        with pytest.raises(BufferError, match=r"must lie in C order without gaps.*copy=None"):
            total(wrong)
    with pytest.raises(BufferError, match="must lie in Fortran order"):
        function(VALUES, VALUES)


def test_pointers_may_have_other_orders(functions):
    function = dlbridge.bind(functions.same, "x: *f32[h, w] f -> pointer")
    assert function(VALUES.T) == VALUES.ctypes.data
    either = dlbridge.bind(functions.same, "x: *f32[h, w] contiguous -> pointer")
    assert either(VALUES.T) == either(VALUES) == VALUES.ctypes.data


WRONG_ORDERS = {
    "transposed": lambda: np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "stepped": lambda: np.arange(12, dtype=np.float32)[::2],
    "reversed": lambda: np.arange(6, dtype=np.float32)[::-1],
    "unaligned": lambda: np.zeros(25, np.uint8)[1:].view(np.float32),
    "torch": lambda: torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
    "dlbridge": lambda: dlbridge.asarray(np.arange(6, dtype=np.float32).reshape(2, 3)).T,
}


@pytest.mark.parametrize("name", WRONG_ORDERS)
def test_copies_go_in_and_back_out_where_they_may(name, functions):
    given = WRONG_ORDERS[name]()
    before = np.array(dlbridge.asarray(given).numpy())
    function = dlbridge.bind(functions.add_numbers, "inout p: *f32[...], n: i64 = p.size -> f64")
    with pytest.raises(BufferError, match="copy=None"):
        function(given)
    copying = dlbridge.bind(
        functions.add_numbers, "inout p: *f32[...], n: i64 = p.size -> f64", copy=None
    )
    with dlbridge.audit() as log:
        assert copying(given) == before.sum()
    after = dlbridge.asarray(given).numpy()
    assert np.array_equal(after, before + np.arange(6).reshape(before.shape))
    (entry,) = [entry for entry in log if entry.copied]
    assert entry.target == "add_numbers"
    assert log.bytes_copied == 2 * 24
    assert ("multiple of 4 bytes" if name == "unaligned" else "C order") in entry.reason


def test_copies_of_outputs(functions):
    function = dlbridge.bind(functions.number, "out y: *f32[h, w], n: i64 = 6, h: i64, w: i64")
    copying = dlbridge.bind(
        functions.number, "out y: *f32[h, w], n: i64 = y.size, h: i64, w: i64", copy=None
    )
    target = np.full((3, 2), 7, np.float32).T
    with pytest.raises(BufferError, match=r"number\(\): argument y: .*C order"):
        function(2, 3, y=target)
    assert (target == 7).all()
    assert copying(2, 3, y=target) is target
    assert np.array_equal(target, VALUES)


def test_copies_in_fortran_order(functions):
    function = dlbridge.bind(functions.sum, "p: *f32[h, w] f, n: i64 = 3 -> f64", copy=None)
    # The first three as they lie in Fortran order: 0, 3, 1.
    assert function(VALUES, 3) == 4


def test_a_copy_that_could_not_go_back_is_refused_before_the_call(functions):
    function = dlbridge.bind(
        functions.add_numbers, "inout p: *f32[...], n: i64 = p.size -> f64", copy=None
    )
    strided = np.lib.stride_tricks.as_strided
    before = functions.count_calls()
    for given in [torch.zeros(1, 3).expand(2, 3), strided(np.zeros(4, np.float32), (3, 2), (4, 4))]:
        with pytest.raises(BufferError, match="two of its indices may reach one element"):
            function(given)
    assert functions.count_calls() == before


def test_the_audit_says_what_was_shared(scale):
    with dlbridge.audit() as log:
        scale(VALUES.T, 1.0)
        scale(torch.zeros(2, 3), 1.0)
    assert [(entry.source, entry.target, entry.copied) for entry in log] == [
        ("numpy", "scale", False),
        ("torch", "scale", False),
    ]
    assert (log.bytes_copied, log.bytes_shared) == (0, 48)
    assert log[0].file == __file__


def test_results(functions):
    assert dlbridge.bind(functions.nothing, "")() is None
    assert dlbridge.bind(functions.nothing, "-> void")() is None
    assert dlbridge.bind(functions.fail, "s: i32 -> status")(0) is None
    divide = "value: i64, by: i64, out quotient: i64, out rest: i64 -> status"
    assert dlbridge.bind(functions.divide, divide)(17, 5) == (3, 2)
    with_value = divide.replace("status", "int")
    assert dlbridge.bind(functions.divide, with_value)(17, 5) == (0, 3, 2)
    # What C did not write is 0.
    assert dlbridge.bind(functions.divide, with_value)(17, 0) == (7, 0, 0)


def test_owned_results(functions):
    make = dlbridge.bind(functions.make, "h: i64, w: i64 -> f64[h, w]")
    tensor = make(2, 3)
    assert type(tensor) is dlbridge.Tensor
    assert tensor.numpy().tolist() == [[0, 2, 4], [1, 3, 5]]
    into = dlbridge.bind(functions.make_into, "h: i64, w: i64, new t: f64[h, w] -> dlbridge_status")
    assert into(2, 3).numpy().tolist() == [[0, 2, 4], [1, 3, 5]]
    for like, kind in [("numpy", np.ndarray), ("torch", torch.Tensor), (np, np.ndarray)]:
        assert type(dlbridge.bind(functions.make, "i64, i64 -> f64[...]", like=like)(2, 3)) is kind


def test_names_are_of_the_function_or_said(functions):
    assert dlbridge.bind(functions.sum, SUM).__name__ == "sum"
    assert dlbridge.bind(functions.sum, SUM, name="total").__name__ == "total"
    address = ctypes.cast(functions.sum, ctypes.c_void_p).value
    function = dlbridge.bind(address, SUM)
    assert (function.__name__, function(VALUES)) == ("function", 15)


def test_functions_of_other_libraries():
    cos = dlbridge.bind(ctypes.CDLL("libm.so.6").cos, "x: f64 -> f64")
    assert cos(0) == 1
    strlen = dlbridge.bind(ctypes.CDLL(None).strlen, "text: str -> size_t")
    assert strlen("four") == 4


def test_numbers_are_read_before_arrays(scale):
    """What becomes a number by code of its own may give a tensor other memory."""
    x = torch.zeros(2, 3)

    class Factor:
        def __float__(self):
            x.data = torch.ones(4, 5)
            return 3.0

    assert scale(x, Factor()).tolist() == [[3] * 5] * 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, RecursionError, MemoryError])
def test_what_is_not_about_the_number_is_passed_on(error, scale):
    class Factor:
        def __float__(self):
            raise error

    with pytest.raises(error):
        scale(VALUES, Factor())
