"""NumPy's own tests of DLPack, run on dlbridge."""

import dlbridge
import numpy as np
import suites

DLPACK = "numpy._core.tests.test_dlpack"
INSTALL = "NumPy's wheels have it"
BESIDE = {
    "calls only the methods of NumPy's arrays": [
        "test_dunder_dlpack_refcount",
        "test_dunder_dlpack_stream",
        "test_dunder_dlpack_copy",
        "test_dlpack_destructor_exception",
    ]
}


COPIED = {
    "copy=None makes the copy that helps": [
        "test_strides_not_multiple_of_itemsize",
        "test_invalid_byte_swapping",
    ]
}


def through(tests):
    """from_dlpack is that of dlbridge."""

    def from_dlpack(x, /, **keywords):
        return suites.tensor(x, dlbridge.from_dlpack, **keywords).numpy()

    tests.np = suites.Patched(np, from_dlpack=from_dlpack)


TestThrough = suites.suite(DLPACK, through, install=INSTALL, beside=BESIDE, left_out=COPIED)


def as_array(tests):
    """from_dlpack is asarray of dlbridge."""

    def from_dlpack(x, /, **keywords):
        return suites.tensor(x, dlbridge.asarray, **keywords).numpy()

    tests.np = suites.Patched(np, from_dlpack=from_dlpack)


TestAsArray = suites.suite(
    DLPACK,
    as_array,
    install=INSTALL,
    beside=BESIDE,
    left_out=COPIED
    | {
        "asarray reads NumPy arrays itself, also where a subclass has its own __dlpack__": [
            "test_writeable"
        ]
    },
)


def given(tests):
    """NumPy's from_dlpack gets tensors."""

    def from_dlpack(x, /, **keywords):
        return np.from_dlpack(suites.tensor(x, dlbridge.from_dlpack), **keywords)

    tests.np = suites.Patched(np, from_dlpack=from_dlpack)


TestGiven = suites.suite(DLPACK, given, install=INSTALL, beside=BESIDE, left_out=COPIED)


def made(tests):
    """The arrays are tensors, whose methods the tests call."""

    def maker(name):
        return lambda *arguments, **keywords: suites.tensor(
            getattr(np, name)(*arguments, **keywords)
        )

    makers = {name: maker(name) for name in ("arange", "array", "asarray", "ndarray", "zeros")}
    tests.np = suites.Patched(np, **makers)


TestMade = suites.suite(
    DLPACK,
    made,
    install=INSTALL,
    beside={
        "its arrays are made when the module is loaded": [
            "test_from_dlpack_refcount",
            "test_dtype_passthrough",
        ]
    },
    left_out={
        "a capsule owns the memory, and not the Tensor": ["test_dunder_dlpack_refcount"],
        "a stream on the host is a ValueError, and no RuntimeError": ["test_dunder_dlpack_stream"],
        "a copy= that is no bool is a TypeError, and no ValueError": ["test_dunder_dlpack_copy"],
        "no tensor has such elements, so that none can be refused later": [
            "test_strides_not_multiple_of_itemsize",
            "test_invalid_dtype",
            "test_invalid_byte_swapping",
        ],
        "sets the flags of an array, which a tensor has not": ["test_readonly"],
        "makes a subclass of numpy.ndarray": ["test_writeable"],
    },
)
