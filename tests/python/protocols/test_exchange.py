"""DLPack's exchange API: the table on dlbridge.Tensor, and the tables of others."""

import ctypes
import gc
import sys

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import pytest
import torch
from dlbridge import _dlbridge
from handmade import Foreign

NAME = b"dlpack_exchange_api"
Managed = ctypes.POINTER(handmade.DLManagedTensorVersioned)
Report = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
# CFUNCTYPE gives up the GIL, PYFUNCTYPE keeps it and raises what the function set.
Allocate = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(handmade.DLTensor),
    ctypes.POINTER(Managed),
    ctypes.c_void_p,
    Report,
)
FromObject = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
ToObject = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
Borrow = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(handmade.DLTensor))
WorkStream = ctypes.PYFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p)
)


class Table(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("prev_api", ctypes.c_void_p),
        ("allocate", Allocate),
        ("from_object", FromObject),
        ("to_object", ToObject),
        ("borrow", Borrow),
        ("work_stream", WorkStream),
    )


def table_of(kind):
    """The table of a type, and its address."""
    address = handmade._pointer(kind.__dlpack_c_exchange_api__, NAME)
    return Table.from_address(address)


OWN = table_of(dlbridge.Tensor)


def take_object(address):
    """The object of an owned reference."""
    taken = ctypes.cast(address, ctypes.py_object).value
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(taken))
    return taken


# The table of dlbridge.Tensor


def test_the_table_is_whole_and_on_the_type():
    assert handmade.capsule_name(dlbridge.Tensor.__dlpack_c_exchange_api__) == NAME.decode()
    assert ((OWN.major, OWN.minor), OWN.prev_api) == ((1, 3), None)
    for name, _ in Table._fields_[3:]:
        assert getattr(OWN, name), name
    assert "__dlpack_c_exchange_api__" in vars(dlbridge.Tensor)


def test_from_object_gives_one_more_owner(counted):
    box, releases = counted
    address, tensor = ctypes.c_void_p(), box.pop()
    assert OWN.from_object(id(tensor), address) == 0
    managed = handmade.DLManagedTensorVersioned.from_address(address.value)
    assert (managed.dl_tensor.data, managed.dl_tensor.ndim) == (tensor.ptr, 2)
    del tensor
    assert releases() == 0
    handmade.call_deleter(address.value)
    assert releases() == 1


def test_from_object_keeps_the_flags():
    array = np.zeros(3)
    array.flags.writeable = False
    tensor, address = dlbridge.asarray(array), ctypes.c_void_p()
    assert OWN.from_object(id(tensor), address) == 0
    flags = handmade.DLManagedTensorVersioned.from_address(address.value).flags
    assert flags == handmade.READ_ONLY
    handmade.call_deleter(address.value)


def test_borrow_gives_no_owner(counted):
    box, releases = counted
    tensor, view = box.pop(), handmade.DLTensor()
    before = sys.getrefcount(tensor)
    assert OWN.borrow(id(tensor), view) == 0
    assert (view.data, list(view.shape[:2]), list(view.strides[:2])) == (tensor.ptr, [2, 3], [3, 1])
    assert (view.byte_offset, view.device_type, view.bits) == (0, 1, 32)
    assert sys.getrefcount(tensor) == before
    del tensor
    assert releases() == 1


def test_what_is_written_to_a_borrowed_descriptor_is_never_believed():
    array = np.arange(6.0).reshape(2, 3)
    for tensor in [dlbridge.asarray(array), dlbridge.asarray(array)[1:, ::-1]]:
        view, before = handmade.DLTensor(), (repr(tensor), tensor.numpy().tolist())
        for _ in range(2):
            assert OWN.borrow(id(tensor), view) == 0
            assert tuple(view.shape[:2]) == tensor.shape
            assert tuple(view.strides[:2]) == tensor.strides
            own = handmade.DLTensor.from_address(tensor._dltensor)
            assert (own.ndim, own.data, tuple(own.shape[:2])) == (2, tensor.ptr, tensor.shape)
            for axis in range(2):
                view.shape[axis], view.strides[axis] = 100_000_000, -1_000_000
            own.ndim, own.data, own.code, own.device_type = 1_000_000, 8, 200, 77
            assert (repr(tensor), tensor.numpy().tolist()) == before


def test_trap_33_borrow_refuses_what_it_cannot_say():
    array = np.zeros(3)
    array.flags.writeable = False
    padded = dlbridge.asarray(np.zeros(3, ml_dtypes.int4))
    for tensor, words in ((dlbridge.asarray(array), "read-only"), (padded, "padded")):
        view = handmade.DLTensor(data=7)
        with pytest.raises(BufferError, match=words):
            OWN.borrow(id(tensor), view)
        assert view.data == 7


@pytest.mark.parametrize("other", [np.zeros(3), torch.zeros(3), None, dlbridge.Tensor], ids=str)
def test_other_objects_are_refused(other):
    address, view = ctypes.c_void_p(7), handmade.DLTensor(data=7)
    for function, out in ((OWN.from_object, address), (OWN.borrow, view)):
        with pytest.raises(BufferError, match=r"must be a dlbridge\.Tensor"):
            function(id(other), out)
        with pytest.raises(BufferError, match="object is NULL"):
            function(None, out)
    assert (address.value, view.data) == (7, 7)


def test_null_outputs_are_refused():
    tensor = dlbridge.empty(3)
    foreign = Foreign()
    for call in (
        lambda: OWN.from_object(id(tensor), None),
        lambda: OWN.borrow(id(tensor), None),
        lambda: OWN.to_object(foreign.address, None),
        lambda: OWN.work_stream(1, 0, None),
    ):
        with pytest.raises(ValueError, match="out is NULL"):
            call()
    assert foreign.deleted == 0


@pytest.mark.parametrize("flags", [0, handmade.READ_ONLY])
def test_to_object_takes_over(flags):
    foreign, address = Foreign(flags=flags), ctypes.c_void_p()
    assert OWN.to_object(foreign.address, address) == 0
    tensor = take_object(address.value)
    assert type(tensor) is dlbridge.Tensor
    assert (tensor.ptr, tensor.readonly) == (foreign.managed.dl_tensor.data, bool(flags))
    assert (sys.getrefcount(tensor), foreign.deleted) == (2, 0)
    del tensor
    assert foreign.deleted == 1


def test_to_object_consumes_nothing_on_failure():
    bad = [
        (Foreign(ndim=-1), "ndim is -1"),
        (Foreign(version=(2, 0)), r"version is 2\.0"),
        (Foreign(data=0), "data is NULL"),
        (Foreign(dtype=(99, 8, 1)), "dtype.code is 99"),
    ]
    address = ctypes.c_void_p(7)
    for foreign, words in bad:
        with pytest.raises(BufferError, match=words):
            OWN.to_object(foreign.address, address)
        assert (foreign.deleted, address.value) == (0, 7)
    with pytest.raises(ValueError, match="tensor is NULL"):
        OWN.to_object(None, address)


def test_there_is_no_work_stream():
    for device in ((1, 0), (2, 0), (2, 3)):
        stream = ctypes.c_void_p(7)
        assert OWN.work_stream(*device, stream) == 0
        assert stream.value is None
    with pytest.raises(BufferError, match="device_type is 5"):
        OWN.work_stream(5, 0, ctypes.c_void_p())


def prototype(shape, *, dtype=handmade.FLOAT32, device=handmade.CPU, ndim=None):
    """A descriptor of which only dtype, shape and device mean something."""
    extents = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    garbage = ctypes.cast(7, ctypes.POINTER(ctypes.c_int64))
    tensor = handmade.DLTensor(
        7, *device, len(shape) if ndim is None else ndim, *dtype, extents, garbage, 1 << 63
    )
    tensor.extents = extents
    return tensor


def allocate(wanted):
    """What the allocator returns, makes and reports, called without the GIL."""
    made, reports = Managed(), []
    report = Report(lambda context, kind, text: reports.append((context, kind.decode(), text)))
    status = OWN.allocate(wanted, made, 42, report)
    return status, made, reports


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 5), (1, 2, 3, 4, 5)], ids=str)
def test_allocate(shape):
    status, made, reports = allocate(prototype(shape))
    assert (status, reports) == (0, [])
    tensor = _dlbridge._from_managed(ctypes.addressof(made.contents))
    assert (tensor.shape, tensor.dtype, tensor.device) == (shape, "float32", "cpu")
    assert (tensor.ptr % 64, tensor.readonly) == (0, False)
    tensor.numpy()[...] = 5


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        (prototype((2,), device=handmade.CUDA), "BufferError", b"cuda:0"),
        (prototype((2,), device=(5, 0)), "BufferError", b"device_type is 5"),
        (prototype((2,), dtype=(99, 8, 1)), "BufferError", b"dtype.code is 99"),
        (prototype((2,), dtype=(17, 4, 1)), "BufferError", b"float4_e2m1fn"),
        (prototype((-1,)), "BufferError", b"shape[0] is -1"),
        (prototype((2,), ndim=-1), "BufferError", b"ndim is -1"),
        (prototype((1 << 62, 1 << 62)), "BufferError", b"63 bits"),
        (prototype((1 << 50,)), "MemoryError", b"bytes could not be allocated"),
        (None, "BufferError", b"NULL"),
    ],
)
def test_trap_60_allocate_reports_each_failure_once(wanted, kind, words):
    status, made, reports = allocate(wanted)
    assert (status, bool(made), len(reports)) == (-1, False, 1)
    assert reports[0][:2] == (42, kind)
    assert words in reports[0][2]


def test_allocate_without_a_callback():
    assert OWN.allocate(prototype((-1,)), Managed(), None, Report()) == -1


# The tables of others


class Exporter:
    """A table of C functions that gives out the tensors that `make` makes."""

    def __init__(self, make, *, version=(1, 3), prev_api=None):
        self.calls = 0

        def from_object(_object, out):
            self.calls += 1
            out[0] = make().address
            return 0

        self.callback = FromObject(from_object)
        self.table = Table(*version, prev_api, from_object=self.callback)

    @property
    def address(self):
        return ctypes.addressof(self.table)

    def capsule(self, name=NAME):
        return handmade._new(self.address, name, None)


KEPT = []  # tables live as long as the process


def exporting(exporter, **attributes):
    """An object of a new type that has these attributes."""
    KEPT.append((exporter, attributes))
    return type("Array", (), attributes)()


ways = pytest.mark.parametrize(
    ("name", "form"),
    [
        ("__dlpack_c_exchange_api__", lambda it: it.capsule()),
        ("__c_dlpack_exchange_api__", lambda it: it.capsule()),
        ("__c_dlpack_exchange_api__", lambda it: it.address),
    ],
    ids=["capsule", "old capsule", "old int"],
)
takes = pytest.mark.parametrize("take", [dlbridge.asarray, dlbridge.from_dlpack])


@ways
@takes
def test_trap_61_every_form_of_the_table(name, form, take):
    foreign = Foreign(flags=handmade.READ_ONLY)
    exporter = Exporter(lambda: foreign)
    tensor = take(exporting(exporter, **{name: form(exporter)}))
    assert (tensor.ptr, tensor.readonly) == (foreign.managed.dl_tensor.data, True)
    assert (exporter.calls, foreign.deleted) == (1, 0)
    del tensor
    assert foreign.deleted == 1


def producing(exporter, form=None):
    """An object with a table and with `__dlpack__`, and the calls of the latter."""
    calls = []

    def dlpack(self, **keywords):
        calls.append(keywords)
        return Foreign().capsule()

    form = exporter.capsule() if form is None else form
    return exporting(exporter, __dlpack_c_exchange_api__=form, __dlpack__=dlpack), calls


def test_trap_61_an_older_version_in_the_chain():
    old = Exporter(Foreign)
    middle = Exporter(lambda: 1 / 0, version=(2, 5), prev_api=old.address)
    new = Exporter(lambda: 1 / 0, version=(3, 0), prev_api=middle.address)
    KEPT.append((old, middle))
    array, calls = producing(new)
    assert dlbridge.asarray(array).shape == (2, 3)
    assert (old.calls, middle.calls, new.calls, calls) == (1, 0, 0, [])


def test_trap_61_no_version_that_is_known():
    new = Exporter(Foreign, version=(2, 0))
    endless = Exporter(Foreign, version=(3, 0))
    endless.table.prev_api = endless.address
    empty = Exporter(Foreign)
    empty.table.from_object = FromObject()
    for exporter in (new, endless, empty):
        array, calls = producing(exporter)
        assert dlbridge.asarray(array).shape == (2, 3)
        assert (exporter.calls, len(calls)) == (0, 1)


@pytest.mark.parametrize("form", ["text", None, 0, -1, 1 << 70, b"other name"], ids=str)
def test_what_is_no_table_is_not_followed(form):
    exporter = Exporter(Foreign)
    array, calls = producing(exporter, exporter.capsule(form) if form == b"other name" else form)
    if form is None:
        type(array).__dlpack_c_exchange_api__ = None
    assert dlbridge.asarray(array).shape == (2, 3)
    assert (exporter.calls, len(calls)) == (0, 1)


class Address(int):
    """An int that is more than one."""


NO_ADDRESSES = {
    "true": lambda table: True,
    "false": lambda table: False,
    "one": lambda table: 1,
    "small": lambda table: 4088,
    "negative": lambda table: -4096,
    "misaligned": lambda table: table + 4,
    "of a subclass": Address,
    "of NumPy": np.int64,
    "unmapped": lambda table: 1 << 40,
    "beyond the address space": lambda table: (1 << 64) - 8,
    "too large": lambda table: 1 << 64,
    "float": float,
    "text": str,
    "object": lambda table: object(),
    "capsule of another name": lambda table: handmade._new(table, b"dlpack_exchange_ap", None),
    "misaligned in a capsule": lambda table: handmade._new(table + 4, NAME, None),
    "small in a capsule": lambda table: handmade._new(8, NAME, None),
    "unmapped in a capsule": lambda table: handmade._new(1 << 40, NAME, None),
}


@pytest.mark.parametrize("name", ["__dlpack_c_exchange_api__", "__c_dlpack_exchange_api__"])
@pytest.mark.parametrize("form", NO_ADDRESSES.values(), ids=NO_ADDRESSES)
def test_no_other_value_is_taken_for_the_address_of_a_table(name, form):
    exporter = Exporter(lambda: 1 / 0)
    value = form(exporter.address)
    with pytest.raises(TypeError, match="must be an array"):
        dlbridge.asarray(exporting(exporter, **{name: value}))
    producer = exporting(
        exporter, **{name: value}, __dlpack__=lambda self, **_: Foreign().capsule()
    )
    assert dlbridge.from_dlpack(producer).shape == (2, 3)
    assert exporter.calls == 0


def test_the_name_of_the_standard_is_no_number():
    exporter = Exporter(Foreign)
    with pytest.raises(TypeError, match="must be an array"):
        dlbridge.asarray(exporting(exporter, __dlpack_c_exchange_api__=exporter.address))
    assert exporter.calls == 0


@pytest.mark.parametrize("prev_api", [1, 8, 4095, 1 << 40, (1 << 64) - 16])
def test_a_chain_of_versions_is_not_followed_to_nowhere(prev_api):
    exporter = Exporter(Foreign, version=(2, 0), prev_api=prev_api)
    array, calls = producing(exporter)
    assert dlbridge.asarray(array).shape == (2, 3)
    assert (exporter.calls, len(calls)) == (0, 1)


def test_a_circle_of_versions_ends():
    first, second = Exporter(Foreign, version=(2, 0)), Exporter(Foreign, version=(3, 0))
    first.table.prev_api, second.table.prev_api = second.address, first.address
    KEPT.append(second)
    array, calls = producing(first)
    assert dlbridge.asarray(array).shape == (2, 3)
    assert len(calls) == 1


def test_trap_59_the_table_is_that_of_the_exact_type():
    base, derived = Exporter(Foreign), Exporter(lambda: Foreign(flags=handmade.READ_ONLY))
    array = exporting(base, __dlpack_c_exchange_api__=base.capsule())
    kind = type("Derived", (type(array),), {"__dlpack_c_exchange_api__": derived.capsule()})
    KEPT.append((derived, kind))
    for _ in range(2):
        assert not dlbridge.asarray(array).readonly
        assert dlbridge.asarray(kind()).readonly
    assert (base.calls, derived.calls) == (2, 2)


def test_the_table_is_looked_up_once():
    looks = []

    class Looked(type):
        @property
        def __dlpack_c_exchange_api__(cls):
            looks.append(cls)
            return exporter.capsule()

    exporter = Exporter(Foreign)
    KEPT.append(exporter)
    array = Looked("Array", (), {})()
    for _ in range(3):
        dlbridge.asarray(array)
    assert (len(looks), exporter.calls) == (1, 3)


def test_errors_of_a_table(lifetime):
    exporter = Exporter(Foreign)
    exporter.table.from_object = ctypes.cast(lifetime.fail_to_export, FromObject)
    array, calls = producing(exporter)
    with pytest.raises(BufferError, match=r"Array cannot be exported: not today") as error:
        dlbridge.asarray(array)
    assert isinstance(error.value.__cause__, RuntimeError)
    assert calls == []


def test_malformed_tensors_of_a_table_are_deleted():
    foreign = Foreign(ndim=-1)
    array, _ = producing(Exporter(lambda: foreign))
    with pytest.raises(BufferError, match="ndim is -1"):
        dlbridge.asarray(array)
    assert foreign.deleted == 1


def test_copies_of_a_table_are_found_out():
    foreign = Foreign(flags=handmade.IS_COPIED)
    array, _ = producing(Exporter(lambda: foreign))
    with pytest.raises(BufferError, match=r"made a copy \(24 bytes\)"):
        dlbridge.asarray(array, copy=False)
    assert foreign.deleted == 1
    copied = Foreign()
    array, _ = producing(Exporter(lambda: copied))
    assert dlbridge.asarray(array, copy=True).ptr != copied.managed.dl_tensor.data


def test_a_table_gives_tensors_on_the_device_that_the_object_says():
    foreign = Foreign()
    array, _ = producing(Exporter(lambda: foreign))
    type(array).__dlpack_device__ = lambda self: handmade.CUDA
    with pytest.raises(BufferError, match="says cuda:0, and its tensor is on cpu"):
        dlbridge.asarray(array)
    assert foreign.deleted == 1


def test_devices_with_streams_go_by_the_method():
    # The table does not synchronise.
    foreign = Foreign(device=handmade.CUDA, data=0x7000_0000_0000)
    array, calls = producing(Exporter(lambda: foreign))
    dlbridge.asarray(array)
    assert (foreign.deleted, len(calls)) == (1, 1)


# PyTorch


@pytest.fixture
def no_methods(monkeypatch):
    """PyTorch without the methods of DLPack: only the table is left."""

    def fail(*_arguments, **_keywords):
        raise AssertionError("not by the table")

    monkeypatch.setattr(torch.Tensor, "__dlpack__", fail)
    monkeypatch.setattr(torch._C, "_from_dlpack", fail)


TORCH_DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex32", "complex64", "complex128"),
    *("float8_e4m3fn", "float8_e5m2"),
]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", TORCH_DTYPES)
def test_torch_goes_by_the_table(no_methods, name):
    there = torch.zeros(3, 4, dtype=getattr(torch, name))[1:, ::2]
    tensor = dlbridge.asarray(there)
    assert (tensor.dtype, tensor.shape, tensor.strides) == (name, (2, 2), (4, 2))
    back = dlbridge.convert(tensor, "torch")
    assert (back.data_ptr(), back.dtype) == (there.data_ptr(), there.dtype)
    assert (back.stride(), tuple(back.shape)) == ((4, 2), (2, 2))


def test_torch_storages_are_released_once():
    there = torch.zeros(4, 5)
    storage = there.untyped_storage()
    before = sys.getrefcount(storage)
    tensors = [dlbridge.asarray(there), dlbridge.from_dlpack(there)]
    assert sys.getrefcount(storage) == before + 2
    tensors.append(tensors[0][1:])
    del tensors[0]
    assert sys.getrefcount(storage) == before + 2
    tensors.clear()
    assert sys.getrefcount(storage) == before


def test_torch_tensors_release_once(no_methods, counted):
    box, releases = counted
    there = box.pop().torch()
    view = there[1:]
    del there
    gc.collect()
    assert releases() == 0
    del view
    assert releases() == 1


@pytest.mark.parametrize("name", ["vmap", "grad"])
def test_trap_58_tensors_of_transformations(name):
    seen = []

    def function(x):
        with pytest.raises(BufferError, match=r"torch\.Tensor"):
            dlbridge.asarray(x)
        seen.append(x)
        return x.sum()

    getattr(torch.func, name)(function)(torch.zeros(3, 4) if name == "vmap" else torch.zeros(3))
    assert len(seen) == 1


def test_trap_55_conjugated_tensors_only_until_resolved():
    conjugated = torch.zeros(3, dtype=torch.complex64).conj()
    storage = conjugated.untyped_storage()
    before = sys.getrefcount(storage)
    for take in (dlbridge.asarray, dlbridge.from_dlpack):
        with pytest.raises(BufferError, match="resolve_conj"):
            take(conjugated)
    gc.collect()
    assert sys.getrefcount(storage) == before
    assert dlbridge.asarray(conjugated.resolve_conj()).dtype == "complex64"


def test_trap_59_torchs_read_only_wrapper():
    there = torch.zeros(3)
    wrapper = torch.utils.dlpack.ReadOnlyTensorWrapper(there)
    tensor = dlbridge.asarray(wrapper)
    assert (tensor.ptr, tensor.readonly) == (there.data_ptr(), True)
    assert not dlbridge.asarray(there).readonly
    for wrong, words in (
        (torch.zeros(3, requires_grad=True), r"x\.detach"),
        (torch._neg_view(torch.ones(3)), r"x\.resolve_neg"),
    ):
        with pytest.raises(BufferError, match=words):
            dlbridge.asarray(torch.utils.dlpack.ReadOnlyTensorWrapper(wrong))
    assert torch.ones(3).add(1).tolist() == [2, 2, 2]


def test_torch_memory_that_is_copied_on_write():
    first = torch.ones(3)
    lazy = torch._lazy_clone(first)
    dlbridge.asarray(lazy).numpy()[:] = 5
    assert first.tolist() == [1, 1, 1]
    assert lazy.tolist() == [5, 5, 5]


# apache-tvm-ffi


def test_tvm_ffi_functions_take_and_give_tensors(lifetime):
    tvm_ffi = pytest.importorskip("tvm_ffi")
    before = lifetime.released_count()
    echo = tvm_ffi.get_global_func("testing.echo")
    tensor = _dlbridge._from_managed(lifetime.make_counted())
    back = echo(tensor)
    assert type(back) is dlbridge.Tensor
    assert (back.ptr, back.shape, back.strides) == (tensor.ptr, (2, 3), (3, 1))
    seen = []
    callback = tvm_ffi.convert(
        lambda x, y: seen.append((type(x).__name__, np.from_dlpack(y)[1, 2]))
    )
    callback(tensor, back)
    assert seen == [("Tensor", 5)]
    del tensor
    gc.collect()
    assert lifetime.released_count() == before
    del back
    gc.collect()
    assert lifetime.released_count() == before + 1


def test_tvm_ffi_imports_by_the_table():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    array = np.arange(6.0)[::2]
    theirs = tvm_ffi.from_dlpack(dlbridge.asarray(array))
    assert (theirs.data_ptr(), tuple(theirs.strides)) == (array.ctypes.data, (2,))
    array.flags.writeable = False
    tensor = dlbridge.asarray(array)
    before = sys.getrefcount(tensor)
    tvm_ffi.get_global_func("testing.nop")(tensor)
    assert sys.getrefcount(tensor) == before
