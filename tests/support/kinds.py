"""Arrays of all kinds, usual and not."""

import warnings

import dlbridge
import handmade
import ml_dtypes
import numpy as np
import torch
from dlbridge import _dlbridge


def numpy_arrays():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    yield from (base, base.T, base[::-1], base[:, ::2], base[:, ::-2], base[1:2], base[:, 3])
    yield from (base[0, 0:0], base[:0], base[0, :1], np.float32(3), np.array(3, np.float32))
    yield from (np.broadcast_to(base, (4, 6)), np.broadcast_to(base[0, :1], (4, 1)))
    yield from (base.astype(dtype) for dtype in ["f8", "i8", "u1", "?", "f2", "c8", "c16", ">f4"])
    yield from (base.astype(np.longlong), base.astype("datetime64[s]"), base.astype("O"))
    yield np.frombuffer(bytes(97), np.float32, 24, offset=1).reshape(4, 6)
    yield np.lib.stride_tricks.as_strided(base, (1, 6), (2**40, 4))
    yield np.lib.stride_tricks.as_strided(base, (4, 6), (6, 1))
    yield from (np.zeros((1,) * 7, np.float32), np.zeros((1,) * 6, np.float32))
    yield from (base[0], np.arange(13, dtype=np.float32), base.view(np.matrix))
    yield np.ma.masked_array(base)
    yield np.lib.stride_tricks.as_strided(base, (2**27,), (0,))
    read_only = base.copy()
    read_only.flags.writeable = False
    yield read_only
    yield np.asarray(dlbridge.asarray(base))
    yield from (base[:, :4], base[:, 2:].astype("f8"), base.astype(ml_dtypes.int4))


def torch_tensors():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    yield from (base, base.T, base[:, ::2], base[1:2], base[:, 3], base[:0], base[0, 0])
    yield from (base.expand(4, 6), base[0, :1].expand(4), base[:, None], base[0])
    yield from (base.to(dtype) for dtype in [torch.float64, torch.bfloat16, torch.int64])
    yield from (base.to(torch.complex64), base.to(torch.complex64).conj())
    yield from (base.to(torch.complex64).conj().imag, base.clone().requires_grad_())
    yield torch.nn.Parameter(base.clone())
    yield torch.nn.Parameter(base.clone(), requires_grad=False)
    yield from (base.to_sparse(), base.to("meta"), torch.zeros((1,) * 7))
    yield base.as_strided((2**27,), (0,))
    yield from (base.to(dtype) for dtype in [torch.float8_e5m2, torch.uint16, torch.bool])
    yield from (torch.nested.nested_tensor([base, base[:2]]), base.to_mkldnn())
    yield from (torch._to_functional_tensor(base), torch._lazy_clone(base))
    yield torch.quantize_per_tensor(base, 0.1, 0, torch.quint8)
    yield from (base[0].as_subclass(Subclass), base[:, None].expand(4, 2, 6)[::2])


class Subclass(torch.Tensor):
    """A type of a user."""


def other_arrays():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    yield from (dlbridge.asarray(base), [1.0], None, 3, memoryview(base), base.tobytes())
    foreign = handmade.Foreign((2, 3), (3, 1), data=0x7000_0000_0000, device=handmade.CUDA)
    yield _dlbridge._from_managed(foreign.address)  # whose memory nobody touches
    yield _dlbridge._from_managed(handmade.Foreign((2, 4), (4, 1), dtype=(0, 4, 1)).address)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what PyTorch says of its own kinds
    ARRAYS = [*numpy_arrays(), *torch_tensors(), *other_arrays()]
