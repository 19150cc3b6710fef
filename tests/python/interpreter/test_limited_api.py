"""Interpreters need not have the functions that are no part of the limited API of 3.11."""

import sys

import pytest
import toolchain

SCRIPT = """
import numpy as np
import dlbridge

class Producer:
    def __init__(self, array):
        self.array = array
        self.asked = []

    def __dlpack__(self, **keywords):
        self.asked.append(keywords)
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

array = np.arange(6, dtype=np.float32).reshape(2, 3)
producer = Producer(array)
tensor = dlbridge.from_dlpack(producer)
assert tensor.ptr == array.ctypes.data
assert [each["max_version"][0] for each in producer.asked] == [1]
assert dlbridge.asarray(producer, copy=True).ptr != array.ctypes.data
assert tensor.tolist() == array.tolist()
assert (np.asarray(tensor) == array).all()
try:
    dlbridge.asarray(object())
except TypeError as error:
    assert "object" in str(error)
else:
    raise AssertionError("taken")
"""


@pytest.fixture(scope="module")
def hiding(tmp_path_factory):
    return toolchain.compile(
        toolchain.ROOT / "tests/python/interpreter/hidden_functions.c",
        output=tmp_path_factory.mktemp("hidden") / "hidden_functions.so",
        link="nothing",
        standard="gnu11",
        flags=["-shared", "-fPIC"],
    )


def run(hiding, *names):
    """Runs the script, and returns which functions were looked for in vain."""
    environment = {"LD_PRELOAD": str(hiding), "HIDDEN": " ".join(names)}
    said = toolchain.run(sys.executable, "-c", SCRIPT, environment=environment).stderr
    return {line.removeprefix("hidden: ") for line in said.splitlines()}


def test_with_all_functions(hiding):
    assert not run(hiding)


@pytest.mark.parametrize(
    "names",
    [
        ["PyObject_Vectorcall"],
        ["PyObject_GetOptionalAttr", "_PyObject_LookupAttr"],
        ["_PyType_Lookup"],
    ],
    ids=lambda names: names[0],
)
def test_without_some(hiding, names):
    assert run(hiding, *names) == set(names)
