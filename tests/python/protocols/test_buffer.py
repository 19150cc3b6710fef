"""The buffer protocol (PEP 3118), in and out."""

import _testbuffer
import array
import ctypes
import gc
import hashlib
import mmap
import struct
import sys
import zlib

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import PIL.Image
import pytest
import torch

# In

LENT = {
    "bytes": (b"\x01\x02\x03", "uint8", (3,)),
    "bytearray": (bytearray(b"\x01\x02\x03"), "uint8", (3,)),
    "memoryview": (memoryview(bytearray(12)).cast("i"), "int32", (3,)),
    "two axes": (memoryview(bytes(24)).cast("f", (2, 3)), "float32", (2, 3)),
    "characters": (memoryview(bytes(3)).cast("c"), "uint8", (3,)),
    "one number": (memoryview(bytes(8)).cast("d", ()), "float64", ()),
    "nothing": (b"", "uint8", (0,)),
    "array.array": (array.array("h", [1, 2, 3]), "int16", (3,)),
    "array of long": (array.array("l", [1, 2, 3]), f"int{8 * array.array('l').itemsize}", (3,)),
    "mmap": (mmap.mmap(-1, 4096), "uint8", (4096,)),
    "ctypes": ((ctypes.c_float * 3)(1, 2, 3), "float32", (3,)),
    "ctypes of two axes": (((ctypes.c_int64 * 3) * 2)(), "int64", (2, 3)),
    "ctypes of bool": ((ctypes.c_bool * 3)(), "bool", (3,)),
    "ctypes of char": ((ctypes.c_char * 3)(), "uint8", (3,)),
    "one of ctypes": (ctypes.c_uint32(5), "uint32", ()),
    "numpy": (memoryview(np.zeros((2, 3), np.complex64)), "complex64", (2, 3)),
}


@pytest.mark.parametrize("name", LENT)
def test_buffers_are_shared(name):
    lender, dtype, shape = LENT[name]
    tensor = dlbridge.asarray(lender)
    view = memoryview(lender)
    assert (tensor.dtype, tensor.shape, tensor.readonly) == (dtype, shape, view.readonly)
    assert tensor.nbytes == view.nbytes
    if tensor.size:
        assert tensor.ptr == np.asarray(view).__array_interface__["data"][0]
    assert tensor.numpy().tobytes() == bytes(view)


def test_writes_are_seen_on_both_sides():
    memory = bytearray(8)
    dlbridge.asarray(memory).numpy()[3] = 7
    assert memory[3] == 7
    numbers = (ctypes.c_double * 2)()
    dlbridge.convert(numbers, "torch")[1] = 5
    assert list(numbers) == [0, 5]
    with pytest.raises(BufferError, match="read-only"):
        dlbridge.convert(b"bytes", "torch")


FORMATS = {
    **{code: f"int{8 * struct.calcsize(code)}" for code in "bhilqn"},
    **{code: f"uint{8 * struct.calcsize(code)}" for code in "BHILQN"},
    **{"?": "bool", "c": "uint8", "e": "float16", "f": "float32", "d": "float64"},
}
NATIVE = "<" if sys.byteorder == "little" else ">"
STANDARD = {
    f"{NATIVE}{code}": f"int{bits}" for code, bits in zip("bhilq", (8, 16, 32, 32, 64), strict=True)
}


@pytest.mark.parametrize("code", FORMATS)
def test_every_native_format(code):
    for prefix in ("", "@"):
        zero = b"0" if code == "c" else 0
        lender = _testbuffer.ndarray([zero, zero], shape=[2], format=prefix + code)
        assert memoryview(lender).format.endswith(code)
        assert dlbridge.asarray(lender).dtype == FORMATS[code]


@pytest.mark.parametrize("code", STANDARD)
def test_standard_sizes(code):
    for format in (code, code.replace(NATIVE, "=")):
        lender = _testbuffer.ndarray([0, 0], shape=[2], format=format)
        assert memoryview(lender).itemsize == struct.calcsize(format)
        assert dlbridge.asarray(lender).dtype == STANDARD[code]


@pytest.mark.parametrize(
    ("format", "item_size", "dtype"),
    [
        ("Ze", 4, "complex32"),
        ("Zf", 8, "complex64"),
        ("Zd", 16, "complex128"),
        ("F", 8, "complex64"),
        ("D", 16, "complex128"),
        ("<l", 8, "int64"),
        ("l", 4, "int32"),
        (">b", 1, "int8"),
        ("!?", 1, "bool"),
    ],
)
def test_formats_made_by_hand(format, item_size, dtype):
    assert dlbridge.asarray(handmade.lend(format, item_size)).dtype == dtype


@pytest.mark.parametrize(
    ("format", "item_size", "words"),
    [
        ("g", 16, "of a size that DLPack does not have"),
        ("Zg", 32, "of a size"),
        ("w", 4, "text"),
        ("u", 4, "text"),
        ("5s", 5, "several numbers"),
        ("s", 1, "raw bytes"),
        ("O", 8, "Python objects"),
        ("P", 8, "pointers"),
        ("&<i", 8, "pointers"),
        ("T{<i:a:}", 4, "structs"),
        ("2f", 8, "several numbers"),
        ("(2)f", 8, "several numbers"),
        ("ff", 8, "several numbers"),
        ("", 1, "not one of"),
        ("<", 1, "not one of"),
        ("f", 8, "items of 8 bytes; it must have 4"),
        ("B", 4, "items of 4 bytes; it must have 1"),
        ("i", 0, "items of 0 bytes"),
        (">f" if NATIVE == "<" else "<f", 4, "byte order of another machine.*newbyteorder"),
    ],
)
def test_other_formats_are_refused(format, item_size, words):
    with pytest.raises(BufferError, match=words):
        dlbridge.asarray(handmade.lend(format, item_size), copy=False)


def test_swapped_arrays_of_ctypes_and_structs_are_not_shared():
    swapped = ctypes.c_int.__ctype_be__ if NATIVE == "<" else ctypes.c_int.__ctype_le__
    with pytest.raises(BufferError, match="byte order"):
        dlbridge.asarray((swapped * 2)(), copy=False)
    structs = type("S", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)]}) * 2
    unions = type("U", (ctypes.Union,), {"_fields_": [("a", ctypes.c_int)]}) * 2
    for kind in (structs, unions, ctypes.POINTER(ctypes.c_int) * 2, ctypes.c_wchar * 2):
        with pytest.raises(BufferError, match="the buffer has the format"):
            dlbridge.asarray(kind())


def test_layouts_are_kept():
    memory = bytearray(range(24))
    whole = memoryview(memory).cast("B", (4, 6))
    stepped = memoryview(memory)[20:2:-3]
    tensor = dlbridge.asarray(stepped)
    assert (tensor.shape, tensor.strides) == ((6,), (-3,))
    assert tensor.numpy().tolist() == stepped.tolist()
    assert dlbridge.asarray(whole[1:3]).numpy().tolist() == whole[1:3].tolist()
    transposed = memoryview(np.zeros((2, 3), np.int16).T)
    assert dlbridge.asarray(transposed).strides == (1, 3)
    fortran = _testbuffer.ndarray(
        list(range(6)), shape=[2, 3], format="i", flags=_testbuffer.ND_FORTRAN
    )
    assert dlbridge.asarray(fortran).strides == (1, 2)


def test_suboffsets_are_refused():
    behind = _testbuffer.ndarray(list(range(6)), shape=[2, 3], format="i", flags=_testbuffer.ND_PIL)
    assert memoryview(behind).suboffsets
    with pytest.raises(BufferError, match="suboffsets"):
        dlbridge.asarray(behind)


def test_trap_19_buffers_stay_locked_until_the_last_owner_goes():
    memory = bytearray(range(6))
    before = sys.getrefcount(memory)
    owners = [dlbridge.asarray(memory)]
    owners += [owners[0][1:], owners[0].numpy(), owners[0].torch(), owners[0].__dlpack__()]
    while owners:
        with pytest.raises(BufferError):
            memory.append(0)
        owners.pop(0)
    gc.collect()
    memory.append(0)
    assert sys.getrefcount(memory) == before


def test_refused_buffers_are_released():
    memory = bytearray(8)
    for lender in (memoryview(memory).cast("P"), handmade.lend("f", 8)):
        with pytest.raises(BufferError):
            dlbridge.asarray(lender)
        lender.release()  # which it is not while somebody uses it
    memory.append(0)


def test_copies_of_buffers():
    memory = bytearray(3)
    copy = dlbridge.asarray(memory, copy=True)
    memory += b"more"
    assert (copy.shape, copy.readonly) == ((3,), False)
    assert dlbridge.asarray(b"abc", copy=True).readonly is False
    assert dlbridge.asarray(b"abc", device="cpu", dtype="uint8").shape == (3,)


def test_from_dlpack_takes_no_buffers():
    with pytest.raises(TypeError, match="__dlpack__"):
        dlbridge.from_dlpack(b"bytes")


# Out

DTYPES = {
    **{"bool": "?", "int8": "b", "int16": "h", "int32": "i", "uint8": "B", "uint16": "H"},
    **{"uint32": "I", "float16": "e", "float32": "f", "float64": "d"},
    **{"complex64": "Zf", "complex128": "Zd"},
    **{"int64": np.dtype(np.int64).char, "uint64": np.dtype(np.uint64).char},
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_formats_are_numpys(dtype):
    tensor = dlbridge.empty((2, 3), dtype=dtype)
    view = memoryview(tensor)
    assert view.format == DTYPES[dtype] == memoryview(np.zeros(2, dtype)).format
    assert (view.itemsize, view.nbytes, view.ndim) == (tensor.itemsize, tensor.nbytes, 2)
    out = np.asarray(view)
    assert (out.dtype, out.dtype.num) == (np.dtype(dtype), np.dtype(dtype).num)
    assert out.ctypes.data == tensor.ptr
    assert dlbridge.asarray(view).dtype == dtype


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a,
        lambda a: a.T,
        lambda a: a[::2, ::-3],
        lambda a: a[1, 2, ...],
        lambda a: a[:, 3:3],
        lambda a: a[::-1, None],
        lambda a: np.broadcast_to(a[0], (3, 6)),
    ],
    ids=["whole", "transposed", "stepped", "number", "empty", "new axis", "broadcast"],
)
def test_layouts_go_out(view):
    array_ = view(np.arange(24, dtype=np.int16).reshape(4, 6))
    out = memoryview(dlbridge.asarray(array_))
    expected = memoryview(array_)
    assert (out.shape, out.readonly, out.tolist()) == (
        expected.shape,
        expected.readonly,
        expected.tolist(),
    )
    if array_.size:
        assert out.strides == expected.strides
    assert (out.c_contiguous, out.f_contiguous) == (expected.c_contiguous, expected.f_contiguous)
    assert out.tobytes() == array_.tobytes()


def test_writes_go_through():
    array_ = np.zeros(3, np.int32)
    view = memoryview(dlbridge.asarray(array_))
    view[1] = 5
    assert array_.tolist() == [0, 5, 0]
    array_.flags.writeable = False
    view = memoryview(dlbridge.asarray(array_))
    assert view.readonly
    with pytest.raises(TypeError, match="read-only"):
        view[1] = 6
    with pytest.raises(TypeError, match="not writable"):
        (ctypes.c_char * 12).from_buffer(dlbridge.asarray(array_))


def test_buffers_keep_the_tensor_alive(counted):
    box, releases = counted
    views = [memoryview(box.pop())]
    views.append(views[0][1:])
    array_ = np.asarray(views[0])
    for view in views:
        view.release()
    del view
    views.clear()
    gc.collect()
    assert (releases(), array_[1, 2]) == (0, 5)
    del array_
    gc.collect()
    assert releases() == 1


def resident():
    """The resident memory of the process, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * mmap.PAGESIZE


def test_buffers_leak_nothing():
    tensor = dlbridge.empty((2, 3))
    before = sys.getrefcount(tensor)
    memory = resident()
    for _ in range(100_000):
        memoryview(tensor).release()
    assert sys.getrefcount(tensor) == before
    # Shape and strides of each would be several megabytes.
    assert resident() - memory < 1_000_000


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float32x4"])
def test_types_without_a_format(name):
    with pytest.raises(BufferError, match=rf"{name}.*numpy\(\)"):
        memoryview(dlbridge.empty(3, dtype=name))
    padded = dlbridge.asarray(np.zeros(3, ml_dtypes.int4))
    with pytest.raises(BufferError, match="int4"):
        memoryview(padded)


def test_other_devices_have_no_buffer(on_cuda):
    with pytest.raises(BufferError, match=r'cuda:0.*to_device\("cpu"\)'):
        memoryview(on_cuda)


WRITABLE, FORMAT, ND = 0x1, 0x4, 0x8
STRIDES = 0x10 | ND
C, FORTRAN, ANY, INDIRECT = 0x20 | STRIDES, 0x40 | STRIDES, 0x80 | STRIDES, 0x100 | STRIDES
FULL_RO, RECORDS = INDIRECT | FORMAT, STRIDES | WRITABLE | FORMAT

_get = ctypes.pythonapi.PyObject_GetBuffer
_get.argtypes = [ctypes.py_object, ctypes.POINTER(handmade.PyBuffer), ctypes.c_int]
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes = [ctypes.POINTER(handmade.PyBuffer)]
_release.restype = None

LAYOUTS = {
    "c": lambda a: a,
    "fortran": lambda a: a.T,
    "gaps": lambda a: a[:, ::2],
    "both": lambda a: a[0],
    "number": lambda a: a[0, 0, ...],
    "empty": lambda a: a[:, :0],
}
REQUESTS = {
    "simple": 0,
    "writable": WRITABLE,
    "nd": ND,
    "strides": STRIDES,
    "c": C,
    "fortran": FORTRAN,
    "any": ANY,
    "indirect": INDIRECT,
    "full": FULL_RO,
    "records": RECORDS,
    "nd with format": ND | FORMAT,
    "simple with format": FORMAT,
}


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("readonly", [False, True])
def test_every_request_is_met_or_refused(request_, layout, readonly):
    array_ = LAYOUTS[layout](np.zeros((3, 4), np.float32))
    array_.flags.writeable = not readonly
    flags, tensor, view = REQUESTS[request_], dlbridge.asarray(array_), handmade.PyBuffer()
    before = sys.getrefcount(tensor)
    is_c, is_fortran = array_.flags.c_contiguous, array_.flags.f_contiguous
    refused = (
        (flags & WRITABLE and readonly)
        or (flags & FORMAT and not flags & ND)
        or (flags & C == C and not is_c)
        or (flags & FORTRAN == FORTRAN and not is_fortran)
        or (flags & ANY == ANY and not is_c and not is_fortran)
        or (flags & STRIDES != STRIDES and not is_c)
        or (not flags & ND and array_.ndim != 1)
    )
    if refused:
        with pytest.raises(BufferError, match="the consumer asks for"):
            _get(tensor, view, flags)
        assert view.obj is None
        assert sys.getrefcount(tensor) == before
        return
    _get(tensor, view, flags)
    assert view.obj == id(tensor)
    assert (view.len, view.itemsize, view.readonly) == (array_.nbytes, 4, readonly)
    assert view.buf == tensor.ptr if array_.size else view.buf
    assert view.format == (b"f" if flags & FORMAT else None)
    has_axes = flags & ND and array_.ndim
    assert view.ndim == (array_.ndim if flags & ND else 1)
    assert (view.shape[: array_.ndim] if view.shape else []) == (
        list(array_.shape) if has_axes else []
    )
    strides = view.strides[: array_.ndim] if view.strides else []
    assert len(strides) == (array_.ndim if flags & STRIDES == STRIDES else 0)
    if array_.size and strides:
        assert strides == list(array_.strides)
    assert not view.suboffsets
    _release(view)
    assert sys.getrefcount(tensor) == before


def test_consumers_of_buffers(tmp_path):
    tensor = dlbridge.asarray(np.arange(6, dtype=np.float32))
    assert struct.unpack("6f", tensor) == (0, 1, 2, 3, 4, 5)
    (tmp_path / "file").write_bytes(tensor)
    with (tmp_path / "file").open("rb") as file:
        target = dlbridge.empty(6)
        assert file.readinto(target) == 24
    assert target.numpy().tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.frombuffer(tensor, dtype=torch.float32).data_ptr() == tensor.ptr
    assert (ctypes.c_float * 6).from_buffer(tensor)[5] == 5
    assert np.frombuffer(tensor, np.float32).ctypes.data == tensor.ptr
    assert bytes(tensor) == tensor.numpy().tobytes()


def test_halves_that_make_complex_numbers_go_both_ways():
    tensor = dlbridge.empty((2, 3), dtype="complex32")
    view = memoryview(tensor)
    assert (view.format, view.itemsize, view.shape) == ("Ze", 4, (2, 3))
    back = dlbridge.asarray(view)
    assert (back.dtype, back.ptr, back.shape) == ("complex32", tensor.ptr, (2, 3))


DTYPES_THAT_ARE_SHARED = ["uint8", "int8", "bool", "float32", "float64", "int64", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES_THAT_ARE_SHARED)
@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("shape", [(), (8,), (2, 4), (2, 2, 2), (1, 8), (8, 1), (0, 8)], ids=str)
def test_torch_asarray_is_right_or_refused(shape, readonly, dtype):
    array_ = np.ones(shape, dtype)
    array_.flags.writeable = not readonly
    tensor = dlbridge.asarray(array_)
    try:
        there = torch.asarray(tensor)
    except RuntimeError:
        # PyTorch prefers the buffer to DLPack.
        assert readonly or len(shape) != 1
    else:
        assert (tuple(there.shape), there.numpy().dtype) == (shape, array_.dtype)
        assert not readonly
        assert there.data_ptr() == tensor.ptr
    for make in (torch.as_tensor, torch.tensor):
        assert make(tensor).shape == shape


def test_who_reads_bytes_reads_those_of_one_axis(tmp_path):
    memory = bytes(range(24))
    tensor = dlbridge.asarray(memory)
    words = dlbridge.asarray(np.frombuffer(memory, "i4"))
    for flat in (tensor, words):
        assert hashlib.sha256(flat).digest() == hashlib.sha256(memory).digest()
        assert zlib.crc32(flat) == zlib.crc32(memory)
        assert b"".join([flat, b"x"]) == memory + b"x"
        assert struct.unpack_from("<q", flat, 8) == struct.unpack_from("<q", memory, 8)
        assert np.frombuffer(flat, "u1").tobytes() == memory
        (tmp_path / "file").write_bytes(flat)
        assert (tmp_path / "file").read_bytes() == memory
    table = words.reshape(2, 3)

    def write(data):
        with (tmp_path / "file").open("wb") as file:
            return file.write(data)

    for use in (hashlib.sha256, zlib.crc32, write):
        with pytest.raises(BufferError, match=r'memoryview\(t\)\.cast\("B"\).*t\.reshape\(-1\)'):
            use(table)
        assert use(memoryview(table).cast("B")) != use(b"")
        assert use(table.reshape(-1)) != use(b"")
    assert bytes(table) == bytearray(table) == table.tobytes() == memory


def test_images_are_read_as_bytes_and_not_written_to_as_such():
    image = dlbridge.asarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    assert zlib.crc32(image) == zlib.crc32(bytes(range(24)))
    assert np.frombuffer(image, "u1").tobytes() == image.tobytes()
    # Whoever is refused a buffer to write to is given no other one.
    for flags in (WRITABLE, 0):
        with pytest.raises(BufferError, match="without a shape"):
            _get(image, handmade.PyBuffer(), flags)
    _get(image, view := handmade.PyBuffer(), 0)
    _release(view)


PICTURES = {
    "RGB": lambda a: a,
    "grey": lambda a: a[..., 0].copy(),
    "two channels": lambda a: a[..., :2].copy(),
    "upside down": lambda a: a[::-1],
    "one channel of three": lambda a: a[..., 0],
    "transposed": lambda a: a.transpose(1, 0, 2),
    "black and white": lambda a: a[..., 0] > 7,
    "transposed floats": lambda a: a[..., 0].astype(np.float32).T,
}


@pytest.mark.parametrize("name", PICTURES)
def test_pillow_makes_images(name):
    picture = PICTURES[name](np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    image = PIL.Image.fromarray(dlbridge.asarray(picture))
    np.testing.assert_array_equal(np.asarray(image), picture)


def test_np_asarray_shares_whatever_it_uses():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    for array_ in (base, base.T, base[::-1, ::2], base[1, 2, ...]):
        out = np.asarray(dlbridge.asarray(array_))
        assert (out.ctypes.data, out.strides) == (array_.ctypes.data, array_.strides)
        assert (out.dtype.num, out.flags.writeable) == (array_.dtype.num, True)
    assert np.asarray(dlbridge.empty((0, 3))).shape == (0, 3)
