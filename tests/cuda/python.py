"""Tensors of GPUs in Python, on the fake driver: test_fake_driver.py runs this in a process that
finds it. Its streams work as late as they may, so that a wait that is missing shows."""

import ctypes
import threading

import dlbridge
import handmade
import numpy as np
import pytest
from dlbridge import _dlbridge, capi
from fake_cuda import HOST, LEGACY, cuda, log, no_leak, stream, upload, values

__all__ = ["no_leak"]


class Interface:
    def __init__(self, tensor, **entries):
        self.tensor = tensor
        self.__cuda_array_interface__ = tensor.__cuda_array_interface__ | entries


class Producer:
    """A framework of which only `__dlpack__` is known."""

    def __init__(self, tensor):
        self.tensor, self.keywords = tensor, []

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, **keywords):
        self.keywords.append(keywords)
        return self.tensor.__dlpack__(**keywords)


# Memory


@pytest.mark.parametrize(
    ("device", "name", "line"),
    [
        ("cuda", "cuda:0", "allocate 24 legacy0"),
        ("cuda:1", "cuda:1", "allocate 24 legacy1"),
        ("cpu_pinned", "cuda_pinned:0", "allocate pinned 24"),
        ("cuda_pinned", "cuda_pinned:0", "allocate pinned 24"),
        ("cuda_managed", "cuda_managed:0", "allocate managed 24"),
    ],
)
def test_empty(device, name, line):
    tensor = dlbridge.empty((2, 3), device=device)
    assert (tensor.device, tensor.shape, tensor.readonly) == (name, (2, 3), False)
    assert line in log()
    if device != "cuda" and "cuda:" not in device:
        tensor.numpy()[:] = 1


def test_empty_on_a_stream():
    handle, name = stream()
    tensor = dlbridge.empty(6, dtype="uint8", device="cuda", stream=handle)
    del tensor
    assert log() == [f"allocate 6 {name}", f"free 6 {name}"]
    with pytest.raises(ValueError, match="stream is 0; it must be None, 1"):
        dlbridge.empty(6, device="cuda", stream=0)
    with pytest.raises(TypeError, match="stream is 'x'"):
        dlbridge.empty(6, device="cuda", stream="x")


def test_errors_have_a_reason():
    with pytest.raises(BufferError, match=r"cuda:7; there are 2 GPUs"):
        dlbridge.empty(3, device="cuda:7")
    with pytest.raises(BufferError, match="rocm"):
        dlbridge.empty(3, device="rocm")
    cuda.fake_fail(b"cuMemAllocAsync", 2)
    try:
        with pytest.raises(MemoryError, match=r"cuMemAllocAsync.*OUT_OF_MEMORY"):
            dlbridge.empty(3, device="cuda")
    finally:
        cuda.fake_fail(b"cuMemAllocAsync", 0)


# Copies


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1", "cpu_pinned", "cuda_managed"])
@pytest.mark.parametrize(
    "layout", [lambda x: x, lambda x: x.T, lambda x: x[::-1, ::2]], ids=["c", "f", "gaps"]
)
def test_there_and_back(device, layout):
    host = HOST.copy()
    there = dlbridge.asarray(layout(host)).to_device(device)
    expected = layout(host).copy()
    host[:] = -1  # it has been read
    assert (there.device, there.shape) == (dlbridge.Device(device), expected.shape)
    assert np.array_equal(values(there), expected)
    assert np.array_equal(values(there.T), expected.T)
    assert np.array_equal(values(there.T.copy()), expected.T)
    assert np.array_equal(values(there[1:].contiguous()), expected[1:])


def test_between_gpus():
    handle, _ = stream()
    first = upload(handle)
    second = first.to_device("cuda:1")
    del first
    assert second.device == "cuda:1"
    assert np.array_equal(values(second), HOST)


def test_the_same_device_is_no_copy():
    tensor = upload()
    assert tensor.to_device("cuda:0") is tensor
    assert dlbridge.asarray(tensor, device="cuda") is tensor
    assert dlbridge.from_dlpack(tensor, device="cuda").ptr == tensor.ptr


def test_copies_with_a_stream_do_not_wait():
    handle, name = stream()
    pinned = dlbridge.empty((3, 4), device="cpu_pinned")
    pinned.numpy()[:] = HOST
    log()
    there = pinned.to_device("cuda", stream=handle)
    copy = there.copy()
    assert log() == [f"allocate 48 {name}", f"copy 48 {name}"] * 2
    back = copy.to_device("cpu_pinned", stream=handle)
    assert not any("synchronize" in line for line in log())
    cuda.cuStreamSynchronize(ctypes.c_void_p(handle))
    assert np.array_equal(back.numpy(), HOST)


def test_another_stream_waits_and_is_waited_for():
    (first, first_name), (second, second_name) = stream(), stream()
    tensor = upload(first)
    log()
    back = tensor.to_device("cpu", stream=second).numpy()
    lines = [line for line in log() if line.split()[0] in ("record", "wait", "copy")]
    order = [f"record {first_name}", f"wait {second_name}", f"copy 48 {second_name}"]
    # The memory is freed on the first.
    assert lines == [*order, f"record {second_name}", f"wait {first_name}"]
    assert np.array_equal(back, HOST)


def test_the_audit_has_the_bytes():
    with dlbridge.audit() as audit:
        there = dlbridge.asarray(HOST).to_device("cuda")
        there.copy()
        there.to_device("cpu")
        dlbridge.from_dlpack(HOST, device="cuda")
        dlbridge.asarray(there, device="cpu")
        np.from_dlpack(there, device="cpu")
    copies = [(entry.bytes, entry.reason) for entry in audit if entry.copied]
    wanted = "it was wanted on another device"
    assert copies == [
        (48, "to_device()"),
        (48, "copy()"),
        (48, "to_device()"),
        (48, wanted),
        (48, wanted),
        (48, "the consumer wants it on another device"),
    ]


def test_no_hidden_copy():
    there = upload()
    for refused in (
        there.numpy,
        lambda: dlbridge.convert(there, "numpy"),
        lambda: dlbridge.convert(there, "numpy", copy=None),
        lambda: np.asarray(there),
    ):
        with pytest.raises((BufferError, RuntimeError, TypeError, ValueError), match="to_device"):
            refused()
    for refused in (
        lambda: dlbridge.from_dlpack(there, device="cpu", copy=False),
        lambda: dlbridge.asarray(HOST, device="cuda", copy=False),
        lambda: dlbridge.convert(there, "numpy", device="cpu"),
        lambda: there.__dlpack__(dl_device=(1, 0), copy=False),
    ):
        with pytest.raises(BufferError, match=r"copy is False.*\(48 bytes\)"):
            refused()
    assert dlbridge.plan(there, "numpy", device="cpu").copies
    assert np.array_equal(dlbridge.convert(there, "numpy", device="cpu", copy=None), HOST)


# Out: __dlpack__


def test_the_consumer_waits_on_the_device():
    (first, first_name), (second, second_name) = stream(), stream()
    tensor = upload(first)
    log()
    for consumer, name in (
        (None, "legacy0"),
        (1, "legacy0"),
        (2, "thread0"),
        (second, second_name),
    ):
        tensor.__dlpack__(stream=consumer, max_version=(1, 0))
        assert log()[-2:] == [f"record {first_name}", f"wait {name}"]
    for consumer in (-1, first):
        tensor.__dlpack__(stream=consumer)
        assert log() == []
    with pytest.raises(ValueError, match="stream is 0 for a tensor on cuda:0"):
        tensor.__dlpack__(stream=0)
    with pytest.raises(ValueError, match="stream is -2"):
        tensor.__dlpack__(stream=-2)


def test_the_wait_is_needed():
    """Without it the numbers are not there yet: what other tests see is due to it."""
    (first, _), (second, _) = stream(), stream()
    host = dlbridge.asarray(HOST)
    for consumer, arrives in ((-1, False), (second, True)):
        there = dlbridge.empty((3, 4), device="cuda", stream=first)
        cuda.cuStreamSynchronize(ctypes.c_void_p(first))
        late = [ctypes.cast(it._dltensor, ctypes.POINTER(capi.DLTensor)) for it in (host, there)]
        capi.check(capi.lib.dlbridge_cuda_copy_into(*late, first))
        other = dlbridge.from_dlpack(handmade_capsule(there, consumer), stream=second)
        assert np.array_equal(values(other, second), HOST) == arrives


def handmade_capsule(tensor, consumer):
    return tensor.__dlpack__(stream=consumer, max_version=(1, 0))


def test_values_on_the_stream_of_the_consumer():
    (first, _), (second, _) = stream(), stream()
    tensor = upload(first)
    other = dlbridge.from_dlpack(handmade_capsule(tensor, second), stream=second)
    assert np.array_equal(values(other), HOST)


def test_a_copy_for_the_consumer():
    (first, _), (second, name) = stream(), stream()
    tensor = upload(first)
    log()
    capsule = tensor.__dlpack__(stream=second, max_version=(1, 0), copy=True)
    assert f"copy 48 {name}" in log()
    copy = dlbridge.from_dlpack(capsule, stream=second)
    assert copy.ptr != tensor.ptr
    assert np.array_equal(values(copy), HOST)
    host = dlbridge.from_dlpack(tensor.__dlpack__(dl_device=(1, 0), max_version=(1, 0)))
    assert np.array_equal(host.numpy(), HOST)
    with pytest.raises(ValueError, match="stream is 1 for a tensor on cpu"):
        tensor.__dlpack__(stream=1, dl_device=(1, 0))


def made(device):
    foreign = handmade.Foreign((2, 3), (3, 1), data=0x7000_0000_0000, device=device)
    return _dlbridge._from_managed(foreign.address)


def test_other_devices():
    rocm = made((10, 0))
    for number in (1, 2):
        with pytest.raises(ValueError, match=f"stream is {number} .*rocm:0: ROCm has no such"):
            rocm.__dlpack__(stream=number)
    for number in (None, 0, 0x7000_0000):
        with pytest.raises(BufferError, match=r"needs the runtime of rocm.*stream=-1"):
            rocm.__dlpack__(stream=number)
    for device in ((10, 0), (8, 0), (14, 0), (7, 0)):
        capsule = made(device).__dlpack__(stream=-1, max_version=(1, 0))
        assert dlbridge.from_dlpack(capsule).__dlpack_device__() == device
        with pytest.raises(BufferError, match="needs the runtime"):
            made(device).to_device("cpu")
    pinned = dlbridge.empty(3, device="cpu_pinned")
    with pytest.raises(ValueError, match="has no streams; it must be None or -1"):
        pinned.__dlpack__(stream=1)


# In: __dlpack__


def test_producers_are_told_the_stream():
    (first, first_name), (second, second_name) = stream(), stream()
    producer = Producer(upload(first))
    log()
    other = dlbridge.from_dlpack(producer, stream=second)
    assert producer.keywords == [{"max_version": (1, 3), "stream": second}]
    assert log()[-2:] == [f"record {first_name}", f"wait {second_name}"]
    assert other.ptr == producer.tensor.ptr
    assert other.__cuda_array_interface__["stream"] == second
    assert np.array_equal(values(other), HOST)


def test_without_one_it_is_the_legacy_default_stream():
    producer = Producer(upload(stream()[0]))
    other = dlbridge.from_dlpack(producer)
    assert producer.keywords == [{"max_version": (1, 3)}]
    assert other.__cuda_array_interface__["stream"] == LEGACY
    assert np.array_equal(values(other), HOST)


def test_the_host_is_not_told_a_stream():
    producer = Producer(dlbridge.asarray(HOST))
    assert dlbridge.from_dlpack(producer, stream=LEGACY).device == "cpu"
    assert producer.keywords == [{"max_version": (1, 3)}]


def test_a_tensor_for_another_stream():
    (first, _), (second, _) = stream(), stream()
    other = dlbridge.asarray(upload(first), stream=second)
    assert other.__cuda_array_interface__["stream"] == second
    assert np.array_equal(values(other[1:]), HOST[1:])


def test_producers_may_move():
    producer = Producer(upload())
    host = dlbridge.from_dlpack(producer, device="cpu")
    assert producer.keywords[0]["dl_device"] == (1, 0)
    assert np.array_equal(host.numpy(), HOST)


def test_what_they_do_not_move_is_moved_here():
    class Fixed(Producer):
        def __dlpack__(self, *, dl_device=None, **keywords):
            if dl_device is not None:
                raise BufferError("not there")
            return super().__dlpack__(**keywords)

    assert np.array_equal(dlbridge.from_dlpack(Fixed(upload()), device="cpu").numpy(), HOST)


def test_the_default_stream_of_a_thread():
    tensor = upload(2)
    assert tensor.__cuda_array_interface__["stream"] == LEGACY
    found = []
    thread = threading.Thread(target=lambda: found.append(values(tensor)))
    thread.start()
    thread.join()
    assert np.array_equal(found[0], HOST)


# The CUDA array interface


def test_interface_goes_round():
    handle, name = stream()
    tensor = upload(handle, device="cuda:0")
    given = Interface(tensor)
    assert given.__cuda_array_interface__["stream"] == handle
    log()
    other = dlbridge.asarray(given)
    assert log()[-2:] == [f"record {name}", "wait legacy0"]
    assert (other.ptr, other.__cuda_array_interface__["stream"]) == (tensor.ptr, LEGACY)
    assert np.array_equal(values(other), HOST)
    same = dlbridge.asarray(given, stream=handle)
    assert log()[-1].startswith(("copy", "synchronize", "free", "wait", "allocate"))
    assert same.__cuda_array_interface__["stream"] == handle


def test_interface_without_a_stream_is_not_waited_for():
    tensor = upload()
    log()
    dlbridge.asarray(Interface(tensor, stream=None))
    assert log() == []
    with pytest.raises(ValueError, match="0, which it does not allow"):
        dlbridge.asarray(Interface(tensor, stream=0))


def test_interface_is_where_the_driver_says():
    assert dlbridge.asarray(Interface(upload(device="cuda:1"))).device == "cuda:1"


# The exchange API, and bound functions


def test_bound_function_gets_the_stream():
    (first, first_name), (second, second_name) = stream(), stream()
    seen = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    def work(_source, _other, _target, work_stream):
        seen.append((work_stream, log()))

    bound = dlbridge.bind(
        work,
        "a: f32[h, w] cuda, b: f32[h, w] cuda, out c: f32[h, w] cuda, work: stream",
        release_gil=False,
    )
    one, two = upload(first), upload(second)
    log()
    result = bound(one, two)
    handle, lines = seen[0]
    assert handle == first
    assert lines == [
        f"allocate 48 {first_name}",
        *(line for line in lines if line == "create event"),
        f"record {second_name}",
        f"wait {first_name}",
    ]
    assert log()[-2:] == [f"record {first_name}", f"wait {second_name}"]
    assert (type(result), result.device) == (dlbridge.Tensor, "cuda:0")
    assert result.__cuda_array_interface__["stream"] == first
    # A stream of the caller.
    bound(one, two, work=second)
    assert seen[1][0] == second


def test_bound_function_without_a_stream_is_on_the_default_one():
    handle, name = stream()
    seen = []
    work = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _x: seen.append(log()))
    tensor = upload(handle)
    log()
    dlbridge.bind(work, "x: f32[h, w] cuda", release_gil=False)(tensor)
    assert seen[0][-2:] == [f"record {name}", "wait legacy0"]
    assert log()[-2:] == ["record legacy0", f"wait {name}"]


def table():
    """The functions of our table, by their place in it."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = dlbridge.Tensor.__dlpack_c_exchange_api__
    return (ctypes.c_void_p * 7).from_address(pointer(capsule, b"dlpack_exchange_api"))


def test_table_orders_on_the_stream_that_it_names():
    handle, name = stream()
    tensor = upload(handle)
    log()
    take = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(ctypes.c_void_p))
    out = ctypes.c_void_p()
    assert take(table()[3])(tensor, ctypes.byref(out)) == 0
    assert log()[-2:] == [f"record {name}", "wait legacy0"]
    assert _dlbridge._from_managed(out.value).ptr == tensor.ptr
    current = ctypes.PYFUNCTYPE(
        ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)
    )
    assert current(table()[6])(2, 0, ctypes.byref(out)) == 0
    assert out.value is None


def test_table_allocates_on_a_gpu():
    shape = (ctypes.c_int64 * 2)(3, 4)
    prototype = handmade.DLTensor(device_type=2, device_id=1, ndim=2, code=2, bits=32, lanes=1)
    prototype.shape = shape
    allocate = ctypes.CFUNCTYPE(
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    out = ctypes.c_void_p()
    pointer = ctypes.addressof(prototype)
    assert allocate(table()[2])(pointer, ctypes.byref(out), None, None) == 0
    assert log()[-1] == "allocate 48 legacy1"
    assert _dlbridge._from_managed(out.value).device == "cuda:1"


# Capture


def test_exchange_while_a_stream_is_captured():
    handle, _ = stream(blocking=True)
    other, _ = stream()
    tensor = upload(handle)
    cuda.cuStreamSynchronize(ctypes.c_void_p(handle))
    cuda.fake_capture(handle, 1)
    try:
        taken = dlbridge.from_dlpack(Producer(tensor), stream=handle)
        taken.__dlpack__(stream=handle, max_version=(1, 0))
        taken.__dlpack__(stream=other, max_version=(1, 0))  # joins the capture
        Interface(taken)
        copy = taken.copy()
        del copy, taken
    finally:
        cuda.fake_capture(handle, 0)
    assert not cuda.fake_spoiled()


def test_nothing_is_left_of_many_exchanges():
    handle, _ = stream()
    tensor = upload(handle)
    for _ in range(1000):
        dlbridge.asarray(Interface(dlbridge.from_dlpack(Producer(tensor))))
    assert sum(line == "create event" for line in log()) <= 2
