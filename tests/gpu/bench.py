"""Bandwidth of copies on a GPU beside its plain copy, and latency of exchanges beside others."""

import ctypes
import subprocess
import sys
import time

import dlbridge
from conftest import why_none
from dlbridge import capi

EXTENT = 8192
ROUNDS = 15


def median_seconds(body, rounds=ROUNDS):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return sorted(times)[rounds // 2]


def copier(source, target, repeats=10):
    """Copies some times on the default stream, and waits."""
    gpu = capi.DLDevice(2, 0)
    both = [ctypes.cast(it._dltensor, ctypes.POINTER(capi.DLTensor)) for it in (source, target)]

    def body():
        for _ in range(repeats):
            capi.check(capi.lib.dlbridge_cuda_copy_into(*both, None))
        capi.check(capi.lib.dlbridge_cuda_synchronize(None, gpu))

    body()
    return median_seconds(body) / repeats


def tensors(device):
    return dlbridge.empty((EXTENT, EXTENT), device=device)


def copies():
    """Each path, and the plain copy that it is a share of."""
    gpu, other, pinned = tensors("cuda"), tensors("cuda"), tensors("cpu_pinned")
    side = EXTENT // 64
    images = gpu.reshape(64, 64, side, side).transpose(0, 2, 3, 1)
    permuted = other.reshape(64, side, side, 64)
    plain, up, down = copier(gpu, other), copier(pinned, gpu), copier(gpu, pinned)
    yield "device to device", plain, plain, gpu.nbytes * 2
    yield "transpose", copier(gpu.T, other), plain, gpu.nbytes * 2
    yield "NCHW to NHWC", copier(images, permuted), plain, gpu.nbytes * 2
    yield "every second column", copier(gpu[:, ::2], other[:, ::2]), plain, gpu.nbytes
    yield "pinned to device", up, up, gpu.nbytes
    yield "device to pinned", down, down, gpu.nbytes
    yield "device to pinned, transposed", copier(gpu.T, pinned), down, gpu.nbytes


def exchanges():
    try:
        import torch
    except ImportError:
        return
    if not torch.cuda.is_available():
        return
    x = torch.zeros(4, 5, device="cuda")
    tensor = dlbridge.from_dlpack(x)
    jobs = {
        "dlbridge.from_dlpack(torch)": lambda: dlbridge.from_dlpack(x),
        "Tensor.torch()": tensor.torch,
        "torch.from_dlpack(torch)": lambda: torch.from_dlpack(x),
    }
    try:
        import cupy

        jobs["cupy.from_dlpack(torch)"] = lambda: cupy.from_dlpack(x)
        jobs["Tensor.cupy()"] = tensor.cupy
    except ImportError:
        pass
    for name, job in jobs.items():
        yield name, median_seconds(lambda job=job: [job() for _ in range(1000)]) / 1000


def main() -> int:
    if reason := why_none():
        print(reason)
        return 0
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    print(subprocess.run(query, capture_output=True, text=True).stdout.strip())
    for name, seconds, plain, moved in copies():
        print(f"{name:30} {moved / seconds / 1e9:8.0f} GB/s  {plain / seconds:5.2f} of plain")
    for name, seconds in exchanges():
        print(f"{name:30} {seconds * 1e9:8.0f} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
