"""errno of bound functions is what ctypes has of its own."""

import ctypes
import threading

import dlbridge
import pytest
import toolchain


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return toolchain.compile(
        toolchain.ROOT / "tests/python/bind/speaking_library.c",
        output=tmp_path_factory.mktemp("errno") / "liberrno.so",
        flags=["-shared", "-fPIC"],
    )


CHANGE = "value: int -> int"
# Each takes another way through the call.
SIGNATURES = [CHANGE, "value: int, optional unused: f32[n] -> int"]


@pytest.fixture(params=[True, False], ids=["without the GIL", "with it"])
def releases(request):
    return request.param


@pytest.mark.parametrize("signature", SIGNATURES)
def test_errno_is_kept_between_calls(signature, releases, path):
    library = ctypes.CDLL(path)
    function = dlbridge.bind(library.change_errno, signature, use_errno=True, release_gil=releases)
    ctypes.set_errno(7)
    assert function(9) == 7
    assert ctypes.get_errno() == 9
    assert function(11) == 9
    assert ctypes.get_errno() == 11


@pytest.mark.parametrize("opened", [True, False])
def test_it_follows_the_library(opened, path):
    library = ctypes.CDLL(path, use_errno=opened)
    function = dlbridge.bind(library.change_errno, CHANGE)
    ctypes.set_errno(3)
    function(4)
    assert ctypes.get_errno() == (4 if opened else 3)
    off = dlbridge.bind(library, {"change_errno": CHANGE}, use_errno=False).change_errno
    off(5)
    assert ctypes.get_errno() == (4 if opened else 3)
    on = dlbridge.bind(library, {"change_errno": CHANGE}, use_errno=True).change_errno
    on(6)
    assert ctypes.get_errno() == 6


def test_each_thread_has_its_own(path):
    function = dlbridge.bind(ctypes.CDLL(path).change_errno, CHANGE, use_errno=True)
    wrong = []

    def work(number):
        ctypes.set_errno(number)
        for step in range(2000):
            if function(number + step + 1) != number + step:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(10000 * index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_failure_of_the_system_has_its_number():
    libc = ctypes.CDLL(None, use_errno=True)
    chdir = dlbridge.bind(libc.chdir, "path: str -> int")
    assert chdir("/no/such/folder") == -1
    assert ctypes.get_errno() == 2
