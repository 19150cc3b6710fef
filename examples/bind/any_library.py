"""C libraries that know nothing of arrays, each bound in one line."""

import ctypes
import ctypes.util
import zlib

import dlbridge
import numpy as np
import torch

libz = ctypes.CDLL(ctypes.util.find_library("z"))
crc32 = dlbridge.bind(libz.crc32, "crc: ulong = 0, data: *any[...], n: uint = data.nbytes -> ulong")

libm = ctypes.CDLL(ctypes.util.find_library("m"))
erf = dlbridge.bind(libm.erf, "x: f64 -> f64")

image = np.arange(12, dtype="float32").reshape(3, 4)
print("crc32", crc32(image) == crc32(torch.from_numpy(image)) == zlib.crc32(image))
print("erf", round(erf(0.5), 4))

try:
    crc32(image.T)
except BufferError as error:
    print(error)
