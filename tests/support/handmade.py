"""DLPack structs, capsules and buffers made by hand, as a foreign producer would make them."""

import ctypes
import sys

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = (1, 0), (2, 0), (3, 0), (13, 0)
READ_ONLY, IS_COPIED, PADDED = 1, 2, 4
FLOAT32 = (2, 32, 1)


class DLTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class DLManagedTensor(ctypes.Structure):
    _fields_ = (
        ("dl_tensor", DLTensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    )


class DLManagedTensorVersioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", DLTensor),
    )


_python = ctypes.pythonapi
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", _python)
)
_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", _python))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _python)
)
_raw_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", _python)
)
_set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_SetName", _python)
)
_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_alive = {}  # what C code may still call or read, until it was deleted


class Foreign:
    """A managed tensor of a foreign producer, which counts how often it is deleted.

    Every field can be given a wrong value.
    """

    def __init__(
        self,
        shape=(2, 3),
        strides=None,
        *,
        data=None,
        dtype=FLOAT32,
        device=CPU,
        ndim=None,
        byte_offset=0,
        flags=0,
        version=(1, 3),
        legacy=False,
        deleter=True,
        null_shape=False,
        on_delete=lambda: None,
    ):
        self.deleted = 0
        self.on_delete = on_delete
        self.memory = (ctypes.c_uint8 * 4096)()
        self.shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        self.managed = DLManagedTensor() if legacy else DLManagedTensorVersioned()
        self.name = b"dltensor" if legacy else b"dltensor_versioned"
        if not legacy:
            self.managed.major, self.managed.minor = version
            self.managed.flags = flags
        tensor = self.managed.dl_tensor
        tensor.data = ctypes.addressof(self.memory) + 2048 if data is None else data
        tensor.device_type, tensor.device_id = device
        tensor.ndim = len(shape) if ndim is None else ndim
        tensor.code, tensor.bits, tensor.lanes = dtype
        if not null_shape:
            tensor.shape = self.shape
        if strides is not None:
            self.strides = (ctypes.c_int64 * max(len(strides), 1))(*strides)
            tensor.strides = self.strides
        tensor.byte_offset = byte_offset
        self._deleter = _Deleter(self._delete)
        self._destructor = _Destructor(self._destroy)
        if deleter:
            self.managed.deleter = ctypes.cast(self._deleter, ctypes.c_void_p).value
            _alive[id(self)] = self

    @property
    def address(self):
        return ctypes.addressof(self.managed)

    def capsule(self):
        """A capsule that deletes the tensor when it goes away unused, as all must."""
        return _new(self.address, self.name, ctypes.cast(self._destructor, ctypes.c_void_p).value)

    def _delete(self, _managed):
        self.deleted += 1
        self.on_delete()
        _alive.pop(id(self), None)

    def _destroy(self, capsule):
        if _raw_is_valid(capsule, self.name) and self.managed.deleter:
            self._delete(None)


class Producer:
    """An object whose `__dlpack__` gives out what `make` returns, and notes the calls."""

    def __init__(self, make, device=CPU):
        self.make = make
        self.device = device
        self.calls = []

    def __dlpack__(self, **keywords):
        self.calls.append(keywords)
        return self.make()

    def __dlpack_device__(self):
        return self.device


def capsule_name(capsule):
    return _name(capsule).decode()


def use(capsule):
    """Mark a capsule as consumed, as a consumer does, and return the address in it."""
    name = _name(capsule)
    address = _pointer(capsule, name)
    # Static, since a capsule does not copy its name.
    _set_name(capsule, _USED[name])
    return address


_NAMES = {DLManagedTensor: b"dltensor", DLManagedTensorVersioned: b"dltensor_versioned"}
_USED = {
    b"dltensor": b"used_dltensor",
    b"dltensor_versioned": b"used_dltensor_versioned",
}


def versioned(capsule):
    """The struct in a versioned capsule, to look at."""
    return _inside(capsule, DLManagedTensorVersioned)


def legacy(capsule):
    """The struct in a legacy capsule, to look at."""
    return _inside(capsule, DLManagedTensor)


def _inside(capsule, kind):
    struct = kind.from_address(_pointer(capsule, _NAMES[kind]))
    struct.capsule = capsule  # which keeps the struct alive
    return struct


def call_deleter(address, *, is_legacy=False):
    """Call the deleter of a managed tensor without the GIL, as C code would."""
    kind = DLManagedTensor if is_legacy else DLManagedTensorVersioned
    deleter = kind.from_address(address).deleter
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleter)(address)


def references(object):
    """The references to an object, but for those of this call."""
    return sys.getrefcount(object) - 3


class PyBuffer(ctypes.Structure):
    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    )


_lent = []
_from_buffer = ctypes.pythonapi.PyMemoryView_FromBuffer
_from_buffer.argtypes = [ctypes.POINTER(PyBuffer)]
_from_buffer.restype = ctypes.py_object


def lend(format, item_size, count=2):
    """A memoryview with any format."""
    view = PyBuffer()
    memory = (ctypes.c_char * (item_size * count))()
    shape, strides = (ctypes.c_ssize_t * 1)(count), (ctypes.c_ssize_t * 1)(item_size)
    view.buf, view.len, view.itemsize, view.ndim = (
        ctypes.addressof(memory),
        item_size * count,
        item_size,
        1,
    )
    view.format, view.shape, view.strides = format.encode(), shape, strides
    lent = _from_buffer(view)
    _lent.append((memory, shape, strides, view))
    return lent
