"""Strides of axes of extent 1 arrive as they are: they tell a batch of one image in
channels_last from one in NCHW, and where a row was cut from."""

import json

import dlbridge
import numpy as np
import pytest
import torch
from framework_runs import run
from stride_cases import LAYOUTS, memory

# Where it refuses negative strides though nothing is reached through them, they are positive.
REFUSES = {"torch", "paddle", "pyarrow"}
REFUSES_EMPTY = {"warp"}
each = pytest.mark.parametrize("title", LAYOUTS)


def arrived(name, shape, strides):
    """The strides that a framework has then."""
    is_empty = 0 in shape
    if name in REFUSES or (name in REFUSES_EMPTY and is_empty):
        return [
            abs(stride) if extent == 1 or is_empty else stride
            for extent, stride in zip(shape, strides, strict=True)
        ]
    return list(strides)


@pytest.mark.parametrize(
    "name", ["numpy", "numba", "torch", "paddle", "pyarrow", "warp", "tvm_ffi"]
)
def test_frameworks_get_strides_as_they_are_and_give_them_back(name):
    lines = run(name, "-m", "stride_cases", name).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("[")]
    assert {title for title, *_ in found} == set(LAYOUTS)
    for title, did, there, back in found:
        shape, strides = LAYOUTS[title]
        expected = arrived(name, shape, strides)
        assert did == "shares", title
        if 0 not in shape:  # of these not all frameworks tell
            assert there == back == expected, title


@pytest.mark.parametrize("name", ["jax", "tensorflow", "mlx", "tinygrad"])
def test_frameworks_without_strides_take_the_same_layouts(name):
    lines = run(name, "-m", "stride_cases", name).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("[")]
    assert {title for title, did, *_ in found if did == "refuses"} == set()
    assert {title for title, *_ in found} == set(LAYOUTS)


def ways_to_torch(array):
    tensor = dlbridge.asarray(array)
    yield dlbridge.convert(array, "torch")
    yield dlbridge.convert(array, to="torch")
    yield dlbridge.convert(tensor, "torch")
    yield tensor.torch()
    yield torch.from_dlpack(tensor)
    yield torch.from_dlpack(tensor.__dlpack__(max_version=(1, 0)))
    yield torch.from_dlpack(tensor.__dlpack__())


@each
def test_every_way_to_torch_keeps_them(title):
    shape, strides = LAYOUTS[title]
    array = memory(shape, strides)
    expected = tuple(arrived("torch", shape, strides))
    for found in ways_to_torch(array):
        assert (tuple(found.shape), found.stride()) == (shape, expected)
        np.testing.assert_array_equal(found.numpy(), array)


def test_one_image_stays_in_channels_last():
    image = torch.zeros(1, 3, 4, 5).to(memory_format=torch.channels_last)
    assert image.stride() == (60, 1, 15, 3)
    for found in (
        dlbridge.asarray(image).torch(),
        dlbridge.convert(dlbridge.convert(image, "numpy"), "torch"),
        torch.from_dlpack(dlbridge.from_dlpack(image)),
    ):
        assert found.stride() == image.stride()
        assert torch.nn.functional.relu(found).stride() == (60, 1, 15, 3)


@each
def test_every_way_to_numpy_keeps_them(title):
    shape, strides = LAYOUTS[title]
    array = memory(shape, strides)
    tensor = dlbridge.asarray(array)
    assert tensor.strides == strides
    for found in (tensor.numpy(), dlbridge.convert(tensor, "numpy")):
        assert found.strides == array.strides
    if 0 not in shape:
        dlpack = np.from_dlpack(tensor)
        assert dlpack.strides == tuple(4 * stride for stride in arrived("torch", shape, strides))


def test_dlpack_gives_no_negative_strides_that_mean_nothing():
    """Many consumers refuse them, and who asks is not known."""
    pyarrow = pytest.importorskip("pyarrow")
    tensor = dlbridge.asarray(memory((1, 3, 4), (-12, 4, 1)))
    assert tensor.strides == (-12, 4, 1)
    assert pyarrow.Tensor.from_dlpack(tensor).strides == (48, 16, 4)
    # Those that mean something stay.
    reversed = dlbridge.asarray(memory((2, 3), (4, 1))[::-1])
    assert np.from_dlpack(reversed).strides == (-16, 4)
