"""A wrong call is refused before C runs, and says what was wanted and what came."""

import ctypes
import pathlib
import re

import dlbridge
import jax
import numpy as np
import pytest
import torch
from dlbridge import capi

SCALE = "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status"
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def read_only():
    array = X.copy()
    array.flags.writeable = False
    return array


GOT = "got numpy.ndarray float32 [2, 3] with strides [3, 1] on cpu"
WRONG = {
    "dtype": (
        lambda: ((X.astype(np.float64), 1.0), {}),
        TypeError,
        "argument 1 (src): expected f32[h, w], got numpy.ndarray float64 [2, 3] with strides [3, "
        "1] on cpu: dtype is float64, expected float32",
    ),
    "ndim": (
        lambda: ((torch.from_numpy(X)[0], 1.0), {}),
        ValueError,
        "argument 1 (src): expected f32[h, w], got torch.Tensor float32 [3] with strides [1] on "
        "cpu: ndim is 1, expected 2",
    ),
    "extent": (
        lambda: ((X, 1.0), {"dst": torch.zeros(2, 4)}),
        ValueError,
        "argument dst: expected f32[h, w], got torch.Tensor float32 [2, 4] with strides [4, 1] "
        "on cpu: shape[1] is 4, expected 3, as w is in argument 1 (src)",
    ),
    "read-only": (
        lambda: ((X, 1.0), {"dst": read_only()}),
        BufferError,
        f"argument dst: expected f32[h, w], {GOT}, read-only: it is read-only and must be "
        "writable, for C writes to it",
    ),
    "number": (
        lambda: ((X, "a"), {}),
        TypeError,
        "argument 2 (factor) is 'a' (of type str); it must be a number, for double",
    ),
    "no array": (
        lambda: ((3.5, 1.0), {}),
        TypeError,
        "argument 1 (src) is 3.5 (of type float); it must be an array: of NumPy, with __dlpack__, "
        "an array interface or a buffer, or a DLPack capsule (numpy.asarray makes arrays of lists "
        "and numbers)",
    ),
    "none": (
        lambda: ((None, 1.0), {}),
        TypeError,
        "argument 1 (src) is None (of type NoneType); it must be an array: of NumPy, with "
        "__dlpack__, an array interface or a buffer, or a DLPack capsule (numpy.asarray makes "
        "arrays of lists and numbers)",
    ),
    "gradient": (
        lambda: ((torch.zeros(2, 3, requires_grad=True), 1.0), {}),
        BufferError,
        "argument 1 (src) is a torch.Tensor that requires grad, which no other library records; "
        "pass x.detach()",
    ),
}


@pytest.fixture
def scale(functions):
    return dlbridge.bind(functions.scale, SCALE)


@pytest.fixture(autouse=True)
def no_call(functions):
    """What is refused in this file never reaches C."""
    before = functions.count_calls()
    yield
    assert functions.count_calls() == before


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("copy", [False, None])
def test_the_whole_sentence(name, copy, functions):
    scale = dlbridge.bind(functions.scale, SCALE, copy=copy)
    arguments, kind, text = WRONG[name]
    positional, named = arguments()
    with pytest.raises(kind) as caught:
        scale(*positional, **named)
    assert type(caught.value) is kind
    assert str(caught.value) == f"scale(): {text}"


def test_what_only_a_copy_helps_is_told_so(scale):
    with pytest.raises(BufferError) as caught:
        scale(X, 1.0, dst=X.astype(">f4"))
    assert str(caught.value) == (
        "scale(): argument dst is a NumPy array of dtype >f4; it must be in native byte order: "
        'x.astype(x.dtype.newbyteorder("=")) converts; with copy=None, bind makes a copy'
    )


CALLS = {
    "scale() missing required argument 'src' (position 1): f32[h, w]": lambda f: f(),
    "scale() missing required argument 'factor' (position 2): f64": lambda f: f(X),
    "scale() takes 2 positional arguments but 3 were given: "
    "scale(src, factor, *, dst=None)": lambda f: f(X, 1, X),
    "scale() got an unexpected keyword argument 'foo'; it has src, factor, dst": lambda f: f(
        X, 1, foo=2
    ),
    "scale() got multiple values for argument 'factor'": lambda f: f(X, 1, factor=2),
    "scale() got multiple values for argument 'src'": lambda f: f(X, **{"src": X, "factor": 1}),
}


@pytest.mark.parametrize("text", CALLS)
def test_arguments_that_python_itself_would_refuse(text, scale):
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        CALLS[text](scale)


def test_names_are_str(scale):
    with pytest.raises(TypeError, match="keywords must be strings"):
        scale(X, **{1: 2})


NO_MEMORY = {
    "masked": (lambda: np.ma.array(X, mask=X > 0), "masked array"),
    "long double": (lambda: X.astype(np.longdouble), "float128|longdouble"),
    "objects": (lambda: np.array([[object()]]), "dtype object"),
    "dates": (lambda: np.zeros((2, 3), "M8[s]"), "dates"),
    "records": (lambda: np.zeros((2, 3), "f4,f4"), "one number an element"),
    "meta": (lambda: torch.zeros(2, 3, device="meta"), "meta device"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "sparse_coo"),
    "conjugated": (lambda: torch.zeros(2, 3, dtype=torch.complex64).conj(), "resolve_conj"),
    "negated": (lambda: torch.zeros(2, 3, dtype=torch.complex64).conj().imag, "resolve_neg"),
    "nested": (lambda: torch.nested.nested_tensor([torch.zeros(2)]), "nested"),
    "unaligned": (lambda: np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3), "4 bytes"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", NO_MEMORY)
def test_arrays_without_usable_memory(kind, scale):
    make, text = NO_MEMORY[kind]
    with pytest.raises(BufferError, match=rf"scale\(\): argument 1 \(src\).*({text})"):
        scale(make(), 1.0)


NO_ARRAYS = [[1.0], 3, "text", object(), np.ndarray, {}, lambda: 0, Ellipsis]


@pytest.mark.parametrize("given", NO_ARRAYS, ids=lambda given: type(given).__name__)
def test_what_is_no_array(given, scale):
    with pytest.raises(TypeError, match=r"scale\(\): argument 1 \(src\) is .*must be an array"):
        scale(given, 1.0)
    with pytest.raises(TypeError, match=r"scale\(\): argument dst is .*must be an array"):
        scale(X, 1.0, dst=given)


def test_tracers_have_no_memory(scale):
    with pytest.raises(Exception, match=r"Tracer|traced"):
        jax.jit(lambda x: scale(x, 1.0))(X)
    with pytest.raises(BufferError, match=r"scale\(\): argument 1 \(src\).*storage"):
        torch.vmap(lambda x: scale(x, 1.0))(torch.zeros(2, 2, 3))


class Broken:
    """Fails while it is asked for its memory."""

    def __init__(self, error):
        self.error = error

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **options):
        raise self.error


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, MemoryError, RecursionError])
def test_errors_of_the_array_itself_come_through(error, scale):
    with pytest.raises(error, match="broken"):
        scale(Broken(error("broken")), 1.0)


def test_what_an_array_refuses_has_the_name_of_the_argument(scale):
    with pytest.raises(BufferError, match=r"scale\(\): argument 1 \(src\).*broken"):
        scale(Broken(BufferError("broken")), 1.0)


NUL = (ValueError, "has a NUL at byte 1, where C would end it")
TEXTS = [
    ("a\0b", *NUL),
    (b"a\0b", *NUL),
    (pathlib.Path("a\0b"), *NUL),
    ("\ud800", ValueError, "is no text of UTF-8"),
    (5, TypeError, r"is 5 \(of type int\); it must be a str, bytes or a path"),
    (bytearray(b"b"), TypeError, "is bytearray.* must be a str, bytes or a path"),
    (pathlib.Path, TypeError, "is <class 'pathlib.Path'>.* must be a str, bytes or a path"),
    (None, TypeError, "is None .*must be a str"),
]


@pytest.mark.parametrize(("text", "kind", "words"), TEXTS, ids=ascii)
def test_texts(text, kind, words, functions):
    greet = dlbridge.bind(functions.greet, "name: str -> str")
    with pytest.raises(kind, match=rf"greet\(\): argument 1 \(name\):? {words}"):
        greet(text)


def fails(functions, status, error=None, result="status"):
    """The error of a call that C answers with a status."""
    signature = f"status: i32, optional unused: *f32[...] -> {result}"
    function = dlbridge.bind(functions.answer, signature, error=error, name="fail")
    with pytest.raises(capi.Error) as caught:
        function(status)
    return caught.value


def test_a_status_is_an_error_of_its_own(functions):
    error = fails(functions, 3)
    assert (error.status, str(error)) == (3, "fail() failed (status 3)")
    assert fails(functions, -(2**31)).status == -(2**31)


def test_the_text_of_a_status_is_fetched_from_the_library(functions):
    error = fails(functions, 7, functions.why)
    assert (error.status, str(error)) == (7, "fail(): the seventh failure (status 7)")
    # NULL is no text.
    assert str(fails(functions, 8, functions.why)) == "fail() failed (status 8)"
    assert "something failed" in str(fails(functions, 7, functions.why_without_status))
    assert "caf\ufffd" in str(fails(functions, 7, functions.not_utf8))


def test_a_status_of_dlbridge_has_a_name(functions):
    error = fails(functions, capi.StatusCode.NDIM, result="dlbridge_status")
    assert (error.status, error.name) == (capi.StatusCode.NDIM, "DLBRIDGE_ERROR_NDIM")
    assert str(error) == "fail() failed (DLBRIDGE_ERROR_NDIM)"
    own = fails(functions, 1001, result="dlbridge_status")
    assert (own.name, str(own)) == ("", "fail() failed (status 1001)")
    with pytest.raises(capi.Error, match=r"\(status 1001\)$"):
        capi.check(1001)


def test_outputs_are_left_alone_when_c_fails(functions):
    function = dlbridge.bind(
        functions.answer, "status: i32, optional inout y: *f32[3] -> status", copy=None
    )
    target = np.arange(6, dtype=np.float32)[::2]
    with pytest.raises(capi.Error):
        function(5, y=target)
    assert target.tolist() == [0, 2, 4]


def test_null_instead_of_a_tensor(functions):
    made = dlbridge.bind(functions.make_nothing, "-> f32[...]")
    with pytest.raises(RuntimeError, match=r"make_nothing\(\) gave NULL instead of a tensor"):
        made()
    told = dlbridge.bind(functions.make_nothing, "-> f32[...]", error=functions.why_without_status)
    with pytest.raises(RuntimeError, match="NULL instead of a tensor: something failed"):
        told()


def test_results_are_checked(functions):
    for kind, error, text in [
        ("f32[h, w]", TypeError, "dtype is float64, expected float32"),
        ("f64[w, h]", ValueError, r"shape\[0\] is 2, expected 3, as the argument w says"),
        ("f64[h, w] c", BufferError, r"the elements must lie in C order without gaps$"),
        ("f64[h]", ValueError, "ndim is 2, expected 1"),
    ]:
        made = dlbridge.bind(functions.make, f"h: i64, w: i64 -> {kind}")
        before = functions.count_deletions()
        with pytest.raises(error, match=rf"make\(\): .*result: expected .*: {text}"):
            made(2, 3)
        assert functions.count_deletions() == before + 1
    before = functions.count_deletions()
    with pytest.raises(BufferError, match="ndim is -1"):
        dlbridge.bind(functions.make_malformed, "-> f64[...]")()
    assert functions.count_deletions() == before + 1


TARGETS = {
    0: (ValueError, "address of the function is 0"),
    -1: (ValueError, "target is -1; it must be 0 to"),
    None: (TypeError, "target is None; it must be a function of a ctypes library"),
    "sum": (TypeError, "target is 'sum'"),
    len: (TypeError, "target is <built-in function len>"),
}


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_what_is_no_function(target):
    kind, text = TARGETS[target]
    with pytest.raises(kind, match=text):
        dlbridge.bind(target, "-> void")


def test_pointers_of_ctypes_that_are_no_functions(functions):
    for target in [ctypes.c_void_p(5), ctypes.pointer(ctypes.c_int()), ctypes.c_int(5), functions]:
        with pytest.raises(TypeError, match="must be a function of a ctypes library"):
            dlbridge.bind(target, "-> void")
        with pytest.raises(TypeError, match=r"error is .*must be a function of a ctypes library"):
            dlbridge.bind(functions.fail, "i32 -> status", error=target)
    with pytest.raises(ValueError, match="target is a NULL pointer"):
        dlbridge.bind(ctypes.CFUNCTYPE(None)(0), "-> void")


def test_options(functions):
    with pytest.raises(ValueError, match="copy is True; it must be False, or None"):
        dlbridge.bind(functions.fail, "i32 -> status", copy=True)
    with pytest.raises(TypeError):
        dlbridge.bind(functions.fail, "i32 -> status", release_gil=None)
    with pytest.raises(ValueError, match="numpy"):
        dlbridge.bind(functions.fail, "i32 -> status", like="nothing")
    for signature in [None, 5, b"i32 -> status"]:
        with pytest.raises(TypeError, match=r"signature is .*must be a str, a dict of them, or a"):
            dlbridge.bind(functions.fail, signature)


def test_code_of_arguments_that_moves_arrays_is_found_out(functions):
    """Else C would get the memory that an array had before."""
    function = dlbridge.bind(functions.take, "a: f32[n], b: f32[n]")
    a = np.ones(4, np.float32)
    held = torch.ones(4)

    class Mover:
        def __init__(self, move):
            self.move = move

        def __dlpack__(self, **options):
            self.move()
            return np.ones(4, np.float32).__dlpack__(**options)

        def __dlpack_device__(self):
            return (1, 0)

    moves = (
        (a, lambda: a.resize(2, refcheck=False)),
        (held, lambda: setattr(held, "data", torch.ones(4))),
    )
    for first, move in moves:
        with pytest.raises(BufferError, match=r"argument 1 \(a\).*changed while the other"):
            function(first, Mover(move))


def test_what_the_framework_will_not_take_is_refused_before_the_call(functions):
    calls = functions.count_calls()
    function = dlbridge.bind(functions.number, "out y: *f64[n], n: i64", like="jax")
    with pytest.raises(BufferError, match=r"number\(\): argument y.*float64"):
        function(3)
    assert functions.count_calls() == calls


def test_errors_of_other_libraries_keep_their_class(functions):
    class RefusalError(Exception):
        pass

    class Producer:
        def __dlpack__(self, **options):
            raise RefusalError("not today")

        def __dlpack_device__(self):
            return (1, 0)

    function = dlbridge.bind(functions.sum, "p: *f32[n], n: i64 = n -> f64")
    with pytest.raises(RefusalError) as caught:
        function(Producer())
    assert caught.value.__notes__ == ["sum(): argument 1 (p)"]
