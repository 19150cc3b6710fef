"""Why a bound function failed is what its library says of this call, and not of another."""

import ctypes
import threading

import dlbridge
import pytest
import toolchain
from dlbridge import capi


@pytest.fixture(scope="module", params=["shared", "static", "hidden"])
def speaking(request, tmp_path_factory):
    """A library that is linked to dlbridge, or has a copy of its own, which may be hidden."""
    how = "shared" if request.param == "shared" else "static"
    flags = ["-shared", "-fPIC"]
    if request.param == "hidden":
        flags += ["-Wl,--exclude-libs,ALL"]
    path = toolchain.compile(
        toolchain.ROOT / "tests/python/bind/speaking_library.c",
        output=tmp_path_factory.mktemp("speaking") / f"lib{request.param}.so",
        link=how,
        flags=flags,
    )
    library = ctypes.CDLL(path)
    library.is_hidden = request.param == "hidden"
    return library


@pytest.fixture
def refuse(speaking):
    return dlbridge.bind(speaking.refuse, "how: int -> dlbridge_status")


def text(function, *arguments):
    with pytest.raises(RuntimeError) as caught:
        function(*arguments)
    return str(caught.value)


def test_the_sentence_is_that_of_the_library(speaking, refuse):
    if speaking.is_hidden:
        # Nobody can find it.
        assert text(refuse, 1) == "refuse() failed (DLBRIDGE_ERROR_ARGUMENT)"
        return
    for _ in range(3):
        assert text(refuse, 1) == "refuse(): sigma must be positive (DLBRIDGE_ERROR_ARGUMENT)"
        assert refuse(0) is None


def test_no_sentence_is_that_of_another_failure(speaking, refuse):
    recover = dlbridge.bind(speaking.recover, "-> dlbridge_status")
    for fail_before in [
        lambda: text(refuse, 1),
        lambda: speaking.refuse(1),
        recover,
        lambda: capi.lib.dlbridge_validate(None),
        lambda: None,
    ]:
        for how, name in [(2, "status 1001"), (3, "status 1002"), (4, "DLBRIDGE_ERROR_SHAPE")]:
            fail_before()
            assert text(refuse, how) == f"refuse() failed ({name})"


def test_other_functions_leave_the_sentence_alone(speaking):
    last = dlbridge.bind(speaking.last, "-> str")
    speaking.refuse(1)
    assert last() == last() == "sigma must be positive"


def test_null_has_the_sentence_too(speaking):
    sentence = "" if speaking.is_hidden else ": sigma must be positive"
    for signature, name in [
        ("how: int -> f32[h, w]", "give"),
        ("how: int, new image: f32[h, w] -> status", "give_into"),
        ("how: int, new image: f32[h, w] -> dlbridge_status", "give_into"),
    ]:
        function = dlbridge.bind(speaking[name], signature, name=name)
        wanted = f"{name}() gave NULL instead of a tensor"
        assert text(function, 1) == wanted + sentence
        assert text(function, 3) == wanted
        assert text(function, 0) == wanted


def test_each_thread_has_its_own(speaking, refuse):
    found = []
    text(refuse, 1)
    thread = threading.Thread(target=lambda: found.append(text(refuse, 3)))
    thread.start()
    thread.join()
    assert found == ["refuse() failed (status 1002)"]


def test_a_function_of_no_library():
    @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int)
    def fail(how):
        return capi.lib.dlbridge_fail(how, b"from Python") if how < 10 else how

    function = dlbridge.bind(fail, "how: int -> dlbridge_status", name="fail")
    assert text(function, 7) == "fail(): from Python (DLBRIDGE_ERROR_SHAPE)"
    assert text(function, 16) == "fail() failed (DLBRIDGE_ERROR_OVERLAP)"
