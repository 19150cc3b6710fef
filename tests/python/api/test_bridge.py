"""What users know from PyTorch's NumPy bridge: the seven rows of the issue."""

import ctypes
import gc
import itertools
import sys
import threading
import tracemalloc
import warnings

import dlbridge
import handmade
import numpy as np
import pytest
import toolchain
import torch
from dlbridge import _dlbridge

BASE = np.arange(24, dtype=np.float32).reshape(4, 6)

# NumPy views, and whether PyTorch can have them.
LAYOUTS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "stepped": lambda a: a[::2, 1::3],
    "column": lambda a: a[:, 2],
    "0-d": lambda a: a[1, 2, ...],
    "size-1": lambda a: a[2:3, 1:2],
    "zero-size": lambda a: a[:, 3:3],
    "new axis": lambda a: a[:, None, ::2],
    "three axes": lambda a: a.reshape(2, 2, 6).transpose(2, 0, 1),
}
# Where nothing is reached through them, negative strides do no harm.
HARMLESS = {
    "reversed size-1": lambda a: a[1:2][::-1],
    "reversed zero-size": lambda a: a[:, 3:3][::-1],
}
NEGATIVE = {
    "reversed": lambda a: a[::-1],
    "both reversed": lambda a: a[::-1, ::-2],
}


def cases(argument, values):
    return pytest.mark.parametrize(argument, values.values(), ids=values)


layouts = cases("view", LAYOUTS)
negative = cases("view", NEGATIVE)
every_layout = cases("view", LAYOUTS | HARMLESS | NEGATIVE)


@pytest.fixture
def base():
    return BASE.copy()


def address(array):
    return array.__array_interface__["data"][0]


def moving(shape, strides):
    """The strides through which something is reached."""
    if 0 in shape:
        return []
    return [stride for extent, stride in zip(shape, strides, strict=True) if extent > 1]


# Row 1: same address, and a write on any side is seen on the others.


@cases("view", LAYOUTS | HARMLESS)
def test_row1_numpy_to_tensor_to_torch(base, view):
    array = view(base)
    tensor = dlbridge.asarray(array)
    there = tensor.torch()
    assert tensor.shape == array.shape == tuple(there.shape)
    if array.size:
        assert address(array) == tensor.ptr == there.data_ptr()
    np.testing.assert_array_equal(array, there.numpy())
    there += 1
    np.testing.assert_array_equal(array, view(BASE + 1))
    array[...] = 7
    assert bool((there == 7).all())


@layouts
def test_row1_torch_to_tensor_to_numpy(base, view):
    there = torch.from_numpy(view(base))
    tensor = dlbridge.asarray(there)
    array = tensor.numpy()
    assert array.shape == tensor.shape == tuple(there.shape)
    assert array.dtype == np.float32
    if array.size:
        assert there.data_ptr() == tensor.ptr == address(array)
    np.testing.assert_array_equal(array, view(BASE))
    array += 1
    np.testing.assert_array_equal(there.numpy(), view(BASE + 1))
    there.fill_(7)
    assert (array == 7).all()


@cases(
    "take",
    {
        "asarray": dlbridge.asarray,
        "from_dlpack": dlbridge.from_dlpack,
        "capsule": lambda x: dlbridge.from_dlpack(x.__dlpack__(max_version=(1, 0))),
        "producer": lambda x: dlbridge.asarray(
            handmade.Producer(lambda: x.__dlpack__(max_version=(1, 0)))
        ),
    },
)
def test_row1_every_way_in_shares(base, take):
    tensor = take(base)
    assert tensor.ptr == address(base)
    assert not tensor.readonly
    tensor.numpy()[0, 0] = 9
    assert base[0, 0] == 9


@cases(
    "give",
    {
        "np.asarray": np.asarray,
        "np.from_dlpack": np.from_dlpack,
        "numpy": dlbridge.Tensor.numpy,
        "torch": dlbridge.Tensor.torch,
        "torch.from_dlpack": torch.from_dlpack,
    },
)
def test_row1_every_way_out_shares(base, give):
    out = give(dlbridge.asarray(base))
    out[0, 0] = 9
    assert base[0, 0] == 9


def test_row1_convert(base):
    there = dlbridge.convert(base, "torch")
    assert there.data_ptr() == address(base)
    assert dlbridge.convert(base, np) is base
    assert dlbridge.convert(there, torch) is there
    back = dlbridge.convert(there, "numpy")
    assert address(back) == address(base)
    assert dlbridge.convert(dlbridge.asarray(base), np).base is not base


DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
    *("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    "float8_e8m0fnu",
]


@pytest.mark.parametrize("name", DTYPES)
def test_row1_every_dtype_of_both(name):
    tensor = dlbridge.empty(3, dtype=name)
    array, there = tensor.numpy(), tensor.torch()
    assert str(tensor.dtype) == array.dtype.name == str(there.dtype).removeprefix("torch.") == name
    assert tensor.itemsize == array.itemsize == there.itemsize == tensor.dtype.itemsize
    for foreign in (array, there):
        back = dlbridge.asarray(foreign)
        assert (back.dtype, back.ptr) == (name, tensor.ptr)


# Row 2: copy() breaks the link, on purpose only.


@every_layout
@cases(
    "copy",
    {
        "copy()": lambda x: dlbridge.asarray(x).copy(),
        "asarray": lambda x: dlbridge.asarray(x, copy=True),
        "from_dlpack": lambda x: dlbridge.from_dlpack(x, copy=True),
        "asarray of Tensor": lambda x: dlbridge.asarray(dlbridge.asarray(x), copy=True),
        "from_dlpack of Tensor": lambda x: dlbridge.from_dlpack(dlbridge.asarray(x), copy=True),
        "capsule": lambda x: dlbridge.from_dlpack(x.__dlpack__(max_version=(1, 0)), copy=True),
        "exported": lambda x: dlbridge.from_dlpack(
            dlbridge.asarray(x).__dlpack__(copy=True, max_version=(1, 0))
        ),
    },
)
def test_row2_copies_are_independent(base, view, copy):
    array = view(base)
    copied = copy(array)
    array[...] = -1
    np.testing.assert_array_equal(copied.numpy(), view(BASE))
    assert copied.numpy().flags.c_contiguous
    assert not copied.readonly


@every_layout
def test_row2_converted_copies_are_independent(base, view):
    array = view(base)
    as_numpy = dlbridge.convert(array, "numpy", copy=True)
    as_torch = dlbridge.convert(array, "torch", copy=True)
    again = dlbridge.convert(as_torch, "torch", copy=True)
    array[...] = -1
    as_torch[...] = -2
    np.testing.assert_array_equal(as_numpy, view(BASE))
    np.testing.assert_array_equal(again.numpy(), view(BASE))


def test_row2_only_copies_copy(base):
    tensor = dlbridge.asarray(base)
    assert tensor.contiguous() is tensor
    assert dlbridge.asarray(tensor) is tensor
    assert tensor.to_device("cpu") is tensor
    assert dlbridge.asarray(base, copy=False).ptr == address(base)
    assert dlbridge.convert(base, "torch", copy=None).data_ptr() == address(base)
    transposed = tensor.T
    contiguous = transposed.contiguous()
    assert contiguous.ptr != transposed.ptr
    np.testing.assert_array_equal(contiguous.numpy(), base.T)


def test_row2_large_copies_are_right():
    # Above a megabyte the copy lets other threads run.
    large = np.arange(1 << 20, dtype=np.int32).reshape(1 << 10, 1 << 10)
    np.testing.assert_array_equal(dlbridge.asarray(large.T).copy().numpy(), large.T)


# Row 3: views keep their strides.


@every_layout
def test_row3_strides_are_kept(base, view):
    array = view(base)
    in_elements = tuple(stride // array.itemsize for stride in array.strides)
    tensor = dlbridge.asarray(array)
    for out in (tensor.numpy(), np.asarray(tensor), np.from_dlpack(tensor)):
        np.testing.assert_array_equal(out, array)
        assert moving(out.shape, out.strides) == moving(array.shape, array.strides)
    assert moving(tensor.shape, tensor.strides) == moving(array.shape, in_elements)
    if view not in NEGATIVE.values():
        there = tensor.torch()
        assert moving(there.shape, there.stride()) == moving(array.shape, in_elements)


def test_row3_broadcast_is_kept():
    array = np.broadcast_to(np.arange(3.0), (4, 3))
    tensor = dlbridge.asarray(array)
    assert (tensor.shape, tensor.strides, tensor.readonly) == ((4, 3), (0, 1), True)
    np.testing.assert_array_equal(tensor.numpy(), array)
    expanded = torch.arange(3.0).expand(4, 3)
    assert dlbridge.asarray(expanded).strides == (0, 1)
    np.testing.assert_array_equal(dlbridge.convert(expanded, "numpy"), array)


@negative
def test_row3_torch_refuses_negative_strides(base, view):
    array = view(base)
    tensor = dlbridge.asarray(array)
    for refused in (tensor.torch, lambda: dlbridge.convert(array, "torch")):
        with pytest.raises(BufferError, match=r"strides is .*-.*copy=None.*bytes"):
            refused()
    for copied in (tensor.torch(copy=None), dlbridge.convert(array, "torch", copy=None)):
        np.testing.assert_array_equal(copied.numpy(), array)
        copied[...] = -1
        np.testing.assert_array_equal(array, view(BASE))


# Row 4: read-only stays read-only.


@pytest.fixture
def read_only(base):
    base.flags.writeable = False
    return base


@every_layout
def test_row4_read_only_through_every_protocol(read_only, view):
    array = view(read_only)
    tensor = dlbridge.asarray(array)
    assert tensor.readonly
    versioned = tensor.__dlpack__(max_version=(1, 0))
    assert handmade.versioned(versioned).flags & handmade.READ_ONLY
    assert tensor.__array_interface__["data"][1] is True
    assert not tensor.numpy().flags.writeable
    if array.size:  # else NumPy allocates anew
        assert not np.asarray(tensor).flags.writeable
        assert not np.from_dlpack(tensor).flags.writeable
    for back in (
        dlbridge.asarray(tensor.numpy()),
        dlbridge.from_dlpack(versioned),
        dlbridge.from_dlpack(tensor.numpy()),
        tensor[...],
        tensor.T,
        tensor.reshape(tensor.shape),
    ):
        assert back.readonly


def test_row4_legacy_consumers_get_no_writable_alias(read_only):
    tensor = dlbridge.asarray(read_only)
    for version in (None, (0, 8), (0, 0)):
        with pytest.raises(BufferError, match=r"read-only.*max_version=.*copy=True"):
            tensor.__dlpack__(max_version=version)
    copy = tensor.__dlpack__(copy=True)
    assert handmade.capsule_name(copy) == "dltensor"
    assert handmade.legacy(copy).dl_tensor.data != address(read_only)


def test_row4_torch_needs_words(read_only):
    tensor = dlbridge.asarray(read_only)
    words = r"read-only.*copy=None.*allow_writable_alias=True"
    for refused in (tensor.torch, lambda: dlbridge.convert(read_only, "torch")):
        with pytest.raises(BufferError, match=words):
            refused()
    copied = dlbridge.convert(read_only, "torch", copy=None)
    assert copied.data_ptr() != address(read_only)
    copied[0, 0] = 99
    assert read_only[0, 0] == 0
    alias = dlbridge.convert(read_only, "torch", allow_writable_alias=True)
    assert alias.data_ptr() == address(read_only)
    assert tensor.torch(allow_writable_alias=True).data_ptr() == address(read_only)


def test_row4_copies_are_writable(read_only):
    tensor = dlbridge.asarray(read_only)
    assert not tensor.copy().readonly
    assert dlbridge.convert(read_only, "numpy", copy=True).flags.writeable


# Row 5: what is not on the CPU is refused by what needs it there.


def test_row5_numpy_names_the_device(on_cuda):
    assert (str(on_cuda.device), on_cuda.ptr) == ("cuda:0", 0x7000_0000_0000)
    refusals = [
        on_cuda.numpy,
        lambda: on_cuda.__array_interface__,
        lambda: dlbridge.convert(on_cuda, "numpy"),
        lambda: dlbridge.convert(on_cuda, "numpy", copy=True),
        lambda: np.asarray(on_cuda),
        lambda: np.asarray(on_cuda, dtype=object),
        lambda: np.array(on_cuda),
    ]
    for refused in refusals:
        with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
            refused()


def test_row5_torch_and_copies_name_the_device(on_cuda):
    for refused in (on_cuda.torch, on_cuda.copy, lambda: on_cuda.to_device("cpu")):
        with pytest.raises(BufferError, match="cuda:0"):
            refused()


def test_row5_views_need_no_device(on_cuda):
    view = on_cuda[1:, ::-1].T
    assert (view.shape, view.strides) == ((3, 1), (-1, 3))
    assert view.ptr == on_cuda.ptr + 5 * 4
    assert "device=cuda:0" in repr(view)


# Row 6: lifetimes.

HOLDERS = {
    "tensor": lambda t: t,
    "view": lambda t: t[1:, ::-1],
    "numpy": lambda t: t.numpy(),
    "view of numpy": lambda t: t.numpy()[0],
    "torch": lambda t: t.torch(),
    "array interface": np.asarray,
    "from_dlpack of NumPy": np.from_dlpack,
    "capsule": lambda t: t.__dlpack__(max_version=(1, 0)),
    "legacy capsule": lambda t: t.__dlpack__(),
    "imported again": lambda t: dlbridge.from_dlpack(t.torch()),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_row6_each_holder_keeps_it_alive(counted, name):
    box, releases = counted
    holder = HOLDERS[name](box[0])
    box.clear()
    gc.collect()
    assert releases() == 0
    del holder
    gc.collect()
    assert releases() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_row6_any_order(counted, order):
    box, releases = counted
    tensor = box.pop()
    objects = {
        0: tensor,
        1: tensor.numpy(),
        2: tensor.torch(),
        3: tensor.__dlpack__(max_version=(1, 0)),
    }
    del tensor
    for index in order:
        assert releases() == 0
        del objects[index]
        gc.collect()
    assert releases() == 1


def test_row6_other_threads(lifetime):
    before = lifetime.released_count()
    count = 50

    def drop_all(objects):
        while objects:
            objects.pop()

    for _ in range(count):
        tensor = _dlbridge._from_managed(lifetime.make_counted())
        shares = [HOLDERS[name](tensor) for name in HOLDERS]
        del tensor
        threads = [threading.Thread(target=drop_all, args=([share],)) for share in shares]
        shares.clear()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        del threads, thread
    gc.collect()
    assert lifetime.released_count() - before == count


def test_row6_unconsumed_capsules_release(counted):
    box, releases = counted
    tensor = box.pop()
    for _ in range(10):
        tensor.__dlpack__()
        tensor.__dlpack__(max_version=(1, 3))
        tensor.__dlpack__(copy=True)
        tensor.__dlpack__(copy=True, max_version=(1, 3))
    assert releases() == 0
    del tensor
    assert releases() == 1


@cases("version", {"legacy": None, "versioned": (1, 3)})
def test_row6_second_consumption_is_an_error(counted, version):
    box, releases = counted
    capsule = box.pop().__dlpack__(max_version=version)
    first = dlbridge.from_dlpack(capsule)
    with pytest.raises(BufferError, match="consumed before"):
        dlbridge.from_dlpack(capsule)
    del capsule
    assert first.numpy()[1, 2] == 5
    assert releases() == 0
    del first
    assert releases() == 1


def test_row6_python_owners_are_released_once(base):
    before = sys.getrefcount(base)
    tensor = dlbridge.asarray(base)
    holders = [HOLDERS[name](tensor) for name in HOLDERS]
    assert sys.getrefcount(base) == before + 1
    del tensor, holders
    gc.collect()
    assert sys.getrefcount(base) == before


AT_EXIT = """
import ctypes, sys, threading
import numpy as np, torch, dlbridge
from dlbridge import _dlbridge

library = ctypes.CDLL(sys.argv[1])
library.make_counted.restype = ctypes.c_void_p
library.report_at_exit()
make = lambda: _dlbridge._from_managed(library.make_counted())

tensor, view, array, there = make(), make()[1:], make().numpy(), make().torch()
capsule, chain = make().__dlpack__(), dlbridge.asarray(dlbridge.asarray(make().numpy()).numpy())
sys.modules["of another module"] = make()
thread_local = threading.local()
thread_local.tensor = make()
class Late:
    def __init__(self): self.tensor = make()
    def __del__(self): self.array = self.tensor.numpy()
late = Late()
"""


def test_row6_interpreter_exit(lifetime_path):
    result = toolchain.run(sys.executable, "-c", AT_EXIT, lifetime_path)
    assert result.stdout == "made 9, released 9\n"
    assert result.stderr == ""


ROUND_TRIPS = {
    "numpy": lambda a, t: dlbridge.asarray(a).numpy(),
    "torch": lambda a, t: dlbridge.asarray(t).torch(),
    "views": lambda a, t: dlbridge.asarray(a)[::2, None, ..., -1].T.reshape(-1),
    "capsules": lambda a, t: dlbridge.asarray(a).__dlpack__(max_version=(1, 0)),
    "legacy capsules": lambda a, t: dlbridge.from_dlpack(dlbridge.asarray(a).__dlpack__()),
    "array interface": lambda a, t: np.asarray(dlbridge.asarray(a)),
    "copies": lambda a, t: dlbridge.convert(t, "numpy", copy=True),
    "attributes": lambda a, t: [getattr(dlbridge.asarray(a), name) for name in ("shape", "dtype")],
}


def resident():
    """The resident memory of the process, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_row6_nothing_leaks_over_100_000_rounds(name):
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    there = torch.from_numpy(array.copy())
    step = ROUND_TRIPS[name]

    def rounds(count):
        for _ in range(count):
            step(array, there)

    rounds(1000)
    gc.collect()
    references = sys.getrefcount(array), sys.getrefcount(there)
    memory = resident()
    rounds(100_000)
    gc.collect()
    assert (sys.getrefcount(array), sys.getrefcount(there)) == references
    # 100,000 lost objects of the smallest kind would be several megabytes.
    assert resident() - memory < 2_000_000
    tracemalloc.start()
    rounds(100)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    rounds(1000)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 10_000


def test_row6_failures_leak_nothing(lifetime):
    def fail(function, *arguments, **keywords):
        with pytest.raises((BufferError, TypeError, ValueError, IndexError)):
            function(*arguments, **keywords)

    array = np.arange(6.0)[::-1]
    array.flags.writeable = False
    tensor = dlbridge.asarray(array)
    swapped, objects = np.zeros(2, ">f4"), np.array([None])
    references = [sys.getrefcount(x) for x in (array, swapped, objects)]
    memory = resident()
    for _ in range(2000):
        fail(tensor.torch)
        fail(tensor.__dlpack__)
        fail(dlbridge.asarray, swapped, copy=False)
        fail(dlbridge.asarray, objects)
        fail(dlbridge.asarray, array, dtype="float32")
        fail(tensor.__getitem__, 99)
        fail(dlbridge.from_dlpack, handmade.Foreign(dtype=(99, 8, 1)).capsule())
    gc.collect()
    assert [sys.getrefcount(x) for x in (array, swapped, objects)] == references
    assert resident() - memory < 20_000_000


# Row 7: what has no memory to share gives a clear error.


def lazily(**keywords):
    return torch.zeros(3, dtype=torch.complex64, **keywords).conj()


def fake():
    with torch._subclasses.fake_tensor.FakeTensorMode():
        return torch.zeros(3)


TORCH_REFUSALS = {
    "requires grad": (lambda: torch.zeros(3, requires_grad=True), r"requires grad.*x\.detach\(\)"),
    "parameter": (lambda: torch.nn.Parameter(torch.zeros(3)), r"requires grad.*x\.detach\(\)"),
    "conjugated": (lazily, r"conjugated.*x\.resolve_conj\(\)"),
    "negated": (lambda: lazily().imag, r"negated.*x\.resolve_neg\(\)"),
    "sparse": (lambda: torch.eye(3).to_sparse(), r"torch\.sparse_coo.*x\.to_dense\(\)"),
    "csr": (lambda: torch.eye(3).to_sparse_csr(), r"torch\.sparse_csr.*x\.to_dense\(\)"),
    "mkldnn": (lambda: torch.eye(3).to_mkldnn(), r"torch\._mkldnn.*x\.to_dense\(\)"),
    "meta": (lambda: torch.zeros(3, device="meta"), "meta device"),
    "fake": (fake, "FakeTensor"),
    "nested": (lambda: torch.nested.nested_tensor([torch.zeros(2)]), r"nested.*x\.unbind\(\)"),
    "quantized": (
        lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
        r"quantized.*x\.dequantize\(\)",
    ),
}
takers = cases(
    "take",
    {
        "asarray": dlbridge.asarray,
        "from_dlpack": dlbridge.from_dlpack,
        "convert": lambda x: dlbridge.convert(x, "numpy", copy=None),
    },
)


@takers
@pytest.mark.parametrize("name", TORCH_REFUSALS)
@pytest.mark.filterwarnings("ignore")
def test_row7_torch_tensors_without_plain_memory(name, take):
    make, words = TORCH_REFUSALS[name]
    with pytest.raises(BufferError, match=words):
        take(make())


NUMPY_REFUSALS = {
    "objects": (np.array([None]), "dtype object"),
    "structs": (np.zeros(2, [("a", "i4")]), r"dtype \[\('a', '<i4'\)\]"),
    "datetimes": (np.zeros(2, "M8[s]"), r"dtype datetime64\[s\].*x\.view\(.int64.\)"),
    "timedeltas": (np.zeros(2, "m8[s]"), r"dtype timedelta64\[s\].*x\.view\(.int64.\)"),
    "swapped bytes": (np.zeros(2, ">f4"), r"dtype >f4.*native byte order.*x\.astype"),
    "bytes": (np.zeros(2, "S3"), r"dtype \|S3"),
    "text": (np.zeros(2, "U3"), "dtype <U3"),
    "strings": (np.array(["a"], np.dtypes.StringDType()), "dtype StringDType"),
    "void": (np.zeros(2, "V2"), r"dtype \|V2"),
    "long double": (np.zeros(2, np.longdouble), "dtype float128"),
}


@pytest.mark.parametrize("name", NUMPY_REFUSALS)
def test_row7_numpy_arrays_of_other_things(name):
    array, words = NUMPY_REFUSALS[name]
    for take in (
        dlbridge.asarray,
        dlbridge.from_dlpack,
        lambda x, copy: dlbridge.convert(x, "torch"),
    ):
        with pytest.raises(BufferError, match=words):
            take(array, copy=False)


def test_row7_masked_arrays():
    for take in (dlbridge.asarray, dlbridge.from_dlpack):
        with pytest.raises(BufferError, match=r"mask.*x\.filled\(\)"):
            take(np.ma.array([1, 2], mask=[True, False]))


THINGS = [[1, 2], (1.0,), None, 3, 2.5, "text", object(), np.ndarray, np]
NO_ARRAYS = {type(thing).__name__: thing for thing in THINGS}


@takers
@cases("thing", NO_ARRAYS)
def test_row7_no_arrays(thing, take):
    with pytest.raises(TypeError) as error:
        take(thing)
    assert type(thing).__name__ in str(error.value)
    assert "must be an" in str(error.value)


def test_row7_swapped_bytes_of_one_byte_are_none():
    assert dlbridge.asarray(np.zeros(2, ">i1")).dtype == "int8"


def test_row7_addresses_are_kept_from_c(counted):
    box, _ = counted
    values = (ctypes.c_float * 6).from_address(box[0].ptr)
    assert list(values) == [0, 1, 2, 3, 4, 5]


class Interface:
    def __init__(self, array):
        self.kept, self.__array_interface__ = array, array.__array_interface__


class Struct:
    def __init__(self, array):
        self.kept, self.__array_struct__ = array, array.__array_struct__


class Kind(np.ndarray):
    pass


WAYS = {
    "asarray": dlbridge.asarray,
    "from_dlpack": dlbridge.from_dlpack,
    "a subclass": lambda x: dlbridge.asarray(x.view(Kind)),
    "a view": lambda x: dlbridge.asarray(x[:1]),
    "buffer": lambda x: dlbridge.asarray(memoryview(x)),
    "array interface": lambda x: dlbridge.asarray(Interface(x)),
    "array struct": lambda x: dlbridge.asarray(Struct(x)),
    "copy=None": lambda x: dlbridge.asarray(x, copy=None),
}


@pytest.mark.parametrize("way", WAYS)
def test_broadcast_arrays_of_numpy_are_read_only(way):
    """They say that they are writable, and warn of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for array in np.broadcast_arrays(np.zeros((2, 1)), np.zeros((1, 3))):
            assert WAYS[way](array).readonly
            with pytest.raises(BufferError, match="read-only"):
                dlbridge.convert(array, "torch")
            assert not dlbridge.asarray(array, copy=True).readonly
