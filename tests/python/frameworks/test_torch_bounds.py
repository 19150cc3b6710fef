"""PyTorch tensors whose storage is smaller than their shape says."""

import ctypes

import dlbridge
import pytest
import torch

# Named at its address in a library of dlbridge, so that nothing has to be compiled.
LIBRARY = ctypes.CDLL(str(dlbridge.capi.LIBRARY))


def copied(**options):
    signature = "source: f32[n], out target: f32[n] -> dlbridge_status"
    return dlbridge.bind(LIBRARY.dlbridge_copy_into, signature, **options)


def shrunk(tensor, size):
    tensor.untyped_storage().resize_(size)
    return tensor


class Subclass(torch.Tensor):
    pass


TAKES = {
    "asarray": dlbridge.asarray,
    "asarray with a copy": lambda x: dlbridge.asarray(x, copy=True),
    "asarray on a device": lambda x: dlbridge.asarray(x, device="cpu"),
    "from_dlpack": dlbridge.from_dlpack,
    "from_dlpack without a copy": lambda x: dlbridge.from_dlpack(x, copy=False),
    "convert": lambda x: dlbridge.convert(x, "numpy"),
    "convert with a copy": lambda x: dlbridge.convert(x, "numpy", copy=True),
    "convert to jax": lambda x: dlbridge.convert(x, "jax", copy=None),
    "bind": lambda x: copied()(x, target=torch.empty(x.numel())),
    "bind with a copy": lambda x: copied(copy=None)(x, target=torch.empty(x.numel())),
    "bind writes": lambda x: copied()(torch.zeros(x.numel()), target=x),
}
KINDS = {
    "plain": lambda size: torch.ones(size),
    "parameter": lambda size: torch.nn.Parameter(torch.ones(size), requires_grad=False),
    "subclass": lambda size: torch.ones(size).as_subclass(Subclass),
    "view": lambda size: torch.ones(size + 10)[10:],
}


@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_storage_that_is_too_small_is_refused(take, kind):
    x = kind(100_000)
    reach = 4 * (x.storage_offset() + x.numel())
    shrunk(x, 16)
    words = rf"the storage has 16 bytes, shape and strides reach {reach}"
    with pytest.raises(BufferError, match=words):
        take(x)


@pytest.mark.parametrize("take", [dlbridge.asarray, lambda x: dlbridge.convert(x, "numpy")])
def test_a_storage_is_enough_to_the_last_byte(take):
    whole = torch.arange(12.0)
    for x, last in [
        (whole, 12),
        (whole[3:9], 9),
        (whole.reshape(3, 4).t()[1:, 1:], 12),
        (whole[::5], 11),
        (whole[3].expand(1000, 2), 4),
        (whole.to(torch.float8_e5m2)[:7], 7),
        (whole.to(torch.complex64)[1:5], 5),
        (whole[:0], 0),
        (torch.ones(3, 0, 4), 0),
    ]:
        reach = x.element_size() * last
        alone = torch.empty(0, dtype=x.dtype).set_(
            x.untyped_storage().clone(), x.storage_offset(), x.size(), x.stride()
        )
        shrunk(alone, reach)
        take(alone)
        if reach:
            shrunk(alone, reach - 1)
            with pytest.raises(BufferError, match=f"has {reach - 1} bytes.* reach {reach};"):
                take(alone)


def test_a_resize_that_failed_halfway():
    memory = bytearray(16)
    x = torch.frombuffer(memory, dtype=torch.float32)
    with pytest.raises(RuntimeError):
        x.resize_(1_000_000)
    if x.numel() == 4:
        pytest.skip("this PyTorch resizes all or nothing")
    with pytest.raises(
        BufferError, match="the storage has 16 bytes, shape and strides reach 4000000"
    ):
        dlbridge.asarray(x)


def test_a_storage_that_was_freed():
    with pytest.raises(BufferError, match="the storage has 0 bytes, shape and strides reach 12"):
        dlbridge.asarray(shrunk(torch.ones(3), 0))


def test_plan_says_that_a_storage_is_too_small():
    plan = dlbridge.plan(shrunk(torch.ones(1000), 16), "numpy")
    assert plan.refuses
    assert "the storage has 16 bytes" in plan.reason


def test_torchs_read_only_wrapper_has_bounds_too():
    wrapper = torch.utils.dlpack.ReadOnlyTensorWrapper(shrunk(torch.ones(1000), 16))
    with pytest.raises(BufferError, match="the storage has 16 bytes"):
        dlbridge.asarray(wrapper)
