"""Use libimage.so and libstencil.so from Python: python from_python.py FOLDER"""

import ctypes
import sys

import numpy as np
from dlbridge import capi

folder = sys.argv[1]
image = ctypes.CDLL(f"{folder}/libimage.so")
image.mandelbrot.argtypes = [ctypes.c_int64, ctypes.c_int64]
image.mandelbrot.restype = capi.OwnedTensor

picture = np.from_dlpack(image.mandelbrot(24, 60))  # the memory that C++ allocated
for row in picture:
    print("".join(" .:-=+*#%@"[min(steps // 2, 9)] for steps in row).rstrip())

stencil = ctypes.CDLL(f"{folder}/libstencil.so")
stencil.spread.argtypes = [capi.TensorArg, capi.WritableTensorArg]
stencil.spread.restype = capi.CheckedStatus

plate = np.zeros((5, 4), dtype="float32")
plate[2, 1] = 4
after = np.zeros((4, 5), dtype="float32").T  # another layout, and no copy
stencil.spread(plate[::-1], after)
print(after)
