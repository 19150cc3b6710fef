"""What is still to be done on a stream when something is given up, on the fake driver: see
python.py."""

import dlbridge
import numpy as np
import pytest
from fake_cuda import HOST, log, no_leak, stream, upload, values

__all__ = ["no_leak"]


@pytest.mark.parametrize("take", [dlbridge.from_dlpack, dlbridge.asarray])
def test_memory_that_was_taken_over_is_freed_after_its_last_use(take):
    (made, made_name), (work, work_name) = stream(), stream()
    there = upload(made)
    taken = take(there, stream=work)
    view = taken.T
    copy = view.copy()
    log()
    del there, taken
    assert log() == []
    del view
    done = log()
    assert done == [f"record {work_name}", f"wait {made_name}", f"free 48 {made_name}"]
    assert np.array_equal(values(copy, work), HOST.T)


def test_memory_that_was_taken_over_twice():
    (made, made_name), (second, second_name), (third, third_name) = stream(), stream(), stream()
    there = upload(made)
    taken = dlbridge.from_dlpack(there, stream=second)
    again = dlbridge.from_dlpack(taken, stream=third)
    copy = again.copy()
    log()
    del there, taken, again
    assert log() == [
        *(f"record {third_name}", f"wait {second_name}"),
        *(f"record {second_name}", f"wait {made_name}"),
        f"free 48 {made_name}",
    ]
    assert np.array_equal(values(copy, third), HOST)


def test_a_capsule_is_kept_until_it_is_copied():
    handle, _ = stream()
    capsule = dlbridge.asarray(HOST).copy().__dlpack__(max_version=(1, 0))
    there = dlbridge.from_dlpack(capsule, device="cuda", stream=handle)
    for _ in range(50):
        dlbridge.empty((3, 4)).numpy()[:] = 9
    assert np.array_equal(values(there), HOST)


@pytest.mark.parametrize("device", ["cpu_pinned", "cuda_managed"])
def test_what_is_pending_is_waited_for(device):
    copies = {
        "copy": lambda tensor: tensor.copy(),
        "contiguous": lambda tensor: tensor.T.contiguous().T,
        "from_dlpack": lambda tensor: dlbridge.from_dlpack(tensor, copy=True),
        "convert": lambda tensor: dlbridge.convert(tensor, "numpy", copy=True),
        "to another stream": lambda tensor: values(tensor.to_device("cuda", stream=stream()[0])),
    }
    for name, copied in copies.items():
        handle, _ = stream()
        there = upload(handle).to_device(device, stream=handle)
        assert np.array_equal(np.asarray(copied(there)), HOST), name


def test_to_device_takes_over_what_is_there():
    (made, made_name), (work, work_name) = stream(), stream()
    there = upload(made)
    log()
    taken = there.to_device("cuda:0", stream=work)
    assert log()[-2:] == [f"record {made_name}", f"wait {work_name}"]
    assert taken.__cuda_array_interface__["stream"] == work
    assert there.to_device("cuda:0") is there
