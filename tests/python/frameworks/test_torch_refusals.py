"""What is said of PyTorch tensors that have no memory of their own."""

import ctypes

import dlbridge
import pytest
import torch
import torch.masked

copied = dlbridge.bind(
    ctypes.CDLL(str(dlbridge.capi.LIBRARY)).dlbridge_copy_into,
    "source: any[...], inout target: any[...] -> dlbridge_status",
)


THERE = torch.empty(3)


class Wrapper(torch.Tensor):
    """A tensor that only wraps another one."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.size(), dtype=inner.dtype)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError


def masked():
    return torch.masked.masked_tensor(torch.ones(3), torch.tensor([True, False, True]))


REFUSED = {
    "bits": (lambda: torch.zeros(4, dtype=torch.uint8).view(torch.bits8), r"x\.view\(torch\.uint8"),
    "sparse": (lambda: torch.ones(3).to_sparse(), r"x\.to_dense"),
    "meta": (lambda: torch.ones(3, device="meta"), r"meta device"),
    "quantized": (
        lambda: torch.quantize_per_tensor(torch.ones(3), 1, 0, torch.quint8),
        "quantized",
    ),
    "wrapper": (lambda: Wrapper(torch.ones(4)), r"is a .*\.Wrapper, a wrapper without memory"),
    "functional": (lambda: torch._to_functional_tensor(torch.ones(3)), r"library\.custom_op"),
    "masked": (masked, r"x\.to_tensor\(value\), or x\.get_data\(\)"),
    "uninitialized": (torch.nn.UninitializedBuffer, r"no shape yet; run its module once"),
}
TAKES = {
    "asarray": dlbridge.asarray,
    "from_dlpack": dlbridge.from_dlpack,
    "convert": lambda x: dlbridge.convert(x, "numpy"),
    "bind": lambda x: copied(x, THERE),
}


def is_short(error):
    """Whether no frames of C++ are told, neither by an error nor by its causes."""
    while error is not None:
        assert "frame #" not in str(error)
        assert len(str(error)) < 500
        error = error.__cause__


@pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors")
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_a_tensor_without_memory_is_told_by_its_kind(take, make, words):
    with pytest.raises(BufferError, match=words) as refused:
        take(make())
    is_short(refused.value)


TRANSFORMS = {
    "vmap": lambda function: torch.vmap(function)(torch.ones(3, 4)),
    "grad": lambda function: torch.func.grad(function)(torch.ones(3)),
    "jvp": lambda function: torch.func.jvp(function, (torch.ones(3),), (torch.ones(3),)),
    "functionalize": lambda function: torch.func.functionalize(function)(torch.ones(3)),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transformations_are_told_the_way(take, name):
    seen, plain = [], torch.ones(3)

    def function(x):
        with pytest.raises(BufferError, match=rf"{name}.*torch\.library\.custom_op") as refused:
            take(x)
        is_short(refused.value)
        seen.append(x)
        # What is no argument of the transformation is an array as any other.
        take(plain)
        return x.sum()

    TRANSFORMS[name](function)
    assert len(seen) == 1


def test_the_way_through_a_transformation_works():
    @torch.library.custom_op("dlbridge_tests::doubled", mutates_args=())
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(2 * dlbridge.convert(x, "numpy"))

    @doubled.register_vmap
    def _(info, in_dims, x):
        return doubled(x), in_dims[0]

    assert torch.vmap(doubled)(torch.ones(3, 4)).tolist() == [[2] * 4] * 3


def test_distributed_tensors_are_told_the_way():
    fake = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    tensors = pytest.importorskip("torch.distributed.tensor")
    torch.distributed.init_process_group("fake", store=fake.FakeStore(), rank=0, world_size=1)
    try:
        mesh = torch.distributed.init_device_mesh("cpu", (1,))
        x = tensors.DTensor.from_local(torch.ones(4), mesh, [tensors.Replicate()])
        with pytest.raises(BufferError, match=r"is a DTensor.*x\.to_local\(\)"):
            dlbridge.asarray(x)
        assert dlbridge.asarray(x.to_local()).shape == (4,)
    finally:
        torch.distributed.destroy_process_group()
