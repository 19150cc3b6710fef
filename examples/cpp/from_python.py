"""Use libimage.so and libstencil.so from Python: python from_python.py FOLDER"""

import ctypes
import sys

import dlbridge
import numpy as np

folder = sys.argv[1]
image = ctypes.CDLL(f"{folder}/libimage.so")
mandelbrot = dlbridge.bind(
    image.mandelbrot, "height: i64, width: i64 -> u8[height, width]", like="numpy"
)
for row in mandelbrot(24, 60):  # the memory that C++ allocated
    print("".join(" .:-=+*#%@"[min(steps // 2, 9)] for steps in row).rstrip())

stencil = ctypes.CDLL(f"{folder}/libstencil.so")
signature = "before: f32[h, w], out after: f32[h, w] -> dlbridge_status"
spread = dlbridge.bind(stencil.spread, signature)

plate = np.zeros((5, 4), dtype="float32")
plate[2, 1] = 4
after = np.zeros((4, 5), dtype="float32").T  # another layout, and no copy
spread(plate[::-1], after=after)
print(after)
