"""NumPy's own tests of buffers and array interfaces, run on dlbridge."""

import sysconfig

import handmade
import numpy as np
import suites
import toolchain

MULTIARRAY = "numpy._core.tests.test_multiarray"
INSTALL = "NumPy's wheels have it"


def has_dtype(array):
    """Whether DLPack has the elements of an array or scalar of NumPy."""
    dtype = getattr(array, "dtype", None)
    return dtype is not None and dtype.kind in "biufc" and dtype.isnative and dtype.char not in "gG"


def lender(array):
    """A tensor on the array, where DLPack has its elements."""
    return suites.tensor(array) if has_dtype(array) else array


def view(array):
    return memoryview(lender(array))


def numpy_with(**replaced):
    """NumPy with its own types of elements: ml_dtypes adds others, where it is loaded."""
    own = {name: kind for name, kind in np._core.sctypeDict.items() if kind.__module__ == "numpy"}
    return suites.Patched(np, _core=suites.Patched(np._core, sctypeDict=own), **replaced)


def lent(tests):
    """The buffers of arrays are those of tensors."""
    tests.np = numpy_with()
    tests.memoryview = view
    own = tests._multiarray_tests
    tests._multiarray_tests = suites.Patched(
        own, get_buffer_info=lambda array, flags: own.get_buffer_info(lender(array), flags)
    )


OTHER_ELEMENTS = {
    "has structs, or other elements that DLPack has not": [
        "test_invalid_buffer_format",
        "test_export_record",
        "test_export_subarray",
        "test_export_and_pickle_user_dtype",
        "test_repr_user_dtype",
        "test_out_of_order_fields",
        "test_error_message_unsupported",
        "test_ctypes_struct_via_memoryview",
        "test_error_if_stored_buffer_info_is_corrupted[obj1]",
    ],
}
TestLent = suites.suite(
    MULTIARRAY,
    lent,
    install=INSTALL,
    only=["TestNewBufferProtocol"],
    beside=OTHER_ELEMENTS
    | {
        "has structs alone": ["test_padding", "test_padded_struct_array"],
        "takes buffers that are no array's": [
            "test_error_pointer_type",
            "test_ctypes_integer_via_memoryview",
            "test_no_suboffsets",
        ],
    },
    left_out={
        "what cannot be had is a BufferError, as the protocol wants it, and no ValueError": [
            "test_export_flags"
        ],
        "the strides of axes of extent 1 stay what they are": ["test_relaxed_strides"],
        "no tensor uses what NumPy has stored of its own buffers": [
            "test_error_if_stored_buffer_info_is_corrupted[obj0]"
        ],
    },
)


def taken(tests):
    """Buffers become arrays by asarray of dlbridge."""

    def asarray(x, *arguments, **keywords):
        if isinstance(x, memoryview) and has_dtype(x.obj):
            return suites.tensor(x).numpy()
        return np.asarray(x, *arguments, **keywords)

    tests.np = numpy_with(asarray=asarray)


TestTaken = suites.suite(
    MULTIARRAY,
    taken,
    install=INSTALL,
    only=["TestNewBufferProtocol"],
    beside=OTHER_ELEMENTS
    | {
        "has structs alone": ["test_padding", "test_padded_struct_array"],
        "takes no buffer": [
            "test_export_simple_1d",
            "test_export_simple_nd",
            "test_export_discontiguous",
            "test_export_endian",
            "test_export_flags",
            "test_relaxed_strides",
            "test_error_if_stored_buffer_info_is_corrupted[obj0]",
        ],
        "takes buffers that are no array's": [
            "test_error_pointer_type",
            "test_ctypes_integer_via_memoryview",
            "test_no_suboffsets",
        ],
    },
)


def read(tests):
    """The dtype of a format is that of a tensor, unless dlbridge refuses it."""
    by_numpy = tests._dtype_from_pep3118

    def by_tensor(spec):
        dtype = by_numpy(spec)
        try:
            return suites.tensor(handmade.lend(spec, dtype.itemsize)).numpy().dtype
        except BufferError:
            return dtype

    tests._dtype_from_pep3118 = by_tensor


TestRead = suites.suite(
    MULTIARRAY,
    read,
    install=INSTALL,
    only=["TestPEP3118Dtype"],
    left_out={"characters are the numbers of bytes, and no text": ["test_char_vs_string"]},
)


def described(tests):
    """Objects with an array interface become arrays by asarray of dlbridge."""

    def array(x, *arguments, **keywords):
        if hasattr(x, "__array_interface__") and not isinstance(x, np.ndarray):
            return suites.tensor(x).numpy()
        return np.array(x, *arguments, **keywords)

    tests.np = suites.Patched(np, array=array, asarray=array)


TestDescribed = suites.suite(
    MULTIARRAY,
    described,
    install=INSTALL,
    only=[
        "TestArrayInterface",
        "test_interface_empty_shape",
        "test_interface_no_shape_error",
        "test_interface_nullptr",
        "test_interface_nullptr_size_check",
        "test_array_interface_itemsize",
        "test_array_interface_empty_shape",
        "test_array_interface_offset",
        "test_array_interface_unicode_typestr",
    ],
    beside={
        "has lists of objects": [
            "test_scalar_interface[val1-iface1-expected1]",
            "test_scalar_interface[val2-iface2-expected2]",
        ],
        "has structs": ["test_array_interface_itemsize"],
    },
    left_out={
        "has no memory: NumPy calls float() instead": [
            "test_scalar_interface[val0-iface0-0.5]",
            "test_scalar_interface[val3-iface3-0.5]",
            "test_scalar_interface[val5-iface5-expected5]",
            "test_scalar_interface[val7-iface7-0.5]",
        ],
        "no memory to share is a BufferError or, without a shape, a TypeError": [
            "test_scalar_interface[val6-iface6-ValueError]",
            "test_scalar_interface[val8-iface8-ValueError]",
            "test_scalar_interface[val10-iface10-TypeError]",
            "test_interface_no_shape_error",
            "test_interface_nullptr_size_check",
            "test_array_interface_unicode_typestr",
        ],
        "NumPy allocates where there is no memory": ["test_interface_nullptr[iface0]"],
        "has elements of several numbers": ["test_interface_nullptr[iface1]"],
    },
)


def described_in_c(tests):
    """The same, of objects with a C struct."""

    def array(x, copy=None):
        return suites.tensor(x, copy=copy).numpy()

    tests.np = suites.Patched(np, array=array)
    tests.extbuild = suites.load("numpy.testing._private.extbuild", "compiled")
    tests.extbuild.build = compiled


def compiled(source, output, flags, _, include_folders, *libraries):
    """What NumPy lets Meson do, which need not be there."""
    output = output.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    folders = [f"-I{folder}" for folder in (sysconfig.get_path("include"), *include_folders)]
    toolchain.run(*toolchain.c_compiler(), "-shared", *flags, *folders, source, "-o", output)
    return output


TestDescribedInC = suites.suite(
    "numpy._core.tests.test_array_interface", described_in_c, install=INSTALL
)


def lent_scalars(tests):
    """The buffers of scalars are those of tensors."""
    tests.memoryview = view
    by_numpy = tests.get_buffer_info
    tests.get_buffer_info = lambda scalar, flags: by_numpy(lender(scalar), flags)


SCALAR_TESTS = [
    "test_scalar_match_array",
    "test_scalar_dim",
    "test_scalar_code_and_properties",
    "test_scalar_buffers_readonly",
]
TestLentScalars = suites.suite(
    "numpy._core.tests.test_scalarbuffer",
    lent_scalars,
    install=INSTALL,
    beside={
        "DLPack has no such elements": [
            *(f"{test}[{code}]" for test in SCALAR_TESTS for code in ("g", "Zg")),
            "test_void_scalar_structured_data",
            "test_datetime_memoryview",
            "test_str_ucs4",
            "test_user_scalar_fails_buffer",
        ]
    },
    left_out={
        "the error has words of its own": ["test_scalar_buffers_readonly"],
        "types of the same elements have one format": [
            "test_scalar_code_and_properties[q]",
            "test_scalar_code_and_properties[Q]",
        ],
    },
)


def nested(tests):
    """What is like an array is a tensor."""
    for owner in (tests.TestStringDiscovery, tests.TestNested, tests.TestArrayLikes):
        for test in vars(owner).values():
            for mark in getattr(test, "pytestmark", []):
                if "arraylike" in mark.args[:1]:
                    mark.args[1][:] = [suites.tensor]


TestNested = suites.suite(
    "numpy._core.tests.test_array_coercion",
    nested,
    install=INSTALL,
    only=["TestStringDiscovery", "TestNested", "TestArrayLikes"],
    beside={
        "has none that can be changed": [
            "test_basic_stringlength",
            "test_nested_arrays_stringlength",
            "test_nested_simple",
            "test_pathological_self_containing",
            "test_empty_sequence",
            "test_array_of_different_depths",
            "test_0d_generic_special_case",
            "test_arraylike_classes",
            "test_too_large_array_error_paths",
            "test_bad_array_like_attributes",
            "test_bad_array_like_bad_length",
            "test_array_interface_descr_optional",
        ]
    },
    left_out={"there are no tensors of objects": ["test_unpack_first_level"]},
)
