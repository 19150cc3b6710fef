"""What several of the Python tests need."""

import ctypes

import handmade
import pytest
import toolchain
from dlbridge import _dlbridge
from markers import pytest_ignore_collect, pytest_itemcollected  # noqa: F401 - the hooks


@pytest.fixture(scope="session")
def lifetime_path(tmp_path_factory):
    source = toolchain.ROOT / "tests/python/lifetime.c"
    return toolchain.compile(
        source,
        output=tmp_path_factory.mktemp("lifetime") / "lifetime.so",
        link="nothing",
        standard="c11",
        flags=["-shared", "-fPIC"],
    )


@pytest.fixture(scope="session")
def lifetime(lifetime_path):
    """The library of lifetime.c, whose functions run without the GIL."""
    library = ctypes.CDLL(lifetime_path)
    library.make_counted.restype = ctypes.c_void_p
    library.delete_on_thread.argtypes = [ctypes.c_void_p]
    return library


@pytest.fixture
def counted(lifetime):
    """A Tensor made by C, and a function that tells how often it was released."""
    before = lifetime.released_count()
    tensor = _dlbridge._from_managed(lifetime.make_counted())
    # A list, so that the fixture itself does not keep the tensor alive.
    return [tensor], lambda: lifetime.released_count() - before


@pytest.fixture
def on_cuda():
    """A tensor on a GPU that need not exist: its address is never touched."""
    foreign = handmade.Foreign((2, 3), (3, 1), data=0x7000_0000_0000, device=handmade.CUDA)
    return _dlbridge._from_managed(foreign.address)


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    """The library of bound_functions.c and user_library.c."""
    folder = toolchain.ROOT / "tests/python"
    path = toolchain.compile(
        folder / "bind/bound_functions.c",
        folder / "capi/user_library.c",
        output=tmp_path_factory.mktemp("bound") / "libbound.so",
        link="nothing",
        flags=["-shared", "-fPIC"],
    )
    return ctypes.CDLL(path)
