"""What docs/differences.md says."""

import copy
import gc
import operator
import re
import weakref

import dlbridge
import numpy as np
import pytest
import toolchain
import torch

ARRAY = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def tensor():
    return dlbridge.asarray(ARRAY.copy())


def test_equality_is_identity(tensor):
    assert (tensor == tensor) is True
    for other in (5, 5.0, "5", None, ARRAY.tolist(), tensor[...], dlbridge.empty(())):
        assert (tensor == other) is False
        assert (tensor != other) is True
    assert dlbridge.asarray(np.array(5)) != 5
    assert (tensor.numpy() == 5).sum() == 1


def test_tensors_do_not_compute(tensor):
    for function in (operator.add, operator.mul, operator.sub, operator.matmul):
        for other in (1, tensor):
            with pytest.raises(TypeError, match="unsupported operand"):
                function(tensor, other)
    for function in (operator.neg, abs, operator.invert):
        with pytest.raises(TypeError, match="bad operand"):
            function(tensor)
    with pytest.raises(TypeError, match="not supported between"):
        operator.lt(tensor, tensor)
    with pytest.raises(TypeError, match="does not compare"):
        operator.contains(tensor, 3)
    assert np.add(tensor, 1).tolist() == (ARRAY + 1).tolist()


def test_elements_are_not_assigned(tensor):
    with pytest.raises(TypeError, match="item assignment"):
        tensor[0] = 1
    tensor.numpy()[0] = 1
    assert tensor.tolist()[0] == [1, 1, 1]


def test_indices_make_views(tensor):
    for index in ([0, 1], np.array([0, 1]), np.array([True, False])):
        with pytest.raises(TypeError, match="other kinds of indexing copy"):
            tensor[index]
    assert isinstance(tensor[1, 2], dlbridge.Tensor)
    assert tensor[1, 2].item() == tensor.item(5) == 5
    assert tensor.strides == torch.from_numpy(ARRAY).stride() == (3, 1)


def test_one_element_is_a_truth_value_and_many_are_none(tensor):
    with pytest.raises(TypeError, match=r"bool\(\) takes a tensor of one element"):
        assert tensor
    assert tensor.size


def test_an_index_has_no_axes():
    one = np.array([1])
    for array in (one, dlbridge.asarray(one)):
        with pytest.raises(TypeError):
            operator.index(array)
    assert operator.index(torch.from_numpy(one)) == 1


def test_copies_keep_what_is_read_only():
    array = ARRAY.T.copy().T
    array.flags.writeable = False
    tensor = dlbridge.asarray(array)
    for function in (copy.copy, copy.deepcopy):
        assert function(tensor).readonly
        assert function(tensor).strides == (3, 1)
        assert function(array).flags.writeable
    assert not tensor.copy().readonly


def test_what_others_take_of_dtypes_and_devices(tensor):
    with pytest.raises(ValueError, match="Device not understood"):
        np.from_dlpack(tensor, device=tensor.device)
    assert np.from_dlpack(tensor, device=str(tensor.device)).shape == (2, 3)
    with pytest.raises(TypeError):
        torch.zeros(3, dtype=tensor.dtype)
    assert torch.zeros(3, dtype=tensor.dtype.torch).dtype == torch.float64
    assert {tensor.device: 1}.get((1, 0)) is None


def test_a_cycle_through_a_tensor_is_not_collected():
    class Array(np.ndarray):
        pass

    array = np.zeros(3).view(Array)
    array.tensor = dlbridge.asarray(array)
    alive = weakref.ref(array)
    del array
    gc.collect()
    assert alive() is not None
    del alive().tensor
    gc.collect()
    assert alive() is None


def test_the_names_that_mean_two_types_are_those_that_the_document_has():
    text = (toolchain.ROOT / "docs/differences.md").read_text()
    kinds, sizes = re.search(r"all of `(.)` or `.` with ([\d, ]+) \|", text).groups()
    assert kinds == "i"
    for size in sizes.split(", "):
        for kind in "iu":
            with pytest.raises(ValueError, match="in signatures and"):
                dlbridge.DType(kind + size)
