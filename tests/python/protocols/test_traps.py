"""The traps of DLPack and its neighbours, by the numbers of the project's list.

Those that need a GPU or another framework are not here. Several are rows of
test_bridge.py too.
"""

import ctypes
import gc
import sys
import threading
import weakref

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import pytest
import toolchain
import torch
from dlbridge import _dlbridge
from handmade import Foreign, Producer

HUGE = 1 << 62


def held_by_c(tensor):
    """The address of an export that only C code holds from now on."""
    return handmade.use(tensor.__dlpack__(max_version=(1, 0)))


def refused(foreign, words):
    """Every way in refuses, the capsule keeps its tensor, and then deletes it once."""
    capsule = foreign.capsule()
    for take in (dlbridge.from_dlpack, dlbridge.asarray):
        with pytest.raises(BufferError, match=words):
            take(capsule)
    assert handmade.capsule_name(capsule) == foreign.name.decode()
    assert foreign.deleted == 0
    del capsule
    assert foreign.deleted == 1
    return True


# Ownership and lifetime


def owned_by_c(finalized):
    """The address of an export of a NumPy array that nobody else has.

    When it goes away Python code runs, which crashes without the GIL.
    """
    array = np.zeros(3)
    weakref.finalize(array, lambda: finalized.append([int(x) for x in "12"]))
    return held_by_c(dlbridge.asarray(array))


def test_trap_01_deleter_on_a_thread_without_the_gil(lifetime):
    finalized = []
    for _ in range(100):
        lifetime.delete_on_thread(owned_by_c(finalized))
    assert finalized == [[1, 2]] * 100


def test_trap_01_deleter_below_code_that_gave_up_the_gil():
    # from_dlpack calls Python, which calls C without the GIL, which deletes.
    finalized = []
    address = owned_by_c(finalized)

    def make():
        handmade.call_deleter(address)
        return dlbridge.empty(1).__dlpack__(max_version=(1, 0))

    dlbridge.from_dlpack(Producer(make))
    assert finalized == [[1, 2]]


AFTER_PYTHON = """
import ctypes, sys, threading, time
import numpy as np, dlbridge, handmade

library = ctypes.CDLL(sys.argv[1])

def owned_by_c():
    capsule = dlbridge.asarray(np.ones(3)).__dlpack__(max_version=(1, 0))
    return ctypes.c_void_p(handmade.use(capsule))
"""


def run_script(script, *arguments):
    paths = f"import sys; sys.path.insert(0, {str(toolchain.SUPPORT)!r})\n"
    return toolchain.run(sys.executable, "-c", paths + script, *arguments)


def test_trap_02_deleters_called_after_python_has_ended(lifetime_path):
    script = AFTER_PYTHON + "library.delete_after_python(owned_by_c(), owned_by_c())"
    assert run_script(script, lifetime_path).stdout == "deleted after Python\n"


def test_trap_02_deleters_called_while_python_ends(lifetime_path):
    # Threads of C that go on giving up NumPy arrays neither crash nor hang it.
    script = (
        AFTER_PYTHON
        + """
owned = [owned_by_c() for _ in range(20000)]
def delete_all():
    while owned:
        library.delete_on_thread(owned.pop())
for _ in range(3):
    threading.Thread(target=delete_all, daemon=True).start()
time.sleep(0.05)
assert owned
"""
    )
    for _ in range(3):
        run_script(script, lifetime_path)


def test_trap_03_subinterpreters_are_refused():
    script = '''
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import dlbridge
interpreter = interpreters.create()
interpreters.run_string(interpreter, f"import sys; sys.path[:] = {sys.path}")
interpreters.run_string(interpreter, """
import sys
try:
    import dlbridge
except ImportError as error:
    print(error, flush=True)
""")
interpreters.destroy(interpreter)
'''
    assert "another interpreter" in run_script(script).stdout


def test_trap_04_a_pending_exception_survives_the_deleter():
    # NumPy refuses bfloat16, and drops the capsule with that exception pending. The
    # last owner goes, and its finalizer runs Python code.
    array = np.zeros(3, ml_dtypes.bfloat16)
    finalized = []
    weakref.finalize(array, lambda: finalized.append([int(x) for x in "12"]))
    capsules = [dlbridge.asarray(array).__dlpack__(max_version=(1, 0))]
    del array
    with pytest.raises((RuntimeError, BufferError)) as error:
        np.from_dlpack(Producer(capsules.pop))
    assert not isinstance(error.value, SystemError)
    assert finalized == [[1, 2]]


def test_trap_04_a_pending_exception_survives_a_foreign_deleter():
    # The deleter is Python code that runs while the exception is on its way.
    ran = []
    foreign = Foreign(on_delete=lambda: ran.append([int(x) for x in "12"]))
    with pytest.raises(IndexError, match="axis 0"):
        dlbridge.from_dlpack(foreign.capsule())[99]
    gc.collect()
    assert (foreign.deleted, ran) == (1, [[1, 2]])


@pytest.mark.parametrize("legacy", [False, True])
def test_trap_05_06_each_capsule_is_deleted_once(legacy):
    unconsumed, consumed = Foreign(legacy=legacy), Foreign(legacy=legacy)
    unconsumed.capsule()
    assert unconsumed.deleted == 1
    tensor = dlbridge.from_dlpack(consumed.capsule())
    assert (consumed.deleted, tensor.readonly) == (0, legacy)
    view, array = tensor[1:], tensor.numpy()
    del tensor, view
    assert consumed.deleted == 0
    del array
    assert consumed.deleted == 1


@pytest.mark.parametrize("version", [None, (1, 3)], ids=str)
def test_trap_07_a_used_capsule_deletes_nothing(version):
    array = np.zeros(3)
    before = sys.getrefcount(array)
    capsule = dlbridge.asarray(array).__dlpack__(max_version=version)
    address = handmade.use(capsule)
    del capsule
    assert sys.getrefcount(array) == before + 1
    handmade.call_deleter(address, is_legacy=version is None)
    assert sys.getrefcount(array) == before


@pytest.mark.parametrize("shape", [(HUGE, HUGE, 0), (0, HUGE, HUGE)], ids=str)
def test_trap_08_38_huge_extents_beside_zero(shape):
    assert refused(Foreign(shape, (1, 1, 1)), "shape")
    with pytest.raises(ValueError, match="shape"):
        dlbridge.empty(shape)


@pytest.mark.parametrize("version", [None, (1, 3)], ids=str)
def test_trap_09_consuming_twice(version):
    capsule = dlbridge.empty(3).__dlpack__(max_version=version)
    torch.from_dlpack(capsule)
    with pytest.raises(BufferError, match="consumed before"):
        dlbridge.from_dlpack(capsule)
    with pytest.raises(RuntimeError):
        torch.from_dlpack(capsule)


def test_trap_10_threads_racing_for_one_capsule():
    for _ in range(50):
        foreign = Foreign()
        capsule, taken, barrier = foreign.capsule(), [], threading.Barrier(4)

        def race(capsule=capsule, taken=taken, barrier=barrier):
            barrier.wait()
            try:
                taken.append(dlbridge.from_dlpack(capsule))
            except BufferError:
                taken.append(None)

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(taken), taken.count(None)) == (4, 3)
        del capsule, race
        taken.clear()
        gc.collect()
        assert foreign.deleted == 1


def test_trap_11_exports_that_fail_midway_leak_nothing(counted):
    tensors, released = counted
    read_only = dlbridge.asarray(np.broadcast_to(tensors[0].numpy(), (2, *tensors[0].shape)))
    for _ in range(1000):
        for refused_export in ({}, {"max_version": (0, 8)}):
            with pytest.raises(BufferError, match="read-only"):
                read_only.__dlpack__(**refused_export)
        with pytest.raises(BufferError, match="cuda:0 is wanted"):
            read_only.__dlpack__(dl_device=handmade.CUDA)
    assert released() == 0
    tensors.clear()
    del read_only
    gc.collect()
    assert released() == 1


def test_trap_12_the_deleter_gets_the_struct_that_it_was_given():
    got = []
    foreign = Foreign()
    foreign._deleter = handmade._Deleter(got.append)
    foreign.managed.deleter = ctypes.cast(foreign._deleter, ctypes.c_void_p).value
    tensor = _dlbridge._from_managed(foreign.address)
    view = tensor.T[::-1]
    del tensor
    assert got == []
    del view
    assert got == [foreign.address]


@pytest.mark.parametrize("legacy", [False, True])
def test_trap_13_null_deleters(legacy):
    foreign = Foreign(legacy=legacy, deleter=False)
    tensor = dlbridge.from_dlpack(foreign.capsule())
    capsules = tensor.__dlpack__(copy=True), tensor.__dlpack__(max_version=(1, 0))
    assert handmade.legacy(capsules[0]).deleter
    assert handmade.versioned(capsules[1]).deleter


def test_trap_14_cycles_must_be_broken_by_hand():
    # Python's garbage collector does not see through a DLPack owner.
    class Holder(np.ndarray):
        pass

    array = np.zeros(3).view(Holder)
    array.tensor = dlbridge.asarray(array)
    alive = weakref.ref(array)
    del array
    gc.collect()
    assert alive() is not None
    alive().tensor = None
    assert alive() is None


@pytest.mark.parametrize("target", ["dlbridge", "numpy", "jax", "numba"])
def test_trap_15_torch_tensors_that_get_other_memory(target):
    large = 1 << 20  # which is given back to the system when it is freed
    there = torch.ones(large)
    array = dlbridge.convert(there, target, copy=None)
    there.set_(torch.zeros(1).untyped_storage())
    other = torch.ones(large)
    second = dlbridge.convert(other, target, copy=None)
    other.data = torch.zeros(9)
    del there, other
    gc.collect()
    torch.zeros(large)  # would take the memory, were it free
    for kept in (array, second):
        assert dlbridge.convert(kept, "numpy").sum() == large


def test_trap_16_shape_and_strides_are_copied():
    there = torch.arange(6.0).reshape(2, 3)
    tensor = dlbridge.asarray(there)
    there.t_()
    foreign = Foreign((2, 3), (3, 1))
    from_foreign = dlbridge.from_dlpack(foreign.capsule())
    foreign.shape[:] = [99, 99]
    foreign.strides[:] = [99, 99]
    for copied in (tensor, from_foreign):
        assert (copied.shape, copied.strides) == ((2, 3), (3, 1))
    first, second = (handmade.versioned(tensor.__dlpack__(max_version=(1, 0))) for _ in "12")
    assert ctypes.addressof(first.dl_tensor.shape) != ctypes.addressof(second.dl_tensor.shape)


def test_trap_17_numpy_does_not_resize_what_is_shared():
    array = np.zeros(3)
    tensor = dlbridge.asarray(array)
    with pytest.raises(ValueError, match="resize"):
        array.resize(1000)
    assert tensor.ptr == array.ctypes.data


class Interface:
    """An object with only an `__array_interface__`."""

    def __init__(self, **entries):
        self.__array_interface__ = {"version": 3, **entries}


def test_trap_18_jax_arrays_that_are_deleted():
    # In a process of its own: JAX starts threads.
    pytest.importorskip("jax")
    program = """
import dlbridge, jax.numpy as jnp
array = jnp.arange(8.0)
tensor = dlbridge.asarray(array)
array.delete()
assert tensor.numpy().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
try:
    dlbridge.asarray(array)
except BufferError as error:
    print(error)
"""
    assert "deleted" in toolchain.run(sys.executable, "-c", program).stdout


def test_trap_19_a_bytearray_stays_locked():
    memory = bytearray(range(12))
    tensor = dlbridge.asarray(Interface(shape=(3,), typestr="<i4", data=memory))
    with pytest.raises(BufferError):
        memory.extend(b"more")
    tensor.numpy()[0] = 1
    assert memory[:4] == b"\x01\x00\x00\x00"
    assert not tensor.readonly
    del tensor
    memory.extend(b"more")


# Negotiation and errors


def test_trap_21_producers_that_know_no_keywords():
    class Old:
        def __init__(self):
            self.calls = 0

        def __dlpack__(self, stream=None):
            self.calls += 1
            return Foreign(legacy=True).capsule()

    class Forwarding(Old):
        def __dlpack__(self, **keywords):
            return super().__dlpack__(**keywords)

    for old in (Old(), Forwarding()):
        for arguments in ({}, {"copy": True}, {"copy": False}, {"device": "cpu"}):
            old.calls = 0
            tensor = dlbridge.from_dlpack(old, **arguments)
            assert tensor.readonly is (arguments.get("copy") is not True)
            assert old.calls == 1


def test_trap_21_a_refusal_after_the_retry_is_the_one_raised():
    class Old:
        def __dlpack__(self):
            raise BufferError("on a device of its own")

    with pytest.raises(BufferError, match="of its own") as error:
        dlbridge.from_dlpack(Old())
    assert "max_version" in str(error.value.__context__)


def test_trap_22_a_type_error_of_the_producer_is_not_masked():
    class Broken:
        calls = 0

        def __dlpack__(self, **keywords):
            self.calls += 1
            return len(3)

    broken = Broken()
    with pytest.raises(TypeError, match="has no len"):
        dlbridge.from_dlpack(broken)
    assert broken.calls == 1


@pytest.mark.parametrize("legacy", [False, True])
def test_trap_23_24_whichever_capsule_comes(legacy):
    producer = Producer(lambda: Foreign(legacy=legacy).capsule())
    assert dlbridge.from_dlpack(producer).shape == (2, 3)
    assert producer.calls == [{"max_version": (1, 3)}]


def test_trap_25_only_keywords_that_are_needed_are_sent():
    producer = Producer(lambda: Foreign().capsule())
    for arguments, sent in (
        ({"copy": None, "device": None}, {}),
        ({"device": "cpu"}, {}),
        ({"copy": True}, {}),
        ({"copy": False}, {"copy": False}),
    ):
        producer.calls.clear()
        dlbridge.from_dlpack(producer, **arguments)
        assert producer.calls == [{"max_version": (1, 3), **sent}]


def test_trap_25_tvm_ffi_both_ways():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    array = np.arange(6.0).reshape(2, 3)
    theirs = tvm_ffi.from_dlpack(dlbridge.asarray(array))
    ours = dlbridge.from_dlpack(theirs)
    assert (ours.ptr, ours.shape) == (array.ctypes.data, (2, 3))


def test_trap_26_another_major_version():
    assert refused(Foreign(version=(2, 0)), r"version is 2\.0")
    assert dlbridge.from_dlpack(Foreign(version=(1, 9)).capsule()).shape == (2, 3)


@pytest.mark.parametrize(
    "version", [[1, 0], (1,), (1, 0, 0), ("1", 0), 1, "1.0", (1.0, 0)], ids=str
)
def test_trap_27_max_version_is_a_tuple_of_two_ints(version):
    with pytest.raises(TypeError, match=r"max_version is .*tuple of two ints"):
        dlbridge.empty(3).__dlpack__(max_version=version)


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, NotImplementedError, AssertionError])
def test_trap_28_refusals_of_producers_become_buffer_errors(kind):
    def fail():
        raise kind("not today")

    with pytest.raises(
        BufferError, match=r"handmade\.Producer cannot be exported: not today"
    ) as error:
        dlbridge.from_dlpack(Producer(fail))
    assert isinstance(error.value.__cause__, kind)


@pytest.mark.parametrize("kind", [MemoryError, KeyboardInterrupt, KeyError, AttributeError])
def test_trap_28_other_errors_are_passed_on(kind):
    def fail():
        raise kind

    with pytest.raises(kind):
        dlbridge.from_dlpack(Producer(fail))


def test_trap_29_copies_are_marked_and_made():
    tensor = dlbridge.asarray(np.zeros(3))
    copy = handmade.versioned(tensor.__dlpack__(copy=True, max_version=(1, 0)))
    share = handmade.versioned(tensor.__dlpack__(copy=False, max_version=(1, 0)))
    assert (copy.flags, share.flags) == (handmade.IS_COPIED, 0)
    # torch makes copies without saying so.
    there = torch.zeros(3)
    assert dlbridge.from_dlpack(there, copy=True).ptr != there.data_ptr()
    # One that copies although it must not is found out.
    producer = Producer(lambda: Foreign(flags=handmade.IS_COPIED).capsule())
    with pytest.raises(BufferError, match=r"made a copy \(24 bytes\) although copy=False"):
        dlbridge.from_dlpack(producer, copy=False)


def test_trap_30_the_version_is_that_of_the_struct():
    managed = handmade.versioned(dlbridge.empty(3).__dlpack__(max_version=(9, 9)))
    assert (managed.major, managed.minor) == (1, 3)


def test_trap_31_versioned_imports_are_writable():
    array = np.from_dlpack(dlbridge.empty(3))
    array[0] = 5
    assert array.flags.writeable


def test_trap_32_33_read_only_is_not_lost_on_the_way():
    array = np.zeros(3)
    array.flags.writeable = False
    tensor = dlbridge.asarray(array)
    for _ in range(3):
        tensor = dlbridge.from_dlpack(np.from_dlpack(dlbridge.from_dlpack(tensor)))
        assert tensor.readonly
    assert dlbridge.from_dlpack(Foreign(flags=handmade.READ_ONLY).capsule()).readonly


# Shape, strides, addresses


@pytest.mark.parametrize("legacy", [False, True])
def test_trap_34_null_strides(legacy):
    tensor = dlbridge.from_dlpack(Foreign((2, 3), None, legacy=legacy).capsule())
    assert tensor.strides == (3, 1)
    assert handmade.versioned(tensor.__dlpack__(max_version=(1, 0))).dl_tensor.strides
    scalar = dlbridge.from_dlpack(Foreign((), None, null_shape=True, legacy=legacy).capsule())
    assert (scalar.shape, scalar.strides) == ((), ())


def test_trap_35_strides_of_short_axes_are_anything():
    for strides in ((99, 1), (-99, 1), (HUGE, 1), (0, 1)):
        tensor = dlbridge.from_dlpack(Foreign((1, 3), strides).capsule())
        assert tensor.contiguous() is tensor
        assert tensor.numpy().flags.c_contiguous
        assert tensor.torch().shape == (1, 3)
    assert dlbridge.asarray(torch.zeros(3, 1).t()).numpy().shape == (1, 3)


def test_trap_36_strides_that_wrap_around():
    assert refused(Foreign((2,), (HUGE,)), "strides")
    assert refused(Foreign((2,), (-HUGE,)), "strides")


def test_trap_37_products_that_overflow():
    assert refused(Foreign((1 << 32, 1 << 32), (1, 1)), "shape")
    assert refused(Foreign((HUGE,), (1,)), "shape")


@pytest.mark.parametrize("ndim", [-1, 65, 1 << 30])
def test_trap_39_ndim(ndim):
    assert refused(Foreign(ndim=ndim), f"ndim is {ndim}")


def test_trap_39_as_many_dimensions_as_numpy():
    tensor = dlbridge.from_dlpack(Foreign((1,) * 64, (1,) * 64).capsule())
    assert tensor.numpy().ndim == 64
    assert tensor.reshape(-1).shape == (1,)


def test_trap_39_null_shape():
    assert refused(Foreign(null_shape=True), "shape is NULL")


def test_trap_40_null_data():
    assert refused(Foreign(data=0), "data is NULL")
    empty = dlbridge.from_dlpack(Foreign((0, 3), data=0).capsule())
    assert empty.numpy().shape == tuple(empty.torch().shape) == (0, 3)


def test_trap_41_byte_offset():
    foreign = Foreign((2, 3), (3, 1), byte_offset=8)
    tensor = dlbridge.from_dlpack(foreign.capsule())
    assert tensor.ptr == foreign.managed.dl_tensor.data + 8
    assert tensor.numpy().ctypes.data == tensor.torch().data_ptr() == tensor.ptr
    exported = handmade.versioned(tensor[1:].__dlpack__(max_version=(1, 0))).dl_tensor
    assert (exported.data, exported.byte_offset) == (tensor.ptr + 12, 0)
    assert refused(Foreign(byte_offset=(1 << 64) - 8), "byte_offset")


def test_trap_42_alignment():
    assert all(dlbridge.empty(size).ptr % 64 == 0 for size in range(1, 50))
    memory = np.zeros(33, np.uint8)[1:].view(np.float64)
    tensor = dlbridge.asarray(memory)
    tensor.numpy()[2] = 5
    assert not tensor.numpy().flags.aligned
    assert memory[2] == 5
    assert tensor.copy().ptr % 64 == 0


def test_trap_43_negative_strides():
    tensor = dlbridge.asarray(np.arange(3.0)[::-1])
    with pytest.raises(BufferError, match=r"strides is \(-1,\), and PyTorch takes no negative"):
        tensor.torch()
    assert tensor.torch(copy=None).tolist() == [2, 1, 0]
    assert np.from_dlpack(tensor).strides == (-8,)


def test_trap_46_sizes_are_products():
    # CuPy adds extents up; here each export has the shape itself.
    for shape in [(2, 3, 4), (1, 1), (0, 5), ()]:
        assert np.from_dlpack(dlbridge.empty(shape)).size == np.prod(shape)


def test_trap_44_overlapping_memory():
    expanded = dlbridge.asarray(torch.zeros(3).expand(2, 3))
    copy = expanded.copy()
    copy.numpy()[0] = 1
    np.testing.assert_array_equal(copy.numpy(), [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(expanded.numpy(), np.zeros((2, 3)))


def test_trap_45_strides_between_elements():
    packed = np.zeros(4, [("a", "i1"), ("b", "<f4")])["b"]
    assert packed.strides == (5,)
    with pytest.raises(BufferError, match=r"strides\[0\] is 5 bytes.*multiple"):
        dlbridge.asarray(packed, copy=False)
    assert dlbridge.asarray(packed[:1]).shape == (1,)


# dtype


def test_trap_47_bool():
    assert refused(Foreign(dtype=(6, 1, 1)), "dtype.bits is 1")
    array = np.array([True, False])
    there = dlbridge.convert(array, "torch")
    assert there.dtype == torch.bool
    assert dlbridge.convert(there, "numpy").dtype == np.bool_


def test_trap_48_float4():
    packed = dlbridge.from_dlpack(Foreign((6,), (1,), dtype=(17, 4, 1)).capsule())
    assert (str(packed.dtype), packed.nbytes, packed.itemsize) == ("float4_e2m1fn", 3, 1)
    for out in (packed.numpy, packed.torch, packed.copy, lambda: packed.__array_interface__):
        with pytest.raises(BufferError, match="float4_e2m1fn"):
            out()
    there = torch.zeros(6, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    pairs = dlbridge.asarray(there)
    assert (str(pairs.dtype), pairs.dtype.lanes, pairs.nbytes) == ("float4_e2m1fnx2", 2, 6)
    assert pairs.torch().dtype == torch.float4_e2m1fn_x2


def test_trap_50_padded_elements():
    foreign = Foreign((6,), (1,), dtype=(17, 4, 1), flags=handmade.PADDED)
    padded = dlbridge.from_dlpack(foreign.capsule())
    assert padded.nbytes == 6
    managed = handmade.versioned(padded.__dlpack__(max_version=(1, 0)))
    assert managed.flags == handmade.PADDED
    with pytest.raises(BufferError, match="padded"):
        padded.__dlpack__()


def test_trap_51_dtypes_that_are_none():
    assert refused(Foreign(dtype=(2, 32, 0)), "dtype.lanes is 0")
    assert refused(Foreign(dtype=(99, 32, 1)), "dtype.code is 99")
    assert refused(Foreign(dtype=(2, 7, 1)), "dtype.bits is 7")
    lanes = dlbridge.from_dlpack(Foreign(dtype=(2, 32, 4)).capsule())
    assert (str(lanes.dtype), lanes.itemsize) == ("float32x4", 16)
    for out in (lanes.numpy, lanes.torch, lambda: np.asarray(lanes)):
        with pytest.raises(BufferError, match="float32x4"):
            out()


ML_DTYPES = ["bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"]


@pytest.mark.parametrize("name", ML_DTYPES)
def test_trap_52_ml_dtypes(name):
    array = np.arange(3).astype(getattr(ml_dtypes, name))
    tensor = dlbridge.asarray(array)
    assert tensor.dtype == name
    out = tensor.numpy()
    assert (out.dtype, out.ctypes.data) == (array.dtype, array.ctypes.data)
    out = np.asarray(tensor)
    assert (out.dtype, out.ctypes.data) == (array.dtype, array.ctypes.data)


PADDED = ["int2", "uint2", "int4", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"]


@pytest.mark.parametrize("name", PADDED)
def test_trap_49_50_52_ml_dtypes_of_parts_of_bytes(name):
    # One byte each in NumPy, which DLPack says with a flag.
    array = np.ones((3, 4), getattr(ml_dtypes, name))[:, ::2]
    tensor = dlbridge.asarray(array)
    assert (tensor.dtype, tensor.strides, tensor.nbytes) == (name, (4, 2), 6)
    exported = handmade.versioned(tensor.__dlpack__(max_version=(1, 0)))
    assert exported.flags == handmade.PADDED
    assert (exported.dl_tensor.bits, exported.dl_tensor.lanes) == (tensor.dtype.bits, 1)
    for back in (tensor, dlbridge.from_dlpack(tensor.__dlpack__(max_version=(1, 0)))):
        out = back.numpy()
        assert (out.dtype, out.strides) == (array.dtype, array.strides)
        assert out.ctypes.data == array.ctypes.data
    assert np.asarray(tensor).ctypes.data == array.ctypes.data
    # Consumers that know no such flag would read them as packed.
    for refused in (tensor.__dlpack__, tensor.torch):
        with pytest.raises(BufferError):
            refused()
    array.flags.writeable = False
    assert dlbridge.asarray(array).readonly


def test_trap_52_numpy_without_ml_dtypes():
    script = """
sys.modules["ml_dtypes"] = None
import dlbridge
try:
    dlbridge.empty(3, dtype="bfloat16").numpy()
except BufferError as error:
    print("bfloat16" in str(error), "ml_dtypes" in str(error), type(error.__cause__).__name__)
"""
    assert run_script(script).stdout == "True True ModuleNotFoundError\n"


def test_trap_54_buffers_that_are_too_small():
    for entries in (
        {"shape": (4,)},
        {"shape": (3,), "offset": 4},
        {"shape": (2,), "strides": (-4,)},
        {"shape": (2,), "strides": (12,)},
    ):
        with pytest.raises(BufferError, match="of a buffer of 12 bytes"):
            dlbridge.asarray(Interface(typestr="<i4", data=bytes(12), **entries))
    inside = Interface(typestr="<i4", data=bytes(12), shape=(2,), strides=(-4,), offset=4)
    assert dlbridge.asarray(inside).strides == (-1,)


def test_trap_56_wrong_signs_are_not_exported():
    negated = torch.zeros(3, dtype=torch.complex64).conj().imag
    assert negated.is_neg()
    with pytest.raises(BufferError, match="resolve_neg"):
        dlbridge.from_dlpack(negated)
    resolved = negated.resolve_neg()
    assert dlbridge.from_dlpack(resolved).ptr == resolved.data_ptr()


# Devices and streams


@pytest.mark.parametrize("device", [handmade.CUDA_HOST, handmade.CUDA_MANAGED], ids=str)
def test_trap_63_64_other_memory_of_the_host(device):
    tensor = dlbridge.from_dlpack(Foreign(device=device).capsule())
    assert tensor.__dlpack_device__() == device
    assert tensor.numpy().ctypes.data == tensor.ptr


def test_trap_57_fake_tensors_have_no_memory():
    with torch._subclasses.FakeTensorMode():
        fake = torch.zeros(3)
    with pytest.raises(BufferError, match="FakeTensor, which has no memory"):
        dlbridge.asarray(fake)


def test_trap_66_metal_is_not_taken_for_anything_else():
    metal = _dlbridge._from_managed(Foreign((3,), (1,), data=0x1000, device=(8, 0)).address)
    assert str(metal.device) == "metal:0"
    for target in ("torch", "numpy"):
        with pytest.raises(BufferError, match="metal:0"):
            dlbridge.convert(metal, target)


def test_trap_63_the_capsule_is_believed_rather_than_the_method():
    producer = Producer(lambda: Foreign().capsule(), device=handmade.CUDA_HOST)
    assert dlbridge.from_dlpack(producer).device == "cpu"
    with pytest.raises(BufferError, match=r"on cpu and cuda_pinned:0 is wanted"):
        dlbridge.from_dlpack(producer, device="cuda_pinned")


def test_trap_65_the_host_has_index_zero():
    assert dlbridge.from_dlpack(Foreign(device=(1, 7)).capsule()).__dlpack_device__() == (1, 0)
    assert refused(Foreign(device=(5, 0)), "device_type is 5")
    assert refused(Foreign(device=(2, -1)), "device_id is -1")


def test_trap_67_68_streams_of_cuda(on_cuda):
    with pytest.raises(ValueError, match="stream is 0"):
        on_cuda.__dlpack__(stream=0)
    # It was made on the legacy default stream, which need not wait for itself.
    for stream in (None, 1, -1):
        exported = handmade.versioned(on_cuda.__dlpack__(stream=stream, max_version=(1, 0)))
        assert exported.dl_tensor.device_type == 2
    assert (exported.dl_tensor.device_type, exported.dl_tensor.data) == (2, on_cuda.ptr)


def test_trap_68_the_host_has_no_streams():
    tensor = dlbridge.empty(3)
    for stream in (None, -1):
        tensor.__dlpack__(stream=stream)
    for stream in (0, 1, 2, 0x7000_0000):
        with pytest.raises(ValueError, match=f"stream is {stream}.*None or -1"):
            tensor.__dlpack__(stream=stream)
    with pytest.raises(TypeError, match="stream is"):
        tensor.__dlpack__(stream="default")


def test_trap_70_c_functions_may_run_without_the_gil(lifetime):
    assert isinstance(lifetime, ctypes.CDLL)
    assert not isinstance(lifetime, ctypes.PyDLL)
    before = lifetime.released_count()
    tensor = _dlbridge._from_managed(lifetime.make_counted())
    assert lifetime.delete_on_thread(held_by_c(tensor)) == 0
    assert lifetime.released_count() == before
    del tensor
    assert lifetime.released_count() == before + 1
