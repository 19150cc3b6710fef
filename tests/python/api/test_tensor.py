"""dlbridge.Tensor by itself: attributes, views, indexing, and the classes beside it."""

import copy
import gc
import pickle
import random
import re
import unittest.mock
import weakref

import dlbridge
import handmade
import numpy as np
import pytest
import torch
from dlbridge import _dlbridge

SHAPE = (4, 1, 5, 3)


@pytest.fixture
def array():
    return np.arange(60, dtype=np.int16).reshape(SHAPE)


@pytest.fixture
def tensor(array):
    return dlbridge.asarray(array)


def test_attributes(array, tensor):
    assert (tensor.shape, tensor.strides) == (SHAPE, (15, 15, 3, 1))
    assert (tensor.ndim, tensor.size, tensor.itemsize, tensor.nbytes) == (4, 60, 2, 120)
    assert (tensor.readonly, tensor.ptr) == (False, array.ctypes.data)
    assert (len(tensor), tensor.__dlpack_device__()) == (4, (1, 0))
    for name in ("shape", "ptr", "dtype", "T", "anything"):
        with pytest.raises(AttributeError):
            setattr(tensor, name, 1)


def test_repr():
    tensor = handmade.Foreign((480, 640), (640, 1), data=0x7F001000, flags=handmade.READ_ONLY)
    assert repr(_dlbridge._from_managed(tensor.address)) == (
        "dlbridge.Tensor(shape=(480, 640), dtype=float32, strides=(640, 1), device=cpu, "
        "readonly=True, ptr=0x7f001000)"
    )
    assert "shape=(3,), " in repr(dlbridge.empty(3))
    assert "shape=(), " in repr(dlbridge.empty(()))


def test_tensors_come_from_functions():
    with pytest.raises(TypeError, match=r"cannot be called.*asarray.*from_dlpack.*empty"):
        dlbridge.Tensor([1, 2])
    with pytest.raises(TypeError):
        type("Subclass", (dlbridge.Tensor,), {})


def test_weak_references():
    tensor = dlbridge.empty(3)
    reference = weakref.ref(tensor)
    assert reference() is tensor
    del tensor
    gc.collect()
    assert reference() is None


def test_identity_is_equality(tensor):
    assert tensor == tensor
    assert tensor != tensor[...]
    assert len({tensor, tensor}) == 1


def entries(extent, choose):
    """An index entry for an axis, at random."""

    def position():
        return choose.choice([None, *range(-extent - 2, extent + 3)])

    kind = choose.randrange(3)
    if kind == 0 and extent:
        return choose.randrange(-extent, extent)
    if kind == 1:
        return slice(position(), position(), choose.choice([None, 1, 2, -1, -2, 7, -7]))
    return slice(None)


def test_indexing_is_numpys(array, tensor):
    choose = random.Random(0)
    for _ in range(2000):
        axes = choose.randrange(len(SHAPE) + 1)
        index = [entries(extent, choose) for extent in SHAPE[:axes]]
        if choose.random() < 0.5:
            from_the_end = choose.randrange(len(SHAPE) - axes + 1)
            index += [
                ...,
                *(entries(extent, choose) for extent in SHAPE[len(SHAPE) - from_the_end :]),
            ]
        for _ in range(choose.randrange(3)):
            index.insert(choose.randrange(len(index) + 1), None)
        index = index[0] if len(index) == 1 else tuple(index)
        expected, actual = array[index], tensor[index]
        if not isinstance(expected, np.ndarray):  # NumPy returns a copied scalar
            expected = array[(*np.atleast_1d(np.array(index, object)), ...)]
        assert actual.shape == expected.shape, index
        np.testing.assert_array_equal(actual.numpy(), expected, err_msg=repr(index))
        if expected.size:
            assert actual.ptr == expected.ctypes.data, index


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (4, "index is 4 on axis 0; it must be from -4 to 3"),
        (-5, "index is -5 on axis 0"),
        ((0, 1), "index is 1 on axis 1"),
        ((..., 3), "index is 3 on axis 3"),
        ((0, 0, 0, 0, 0), "5 entries for axes; the tensor has 4 dimensions"),
        ((..., ...), "several ..."),
    ],
    ids=str,
)
def test_indices_out_of_range(tensor, index, words):
    with pytest.raises(IndexError, match=re.escape(words)):
        tensor[index]


OTHER_INDICES = [True, "a", 1.0, [0], np.array([0, 1]), np.array([True]), object(), {}]


@pytest.mark.parametrize(
    "index", OTHER_INDICES, ids=lambda index: repr(type(index)) + str(index)[:5]
)
def test_other_kinds_of_indices(tensor, index):
    for wrapped in (index, (index,), (0, index)):
        with pytest.raises(TypeError, match=f"an index is of type .*{type(index).__name__}"):
            tensor[wrapped]


def test_integers_of_others_are_indices(array, tensor):
    for index in (np.int8(1), np.array(1), torch.tensor(1)):
        np.testing.assert_array_equal(tensor[index].numpy(), array[1])


def test_bad_slices(tensor):
    with pytest.raises(ValueError, match="zero"):
        tensor[::0]
    with pytest.raises(TypeError, match="slice indices"):
        tensor["a":]
    assert tensor[: 10**30].shape == SHAPE
    assert tensor[:: -(10**30)].shape == (1, *SHAPE[1:])


def test_scalars_have_no_axes():
    scalar = dlbridge.empty(())
    with pytest.raises(TypeError, match="0 dimensions"):
        len(scalar)
    with pytest.raises(IndexError, match="0 dimensions"):
        scalar[0]
    assert scalar[()].shape == scalar[...].shape == ()
    assert scalar[None].shape == (1,)


def test_iteration(array, tensor):
    for row, expected in zip(tensor, array, strict=True):
        np.testing.assert_array_equal(row.numpy(), expected)


def test_transpose(array, tensor):
    for axes in ((), (3, 0, 2, 1), (-1, 0, -2, 1), ((2, 0, 1, 3),), ([3, 2, 1, 0],)):
        np.testing.assert_array_equal(tensor.transpose(*axes).numpy(), array.transpose(*axes))
    np.testing.assert_array_equal(tensor.T.numpy(), array.T)
    for axes in ((0, 1), (0, 0, 1, 2), (0, 1, 2, 4), (0, 1, 2, -5)):
        with pytest.raises(ValueError, match="axes is"):
            tensor.transpose(*axes)
    with pytest.raises(TypeError, match="an entry of axes is 'a'"):
        tensor.transpose("a")


def test_reshape(array, tensor):
    for shape in ((60,), (-1,), (4, 5, 3), ((20, -1),), ([2, 2, 15],), (1, 60, 1)):
        reshaped = tensor.reshape(*shape)
        np.testing.assert_array_equal(reshaped.numpy(), array.reshape(*shape))
        assert reshaped.ptr == tensor.ptr
    for shape in ((7,), (-1, -1), (61,), (-2, 30)):
        with pytest.raises(ValueError, match="shape"):
            tensor.reshape(*shape)
    with pytest.raises(ValueError, match="without a copy"):
        tensor.T.reshape(60)


def test_views_share(array, tensor):
    tensor[1:, 0].T[::-1].numpy()[...] = -1
    assert (array[1:] == -1).all()
    assert (array[0] >= 0).all()


@pytest.mark.parametrize("shape", [3, (3,), [3], (), (2, 3), (0, 3), np.int64(3)], ids=repr)
def test_empty(shape):
    tensor = dlbridge.empty(shape)
    assert (tensor.dtype, tensor.device, tensor.readonly) == ("float32", "cpu", False)
    assert tensor.shape == np.empty(shape).shape
    tensor.numpy()[...] = 1


def test_empty_refuses():
    with pytest.raises(ValueError, match=r"shape\[1\] is -1"):
        dlbridge.empty((2, -1))
    with pytest.raises(ValueError, match="more bytes"):
        dlbridge.empty(1 << 62)
    with pytest.raises(MemoryError):
        dlbridge.empty(1 << 60)
    with pytest.raises(BufferError, match="cuda:1"):
        dlbridge.empty(3, device="cuda:1")
    with pytest.raises(ValueError, match="whole bytes"):
        dlbridge.empty(3, dtype="int4")
    for shape in (2.0, "3", None, (1, 2.0), object()):
        with pytest.raises(TypeError, match=r"shape.* is .* must be an int"):
            dlbridge.empty(shape)


@pytest.mark.parametrize(
    "dtype",
    ["int8", dlbridge.DType("int8"), np.int8, np.dtype("int8"), torch.int8],
    ids=lambda dtype: type(dtype).__module__ + type(dtype).__name__,
)
def test_dtype_arguments(dtype):
    assert dlbridge.DType(dtype) == "int8"
    assert dlbridge.empty(3, dtype=dtype).dtype == "int8"
    array = np.zeros(3, np.int8)
    assert dlbridge.asarray(array, dtype=dtype).ptr == array.ctypes.data
    with pytest.raises(TypeError, match=r"dtype is int8 and the elements are float64.*astype"):
        dlbridge.asarray(np.zeros(3), dtype=dtype)


def test_bad_dtype_arguments():
    for dtype in (3, None, object(), object, np.dtype(">f4"), np.dtype("M8[s]"), np.zeros(3)):
        with pytest.raises(TypeError, match="dtype is"):
            dlbridge.DType(dtype)
    for dtype in ("", "float32x0", "FLOAT32", "S3", "<M8[s]", "long double"):
        with pytest.raises(ValueError, match="dtype is"):
            dlbridge.DType(dtype)


def test_dtypes():
    dtype = dlbridge.DType("float32x4")
    assert (dtype.name, str(dtype), dtype.itemsize) == ("float32x4", "float32x4", 16)
    assert (dtype.code, dtype.bits, dtype.lanes) == (2, 32, 4)
    assert repr(dtype) == 'dlbridge.DType("float32x4")'
    assert dtype == dlbridge.DType("float32x4") == "float32x4"
    assert dtype != dlbridge.DType("float32")
    assert dtype != "float32"
    assert dtype != 3
    assert {dtype: 1}["float32x4"] == 1


@pytest.mark.parametrize(
    "device", ["cpu", (1, 0), torch.device("cpu"), dlbridge.Device("cpu")], ids=repr
)
def test_device_arguments(device):
    assert dlbridge.Device(device) == "cpu"
    tensor = dlbridge.empty(3, device=device)
    assert tensor.to_device(device) is tensor
    assert dlbridge.asarray(tensor, device=device) is tensor
    there = torch.zeros(3)
    for obj in (np.zeros(3), there, tensor):
        assert dlbridge.asarray(obj, device=device).device == "cpu"
        assert dlbridge.from_dlpack(obj, device=device).device == "cpu"
        assert dlbridge.convert(obj, "numpy", device=device).shape == (3,)
    assert dlbridge.convert(there, "torch", device=device) is there


def test_bad_device_arguments():
    for device in (3, None, object(), 1.5):
        with pytest.raises(TypeError, match="device is"):
            dlbridge.Device(device)
    for device in ("gpu", "cpu:1", "cuda:", ""):
        with pytest.raises(ValueError, match="device is"):
            dlbridge.Device(device)
    for pair in ((1,), (1, 0, 0), ("cpu", 0)):
        with pytest.raises(TypeError, match="tuple of two ints"):
            dlbridge.Device(pair)


@pytest.mark.parametrize(
    "obj", [np.zeros(3), torch.zeros(3), dlbridge.empty(3)], ids=["numpy", "torch", "own"]
)
def test_other_devices_are_refused(obj):
    for function in (
        lambda: dlbridge.asarray(obj, device="cuda:0"),
        lambda: dlbridge.from_dlpack(obj, device="cuda:0"),
        lambda: dlbridge.convert(obj, "numpy", device="cuda:0"),
        lambda: dlbridge.convert(obj, "torch", device="cuda:0"),
        lambda: dlbridge.asarray(obj).to_device("cuda:0"),
        lambda: dlbridge.asarray(obj).__dlpack__(dl_device=(2, 0)),
    ):
        with pytest.raises(BufferError, match="on cpu and cuda:0 is wanted"):
            function()


def test_devices():
    device = dlbridge.Device("cuda:3")
    assert (device.type, device.index, str(device)) == ("cuda", 3, "cuda:3")
    assert repr(device) == 'dlbridge.Device("cuda:3")'
    assert device == dlbridge.Device((2, 3)) == "cuda:3"
    assert device != dlbridge.Device("cuda")
    assert device != "cuda"
    assert device == (2, 3)
    assert device != (2, 2)
    assert device != ("cuda", 3)
    assert {device: 1}["cuda:3"] == 1


def test_convert_targets():
    array = np.zeros(3)
    with pytest.raises(ValueError, match=r'to is "chainer"; it must be one of "numpy", "torch"'):
        dlbridge.convert(array, "chainer")
    for to in (None, 3, np.ndarray, pytest):
        with pytest.raises((TypeError, ValueError), match=r"to is .*numpy.*torch"):
            dlbridge.convert(array, to)


def test_the_struct_is_there(array, tensor):
    struct = handmade.DLTensor.from_address(tensor._dltensor)
    assert (struct.data, struct.ndim, struct.byte_offset) == (array.ctypes.data, 4, 0)
    assert (tuple(struct.shape[:4]), tuple(struct.strides[:4])) == (tensor.shape, tensor.strides)


def test_a_bad_struct_stays_the_callers():
    foreign = handmade.Foreign(ndim=-1)
    with pytest.raises(BufferError, match=r"ndim is -1.*the caller still owns the tensor"):
        _dlbridge._from_managed(foreign.address)
    assert foreign.deleted == 0
    with pytest.raises(ValueError, match="NULL"):
        _dlbridge._from_managed(0)


class Interface:
    def __init__(self, **entries):
        self.__array_interface__ = {"version": 3, **entries}


def test_array_interface_round_trip(array, tensor):
    interface = tensor.__array_interface__
    assert interface["shape"] == array.shape
    assert interface["strides"] is None
    assert tensor.T.__array_interface__["strides"] == array.T.strides
    assert interface["typestr"] == array.dtype.str
    assert interface["data"] == (array.ctypes.data, False)
    assert interface["version"] == 3
    back = dlbridge.asarray(Interface(**interface))
    assert (back.ptr, back.shape, back.strides) == (tensor.ptr, tensor.shape, tensor.strides)


def test_array_interface_of_others():
    memory = np.arange(6, dtype=np.float32)
    address = memory.ctypes.data
    read_only = Interface(shape=(6,), typestr="<f4", data=(address, True))
    assert dlbridge.asarray(read_only).readonly
    reversed_ = Interface(
        shape=(3,), typestr="<f4", data=(address + 20, False), strides=(-8,), descr=[("", "<f4")]
    )
    np.testing.assert_array_equal(dlbridge.asarray(reversed_).numpy(), memory[::-2])
    later = Interface(shape=(6,), typestr="<f4", data=(address, False), strides=None)
    later.__array_interface__["version"] = 4
    assert dlbridge.asarray(later, copy=True).ptr != address
    with pytest.raises(BufferError, match="cuda:0"):
        dlbridge.asarray(later, device="cuda:0")


def test_array_interface_keeps_the_object_alive():
    owner = Interface(shape=(3,), typestr="|u1", data=bytes(range(3)))
    alive = weakref.ref(owner)
    buffer = dlbridge.asarray(owner)
    assert buffer.readonly
    owner.__array_interface__ = {
        "shape": (1,),
        "typestr": "|u1",
        "data": (buffer.ptr, False),
        "version": 3,
    }
    tensor = dlbridge.asarray(owner)[...]
    del owner
    gc.collect()
    assert alive() is not None
    del tensor
    gc.collect()
    assert alive() is None


def test_array_interface_in_the_objects_own_buffer():
    class Own(bytearray):
        pass

    own = Own(range(4))
    own.__array_interface__ = {"shape": (2,), "typestr": "<u2", "version": 3, "data": None}
    tensor = dlbridge.asarray(own)
    np.testing.assert_array_equal(tensor.numpy(), np.frombuffer(own, "<u2"))
    own.__array_interface__ = {"shape": (2,), "typestr": "|u1", "version": 3, "offset": 2}
    np.testing.assert_array_equal(dlbridge.asarray(own).numpy(), [2, 3])


GOOD = {"shape": (3,), "typestr": "<f4", "data": bytes(12)}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"shape": None}, TypeError, 'no "shape"'),
        ({"shape": [3]}, TypeError, r"shape is \[3\]"),
        ({"shape": (3.0,)}, TypeError, "an entry of shape is 3.0"),
        ({"shape": (-3,)}, BufferError, r"shape\[0\] is -3"),
        ({"typestr": None}, TypeError, 'no "typestr"'),
        ({"typestr": 4}, TypeError, "typestr is 4"),
        ({"typestr": ">f4"}, BufferError, "byte order"),
        ({"typestr": "|V4"}, BufferError, "raw bytes or a struct"),
        ({"typestr": "|O8"}, BufferError, "Python objects"),
        ({"typestr": "?"}, BufferError, "typestr"),
        ({"strides": [4]}, TypeError, "strides is"),
        ({"strides": (3,)}, BufferError, r"strides\[0\] is 3 bytes"),
        ({"strides": (4, 4)}, BufferError, "strides has 2 entries"),
        ({"mask": object()}, BufferError, "mask"),
        ({"data": (1, 2, 3)}, TypeError, "data is"),
        ({"data": (0, False)}, BufferError, "data is NULL"),
        ({"data": "text"}, BufferError, "buffer cannot be had"),
        ({"data": memoryview(bytes(24))[::2]}, BufferError, "gaps"),
        ({"offset": -1}, TypeError, "offset is -1"),
    ],
    ids=lambda value: re.sub("0x.*", "", str(value))[:40] if isinstance(value, dict) else "",
)
def test_bad_array_interfaces(change, error, words):
    assert dlbridge.asarray(Interface(**GOOD)).shape == (3,)
    with pytest.raises(error, match=words):
        dlbridge.asarray(Interface(**GOOD | change), copy=False)


def test_array_interface_must_be_a_dict():
    thing = Interface()
    thing.__array_interface__ = 3
    with pytest.raises(TypeError, match="__array_interface__ is 3"):
        dlbridge.asarray(thing)


def test_dlpack_must_return_a_capsule():
    with pytest.raises(TypeError, match=r"__dlpack__ of handmade\.Producer returned a int"):
        dlbridge.from_dlpack(handmade.Producer(lambda: 3))
    datetime = __import__("datetime").datetime_CAPI
    with pytest.raises(BufferError, match=r'named "datetime.datetime_CAPI"'):
        dlbridge.from_dlpack(datetime)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_subclasses_of_arrays(tmp_path):
    np.save(tmp_path / "array.npy", np.arange(3.0))
    mapped = np.load(tmp_path / "array.npy", mmap_mode="r")
    for array in (mapped, np.matrix([[1.0, 2.0]]), np.rec.array(np.arange(3.0))):
        for take in (dlbridge.asarray, dlbridge.from_dlpack):
            tensor = take(array)
            assert tensor.ptr == array.ctypes.data
            assert tensor.readonly is not array.flags.writeable
    there = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    assert dlbridge.asarray(there).ptr == there.data_ptr()


def test_a_subclass_may_export_in_its_own_way():
    class Own(np.ndarray):
        def __dlpack__(self, **keywords):
            return handmade.Foreign((7,), (1,)).capsule()

    assert dlbridge.from_dlpack(np.zeros(3).view(Own)).shape == (7,)


def test_a_mock_of_an_array_is_no_array():
    # Its __class__ says that it is one, and isinstance believes that.
    for spec in (np.ndarray, torch.Tensor):
        with pytest.raises((TypeError, BufferError)):
            dlbridge.asarray(unittest.mock.Mock(spec=spec))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_errors_of_index_are_passed_on(tensor, error):
    class Index:
        def __index__(self):
            raise error

    for use in (tensor.__getitem__, dlbridge.empty, tensor.reshape):
        with pytest.raises(error):
            use(Index())


def test_indices_beyond_everything(tensor):
    with pytest.raises(IndexError, match="63 bits"):
        tensor[2**70]
    with pytest.raises(IndexError, match="more than 64 dimensions"):
        tensor[(None,) * 61]
    with pytest.raises(ValueError, match="63 bits"):
        dlbridge.empty(2**70)


def test_iteration_and_membership(tensor, array):
    assert [np.array_equal(part.numpy(), array[i]) for i, part in enumerate(tensor)] == [True] * 4
    with pytest.raises(TypeError, match="0 dimensions"):
        list(dlbridge.asarray(np.array(3.0)))
    with pytest.raises(TypeError, match="does not compare"):
        3 in tensor  # noqa: B015


def test_dtypes_and_devices_are_values():
    dtype, device = dlbridge.DType("float32"), dlbridge.Device("cuda:1")
    for value in (dtype, device):
        assert copy.copy(value) == copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value
    assert dtype == np.float32 == dtype
    assert dtype == np.dtype("float32")
    assert dtype == torch.float32
    for other in (np.float64, np.dtype(">f4"), 3):
        assert dtype != other
    assert device == torch.device("cuda:1")
    assert device != torch.device("cuda:0")


def test_read_only_may_be_any_truth_value():
    memory = np.zeros(3)
    for given in (1, 0):
        there = Interface(**GOOD | {"typestr": "<f8", "data": (memory.ctypes.data, given)})
        assert dlbridge.asarray(there).readonly is bool(given)


def test_round_trips_do_not_pile_up():
    array = first = np.arange(3.0)
    array = dlbridge.asarray(array).numpy()
    middle = weakref.ref(array.base)
    for _ in range(3):
        array = dlbridge.asarray(array).numpy()
    assert middle() is None
    assert array.ctypes.data == first.ctypes.data
    # A part, or read-only, is no longer the same tensor: it keeps what it is of.
    part = dlbridge.asarray(array[1:])
    assert part.shape == (2,)
    assert part.ptr == array.ctypes.data + 8
    array.flags.writeable = False
    assert dlbridge.asarray(array).readonly


def test_only_the_unknown_keyword_is_dropped():
    class Producer:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, *, max_version=None):
            return self.array.__dlpack__(max_version=max_version)

    tensor = dlbridge.from_dlpack(Producer(np.arange(3.0)), copy=False)
    assert not tensor.readonly  # in the legacy form it would be


def test_the_dtype_is_that_of_the_memory():
    class Liar(np.ndarray):
        @property
        def dtype(self):
            return np.dtype("float64")

    with pytest.raises(BufferError, match="datetime64"):
        dlbridge.asarray(np.zeros(2, dtype="datetime64[s]").view(Liar))


def test_endless_recursion_is_no_refusal():
    class Producer:
        def __dlpack__(self, **keywords):
            return self.__dlpack__(**keywords)

    with pytest.raises(RecursionError):
        dlbridge.from_dlpack(Producer())


def test_a_capsule_that_is_not_wanted_is_not_consumed():
    for version in ((1, 0), None):
        capsule = dlbridge.empty(3).__dlpack__(max_version=version)
        with pytest.raises(BufferError, match="cuda:0 is wanted"):
            dlbridge.from_dlpack(capsule, device="cuda")
        with pytest.raises(TypeError, match="never converts elements"):
            dlbridge.asarray(capsule, dtype="int8")
        assert dlbridge.from_dlpack(capsule, device="cpu").shape == (3,)


def test_dlpack_takes_keywords_by_any_text():
    tensor = dlbridge.empty((2, 3))
    name = "".join(["max_", "version"])  # not the object that a program's own text is
    assert "versioned" in repr(tensor.__dlpack__(**{name: (1, 0)}))
    assert "versioned" not in repr(tensor.__dlpack__(max_version=None, stream=None, copy=None))


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((None,), {}, "takes 0 positional arguments but 1 was given"),
        ((), {"version": (1, 0)}, "unexpected keyword argument 'version'"),
        ((), {"copy": 1}, "copy is 1 .*; it must be True, False or None"),
        ((), {"max_version": (1,)}, r"max_version is \(1,\)"),
        ((), {"max_version": ("1", 0)}, r"max_version is \('1', 0\)"),
    ],
)
def test_dlpack_refuses_other_arguments(arguments, keywords, message):
    with pytest.raises(TypeError, match=message):
        dlbridge.empty((2, 3)).__dlpack__(*arguments, **keywords)


def test_notebooks_show_a_table():
    table = dlbridge.asarray(np.zeros((2, 3), np.float32))._repr_html_()
    for row in ("shape</th><td>(2, 3)", "dtype</th><td>float32", "strides</th><td>(3, 1)"):
        assert f"<tr><th>{row}</td></tr>" in table
    assert table.startswith("<table>")
    assert table.endswith("</table>")


def test_what_is_refused_is_shown_in_one_line_that_is_not_long():
    class Long:
        def __repr__(self):
            return "first\n  second\n" * 1000

    for refused in (Long(), [[1] * 5] * 400):
        with pytest.raises(TypeError) as error:
            dlbridge.asarray(refused)
        text = str(error.value)
        assert text.startswith("obj is ")
        assert "... (of type" in text
        assert "\n" not in text
        assert len(text) < 400
