"""Tensors on a real GPU: values, order, frameworks, capture, leaks."""

import gc

import dlbridge
import numpy as np
import pytest

try:
    import torch
except ImportError:
    torch = None

LAYOUTS = {
    "c": lambda x: x,
    "transposed": lambda x: x.transpose(2, 1, 0),
    "permuted": lambda x: x.transpose(1, 2, 0),
    "gaps": lambda x: x[:, ::2],
    "reversed": lambda x: x[::-1, :, ::-3],
    "empty": lambda x: x[:0],
}
DEVICES = ["cpu", "cpu_pinned", "cuda_managed", "cuda:0"]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("source", DEVICES)
@pytest.mark.parametrize("target", DEVICES)
def test_values_across_every_path(source, target, layout, dtype):
    host = np.arange(30 * 41 * 52).reshape(30, 41, 52).astype(dtype)
    view = LAYOUTS[layout](host)
    steps = [slice(None)] * 3
    if layout == "gaps":
        steps[1] = slice(None, None, 2)
    if layout == "reversed":
        steps = [slice(None, None, -1), slice(None), slice(None, None, -3)]
    if layout == "empty":
        steps[0] = slice(0, 0)
    axes = {"transposed": (2, 1, 0), "permuted": (1, 2, 0)}.get(layout, (0, 1, 2))
    there = dlbridge.asarray(host).to_device(source).transpose(*axes)[tuple(steps)]
    back = there.to_device(target).to_device("cuda:0").to_device("cpu")
    assert np.array_equal(back.numpy(), view)


@pytest.fixture
def gpu():
    """PyTorch, where it can use the GPU."""
    if torch is None or not torch.cuda.is_available():
        pytest.skip("no PyTorch that uses a GPU")
    return torch.device("cuda:0")


def slow(result, numbers):
    """Works for a while on the current stream, and then writes the numbers."""
    torch.cuda._sleep(200_000_000)
    result.copy_(numbers)


@pytest.mark.parametrize("waits", [True, False], ids=["wait", "no wait"])
def test_the_consumer_sees_what_a_slow_kernel_wrote(gpu, waits):
    """Without the wait the same test fails: that is the second case."""
    numbers = torch.ones(1 << 16, device=gpu)
    result = torch.zeros(1 << 16, device=gpu)
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(first):
        slow(result, numbers)
        tensor = dlbridge.from_dlpack(result)
    with torch.cuda.stream(second):
        if waits:
            other = tensor.torch()
        else:
            other = torch.from_dlpack(tensor.__dlpack__(stream=-1, max_version=(1, 0)))
        total = other.clone()
    torch.cuda.synchronize()
    assert bool((total == 1).all()) == waits


def test_torch_both_ways(gpu):
    x = torch.arange(12.0, device=gpu).reshape(3, 4)
    tensor = dlbridge.from_dlpack(x)
    assert (tensor.ptr, tensor.device, tensor.shape) == (x.data_ptr(), "cuda:0", (3, 4))
    back = tensor.torch()
    assert back.data_ptr() == x.data_ptr()
    assert np.array_equal(tensor.to_device("cpu").numpy(), x.cpu().numpy())


def test_cupy_both_ways():
    cupy = pytest.importorskip("cupy")
    x = cupy.arange(12, dtype="float32").reshape(3, 4)
    tensor = dlbridge.from_dlpack(x)
    assert tensor.ptr == x.data.ptr
    assert tensor.cupy().data.ptr == x.data.ptr
    assert dlbridge.asarray(tensor).ptr == x.data.ptr
    assert np.array_equal(tensor.to_device("cpu").numpy(), x.get())


def test_jax_both_ways():
    jax = pytest.importorskip("jax")
    if jax.default_backend() != "gpu":
        pytest.skip("this JAX uses no GPU")
    x = jax.numpy.arange(12, dtype="float32").reshape(3, 4)
    tensor = dlbridge.from_dlpack(x)
    assert tensor.ptr == x.unsafe_buffer_pointer()
    assert tensor.jax().unsafe_buffer_pointer() == tensor.ptr


def test_numba_both_ways():
    cuda = pytest.importorskip("numba.cuda")
    x = cuda.to_device(np.arange(12, dtype="float32").reshape(3, 4))
    tensor = dlbridge.asarray(x)
    assert tensor.ptr == x.__cuda_array_interface__["data"][0]
    there = dlbridge.convert(tensor, "numba")
    assert there.__cuda_array_interface__["data"][0] == tensor.ptr


def test_graph_capture(gpu):
    x = torch.zeros(8, device=gpu)
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        y = dlbridge.from_dlpack(x + 1).torch()
        z = y * 2
    x.fill_(4)
    graph.replay()
    torch.cuda.synchronize()
    assert z.tolist() == [10.0] * 8


def test_nothing_is_left_of_100_000_exchanges(gpu):
    x = torch.zeros(8, device=gpu)
    stream = torch.cuda.Stream()
    dlbridge.from_dlpack(x).torch()
    gc.collect()
    before = torch.cuda.mem_get_info()[0], torch.cuda.memory_allocated()
    for number in range(100_000):
        tensor = dlbridge.from_dlpack(x)
        with torch.cuda.stream(stream if number % 2 else torch.cuda.current_stream()):
            tensor.torch()
    del tensor
    torch.cuda.synchronize()
    gc.collect()
    free, allocated = torch.cuda.mem_get_info()[0], torch.cuda.memory_allocated()
    assert allocated == before[1]
    assert before[0] - free < 16 << 20
