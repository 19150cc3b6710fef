"""CPython's own tests of buffers and memoryviews, run on dlbridge."""

import dlbridge
import suites

INSTALL = "distributions of Python may have it in a package of its own (libpython3-testsuite)"

CYCLES = "cycles through a tensor are not found by the garbage collector"

# The formats that a tensor has as its source has them: DLPack has no characters, no
# pointers, and one name for all integers of 64 bits.
SAME_FORMATS = set("?bhilBHILfd")


class StandIn(type):
    """A class of functions that make instances of another one."""

    def __instancecheck__(cls, value):
        return isinstance(value, cls.other)


class View(metaclass=StandIn):
    """memoryview, of a tensor where one has the same format and no pointers."""

    other = memoryview

    def __new__(cls, *arguments, **keywords):
        view = memoryview(*arguments, **keywords)
        if view.format not in SAME_FORMATS or view.suboffsets:
            return view
        return memoryview(suites.tensor(*arguments, *keywords.values()))


ARRAY_TESTS = ("ArrayMemoryviewTest", "ArrayMemorySliceTest", "ArrayMemorySliceSliceTest")


def viewed(tests):
    """memoryviews are those of tensors."""
    tests.memoryview = View


TestMemoryview = suites.suite(
    "test.test_memoryview",
    viewed,
    install=INSTALL,
    beside={
        "takes what has no buffer": ["test_getbuf_fail"],
        "needs a class, which array.array is not here": [
            f"{name}::test_gc" for name in ARRAY_TESTS
        ],
        "is skipped by CPython": [
            f"{name}::{test}"
            for name in ARRAY_TESTS
            for test in (
                "test_attributes_readonly",
                "test_getbuffer",
                "test_hash",
                "test_setitem_readonly",
                "test_tolist",
                "test_writable_readonly",
            )
        ],
    },
    left_out={
        CYCLES: [
            "BytesMemoryviewTest::test_gc",
            "BytesMemorySliceTest::test_gc",
            "BytesMemorySliceSliceTest::test_gc",
        ],
    },
)


class Lender:
    """A tensor, with what its memoryview has."""

    def __init__(self, view):
        self.view = view

    def __getattr__(self, name):
        return getattr(self.view, name)


def lent(tests):
    """memoryviews are those of tensors, which themselves are asked for buffers too."""
    ndarray = tests.ndarray

    class Array(metaclass=StandIn):
        other = ndarray

        def __new__(cls, items, *arguments, **keywords):
            items = items.view.obj if isinstance(items, Lender) else items
            return ndarray(items, *arguments, **keywords)

    class TestBufferProtocol(tests.TestBufferProtocol):
        def assertIs(self, first, second, message=None):  # noqa: N802
            """A view is one of the tensor, and not of its source."""
            if not isinstance(first, dlbridge.Tensor):
                super().assertIs(first, second, message)  # noqa: PT009

        def verify_getbuf(self, source, lender, request, sliced=False):
            super().verify_getbuf(source, lender, request, sliced)
            is_lent = isinstance(lender, memoryview) and isinstance(lender.obj, dlbridge.Tensor)
            # Bytes without a shape are given of one axis, where none is lost.
            if is_lent and (request & tests.PyBUF_ND or lender.ndim == 1):
                super().verify_getbuf(source, Lender(lender), request, sliced)

    tests.memoryview, tests.ndarray = View, Array
    tests.numpy_array = None
    # Formats come at random, from these.
    tests.cap["ndarray"] = ([""], [""])
    for character in tests.NATIVE.keys() - SAME_FORMATS:
        del tests.NATIVE[character]
    tests.TestBufferProtocol = TestBufferProtocol
    suites.keep(TestBufferProtocol, lambda name: not name.startswith(COMPARED))


# From Python 3.12 on there are also classes whose buffers are made by Python code.
ONLY = ("TestBufferProtocol",)
# The tests that only look at whether views are equal, and not at the formats.
COMPARED = ("test_memoryview_compare", "test_memoryview_tobytes")


TestBuffer = suites.suite(
    "test.test_buffer",
    lent,
    install=INSTALL,
    only=ONLY,
    beside={
        "makes no memoryview of a buffer": [
            "test_issue_7385",
            "test_memoryview_get_contiguous",
            "test_memoryview_getbuffer_undefined",
            "test_ndarray_cmp_contig",
            "test_ndarray_fortran",
            "test_ndarray_get_pointer",
            "test_ndarray_hash",
            "test_ndarray_index_getitem_multidim",
            "test_ndarray_index_null_strides",
            "test_ndarray_memoryview_from_buffer",
            "test_ndarray_offset",
            "test_ndarray_random_invalid",
            "test_ndarray_re_export",
            "test_ndarray_slice_assign_multidim",
            "test_ndarray_slice_multidim",
            "test_ndarray_slice_redundant_suboffsets",
            "test_pybuffer_size_from_format",
        ],
    },
    left_out={
        "a tensor locks the memoryview that it is made of": ["test_memoryview_release"],
    },
)


class AnyView(metaclass=StandIn):
    """memoryview, of a tensor wherever there can be one."""

    other = memoryview

    def __new__(cls, source):
        if memoryview(source).format.endswith("c"):  # to a tensor these are numbers
            return memoryview(source)
        try:
            return memoryview(suites.tensor(source))
        except BufferError:
            return memoryview(source)


def compared(tests):
    """The memoryviews that are compared are those of tensors."""
    tests.memoryview = AnyView
    suites.keep(tests.TestBufferProtocol, lambda name: name.startswith(COMPARED))


TestCompared = suites.suite("test.test_buffer", compared, install=INSTALL, only=ONLY)


def pickled(tests):
    """Buffers to pickle are those of tensors."""
    by_python = tests.PickleBuffer
    tests.PickleBuffer = lambda *objects: by_python(*map(suites.tensor, objects))


TestPickled = suites.suite(
    "test.test_picklebuffer",
    pickled,
    install=INSTALL,
    left_out={
        CYCLES: ["test_cycle"],
        "the format of a tensor has no prefix, since its order is native": ["test_ndarray_2d"],
    },
)
