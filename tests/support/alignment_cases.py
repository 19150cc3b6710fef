"""Gives a framework arrays of every dtype at many addresses, and works with them.

Run as a program, since what is not aligned may end the process:
python alignment_cases.py NAME prints a JSON list for each case, before it works with it.
The last line is "done". With --alone the framework takes the arrays by its own function,
without dlbridge: that is how to find out what it needs.
"""

import functools
import json
import sys

import dlbridge
import numpy as np
from framework_cases import DTYPES, numpy_dtype, seen

# The address of the first element is that many bytes past a multiple of 64.
OFFSETS = [0, 32, 16, 8, 4, 2, 1]
SIDE = 37  # long enough for vector instructions, and with a rest that they do not take


def misplaced(dtype, offset):
    """A square of zeros and ones at that offset."""
    count = SIDE * SIDE
    memory = np.zeros(count * dtype.itemsize + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    flat = memory[start : start + count * dtype.itemsize].view(dtype)
    flat[...] = (np.arange(count) % 2).astype(dtype)
    return flat.reshape(SIDE, SIDE)


def work_torch(x):
    import torch

    places = torch.arange(0, SIDE, 2)
    return [
        lambda: x[1:, 3:].clone(),
        lambda: x[3, 5].item(),
        lambda: x[places],
        lambda: x[places, places],
        lambda: x[x != 0],
        lambda: x.take(places),
        lambda: x.index_put_((places,), x[places].clone()),
        lambda: x.masked_fill(x != 0, 1),
        lambda: x + x,
        lambda: x * x,
        lambda: x.exp(),
        lambda: x.abs(),
        lambda: x.conj().resolve_conj(),
        lambda: x.sum(),
        lambda: x.sum(0),
        lambda: x.prod(1),
        lambda: x.mean(),
        lambda: x.any(),
        lambda: x.cumsum(0),
        lambda: x.sort(),
        lambda: x @ x,
        lambda: x.T @ x[0],
        lambda: x.T.contiguous(),
        lambda: torch.cat([x, x]),
        lambda: torch.where(x != 0, x, x),
        lambda: x.copy_(x.T.clone()),
        lambda: x.to(torch.float32),
        lambda: torch.fft.fft2(x),
        lambda: torch.linalg.svd(x),
        lambda: x.fill_(1),
        lambda: repr(x),
    ]


def work_paddle(x):
    import paddle

    places = paddle.arange(0, SIDE, 2)
    return [
        lambda: x[1:, 3:].clone(),
        lambda: x[3, 5].item(),
        lambda: x[places],
        lambda: x[x != 0],
        lambda: paddle.gather(x, places),
        lambda: x.__setitem__(slice(1, 3), 1),
        lambda: x + x,
        lambda: x * x,
        lambda: x.exp(),
        lambda: x.abs(),
        lambda: -x,
        lambda: x.conj(),
        lambda: x.sum(),
        lambda: x.sum(0),
        lambda: x.mean(),
        lambda: x.any(),
        lambda: x.cumsum(0),
        lambda: x.sort(),
        lambda: x @ x,
        lambda: x.T.contiguous(),
        lambda: paddle.concat([x, x]),
        lambda: paddle.where(x != 0, x, x),
        lambda: x.astype("float32"),
        lambda: paddle.fft.fft2(x),
        lambda: x.fill_(1),
        lambda: repr(x),
    ]


def work_tensorflow(x):
    import tensorflow as tf

    return [
        lambda: x + x,
        lambda: x[1:] + x[:-1],
        lambda: tf.reduce_sum(x),
        lambda: tf.exp(x),
        lambda: x @ x,
        lambda: tf.transpose(x),
        lambda: tf.cast(x, tf.float32),
        lambda: tf.gather(x, [1, 2]),
        lambda: tf.sort(x),
    ]


def work_jax(x):
    from jax import numpy as jnp

    places = jnp.arange(0, SIDE, 2)
    return [
        lambda: (x @ x.T).block_until_ready(),
        lambda: x[places].block_until_ready(),
    ]


def work_numpy(x):
    places = np.arange(0, SIDE, 2)
    return [
        lambda: x + x,
        lambda: x * x,
        lambda: np.exp(x),
        lambda: x.sum(0),
        lambda: x.sum(1),
        lambda: x @ x,
        lambda: x[places],
        lambda: x.T.copy(),
        lambda: np.sort(x),
        lambda: np.linalg.svd(x),
        lambda: x.fill(1),
    ]


def work_numba(x):
    return [lambda: doubler()(x)]


@functools.cache
def doubler():
    import numba

    @numba.njit
    def double(a):
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                a[i, j] = a[i, j] + a[i, j]

    return double


def work_pyarrow(x):
    import pyarrow

    return [
        lambda: x.to_numpy().sum(),
        lambda: x.equals(x),
        lambda: pyarrow.SparseCOOTensor.from_tensor(x),
    ]


def work_warp(x):
    import warp

    warp.config.quiet = True
    other = warp.zeros(x.shape, dtype=x.dtype, device="cpu")
    return [
        lambda: warp.copy(other, x),
        lambda: x + x,
        lambda: warp.utils.array_sum(x),
        lambda: x.fill_(1),
        lambda: warp.copy(x, other),
    ]


def work_mlx(x):
    import mlx.core as mx

    return [lambda: mx.eval(x + x)]


WORK = {
    "torch": work_torch,
    "paddle": work_paddle,
    "tensorflow": work_tensorflow,
    "jax": work_jax,
    "numpy": work_numpy,
    "numba": work_numba,
    "pyarrow": work_pyarrow,
    "warp": work_warp,
    "mlx": work_mlx,
    "tinygrad": lambda x: [lambda: (x + x).numpy()],
    "tvm_ffi": lambda x: [lambda: np.from_dlpack(x).sum()],
    "dlbridge": lambda x: [x.copy, x.T.copy, x.contiguous],
}


def alone(name, array):
    """The array in the framework, without dlbridge."""
    if name == "torch":
        import torch

        return torch.from_numpy(array)
    if name == "paddle":
        import paddle

        return paddle.utils.dlpack.from_dlpack(array.__dlpack__(max_version=(1, 0)))
    if name == "tensorflow":
        import tensorflow

        return tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__())
    raise SystemExit(f"{name} takes all, or copies")


def through_dlbridge(name, array):
    """The array in the framework, and what dlbridge did with it; first what plan says."""
    plan = dlbridge.plan(array, name)
    said = "shares" if plan.shares else "copies" if plan.copies else "refuses"
    try:
        found = dlbridge.convert(array, name), "shares", plan.reason
    except BufferError as refusal:
        try:
            found = dlbridge.convert(array, name, copy=None), "copies", str(refusal)
        except BufferError as error:
            found = None, "refuses", str(error)
    assert found[1] == said, (found, said)
    return found


def succeeds(operation):
    """Not every framework can do all with every dtype."""
    try:
        operation()
    except Exception:
        return False
    return True


def main(name, is_alone):
    for title in DTYPES:
        dtype = numpy_dtype(title)
        for offset in OFFSETS:
            array = misplaced(dtype, offset)
            if is_alone:
                try:
                    x, did, reason = alone(name, array), "shares", ""
                except Exception as error:
                    x, did, reason = None, "refuses", str(error)
            else:
                x, did, reason = through_dlbridge(name, array)
            print(json.dumps([title, offset, did, reason]), flush=True)
            if did != "shares":
                continue
            if dtype.isbuiltin == 1:
                np.testing.assert_array_equal(seen(name, x)[1], array)
            worked = [succeeds(operation) for operation in WORK[name](x)]
            print(json.dumps({"dtype": title, "offset": offset, "worked": worked}), flush=True)
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], "--alone" in sys.argv)
