"""pyarrow's own tests of DLPack, run on dlbridge."""

import dlbridge
import numpy as np
import suites

DLPACK = "pyarrow.tests.test_dlpack"
INSTALL = "pyarrow's wheels have it"
METHODS = [
    "test_dlpack_legacy_capsule",
    "test_dlpack_legacy_capsule_immutable_tensor",
    "test_dlpack_versioned_capsule_immutable_tensor",
    "test_dlpack_legacy_capsule_copy_not_supported",
    "test_dlpack_versioned_capsule",
]
EXPORTS = [
    "test_dlpack",
    "test_tensor_dlpack",
    "test_array_to_tensor_dlpack",
    "test_fixed_shape_tensor_array_dlpack_permuted",
    "test_fixed_shape_tensor_scalar_dlpack",
    "test_array_to_tensor_dlpack_nulls",
    "test_dlpack_versioned_roundtrip",
    "test_dlpack_copy_is_writeable",
    "test_dlpack_not_supported",
]
IMPORTS = [
    "test_tensor_from_dlpack",
    "test_array_from_dlpack",
    "test_fixed_shape_tensor_array_from_dlpack",
    "test_fixed_shape_tensor_array_from_dlpack_transposed",
    "test_fixed_shape_tensor_array_from_dlpack_not_first_major",
    "test_from_dlpack_zero_copy",
    "test_from_dlpack_explicit_copy",
    "test_array_from_dlpack_multi_dim_not_supported",
]
APART = {
    "calls only the methods of pyarrow's arrays": METHODS,
    "takes what is no array": ["test_from_dlpack_no_dlpack_method"],
    "needs a GPU": ["test_dlpack_cuda_not_supported"],
}


def taken(tests):
    """What pyarrow gives is taken by from_dlpack of dlbridge."""

    def from_dlpack(x):
        return suites.tensor(x, dlbridge.from_dlpack).numpy()

    tests.np = suites.Patched(np, from_dlpack=from_dlpack)


TestTaken = suites.suite(
    DLPACK, taken, install=INSTALL, beside=APART | {"only takes arrays of NumPy": IMPORTS}
)


def given(tests):
    """What pyarrow takes are tensors."""
    names = ("Array", "Tensor", "FixedShapeTensorArray")
    importers = {name: Importer(getattr(tests.pa, name)) for name in names}
    tests.pa = suites.Patched(tests.pa, **importers)


class Importer(type):
    """A class of pyarrow, whose from_dlpack gets a tensor."""

    def __new__(cls, owner):
        return super().__new__(cls, owner.__name__, (), {"owner": owner})

    def __init__(cls, owner):
        pass

    def __instancecheck__(cls, value):
        return isinstance(value, cls.owner)

    def __getattr__(cls, name):
        return getattr(cls.owner, name)

    def from_dlpack(cls, x, **keywords):
        return cls.owner.from_dlpack(suites.tensor(x), **keywords)


TestGiven = suites.suite(
    DLPACK, given, install=INSTALL, beside=APART | {"only gives arrays to NumPy": EXPORTS}
)
