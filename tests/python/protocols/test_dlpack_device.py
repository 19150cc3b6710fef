"""`__dlpack_device__` and the tensor itself: both name one device."""

import dlbridge
import handmade
import pytest
from handmade import CPU, CUDA, CUDA_HOST, CUDA_MANAGED, Foreign, Producer

ADDRESS = 0x7000_0000_0000
SECOND, ROCM, MANAGED_1 = (2, 1), (10, 0), (13, 1)


def tensor_on(device, *, legacy=False):
    on_host = device in (CPU, CUDA_HOST, CUDA_MANAGED, MANAGED_1)
    return Foreign(device=device, legacy=legacy, data=None if on_host else ADDRESS)


DIFFERENT = [
    (CPU, CUDA),
    (CUDA, CPU),
    (CUDA, SECOND),
    (SECOND, CUDA),
    (CPU, CUDA_MANAGED),
    (CUDA_MANAGED, CPU),
    (CUDA, CUDA_MANAGED),
    (CUDA, ROCM),
    (CUDA_HOST, CUDA),
]


@pytest.mark.parametrize("legacy", [False, True], ids=["versioned", "legacy"])
@pytest.mark.parametrize(("said", "found"), DIFFERENT, ids=str)
@pytest.mark.parametrize("take", [dlbridge.from_dlpack, dlbridge.asarray])
def test_another_device_than_the_producer_says_is_refused(take, said, found, legacy):
    foreign = tensor_on(found, legacy=legacy)
    producer = Producer(foreign.capsule, device=said)
    names = [dlbridge.Device(pair) for pair in (said, found)]
    with pytest.raises(BufferError, match=rf"says {names[0]}, and its tensor is on {names[1]}"):
        take(producer)
    del producer
    assert foreign.deleted == 1


SAME = [
    *[(device, device) for device in (CPU, CUDA, SECOND, CUDA_HOST, CUDA_MANAGED)],
    # PyTorch and CuPy name pinned memory in two ways, each the other way round.
    (CUDA_HOST, CPU),
    (CPU, CUDA_HOST),
    # Managed memory is on no one device.
    (CUDA_MANAGED, MANAGED_1),
    (MANAGED_1, CUDA_MANAGED),
]


@pytest.mark.parametrize("legacy", [False, True], ids=["versioned", "legacy"])
@pytest.mark.parametrize(("said", "found"), SAME, ids=str)
def test_names_of_the_same_memory_are_taken(said, found, legacy):
    producer = Producer(tensor_on(found, legacy=legacy).capsule, device=said)
    assert dlbridge.from_dlpack(producer).__dlpack_device__() == found


def test_what_moved_where_it_was_wanted_is_taken():
    producer = Producer(tensor_on(CPU).capsule, device=CUDA)
    assert dlbridge.from_dlpack(producer, device="cpu").device == "cpu"
    with pytest.raises(BufferError, match="says cuda:0, and its tensor is on cpu"):
        dlbridge.from_dlpack(Producer(tensor_on(CPU).capsule, device=CUDA), device="cuda:1")


@pytest.mark.parametrize("found", [CPU, CUDA])
def test_a_producer_that_cannot_say_is_believed(found):
    class Silent(Producer):
        def __dlpack_device__(self):
            raise NotImplementedError

    producer = Silent(tensor_on(found).capsule)
    assert dlbridge.from_dlpack(producer).__dlpack_device__() == found
    assert dlbridge.from_dlpack(tensor_on(found).capsule()).__dlpack_device__() == found


def test_plan_and_convert_refuse_it_too():
    producer = Producer(lambda: Foreign().capsule(), device=handmade.CUDA)
    assert "says cuda:0" in dlbridge.plan(producer, "numpy").reason
    with pytest.raises(BufferError, match="says cuda:0"):
        dlbridge.convert(producer, "numpy")
