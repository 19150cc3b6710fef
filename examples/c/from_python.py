"""Use libimages.so from Python: python from_python.py FOLDER"""

import ctypes
import sys

import dlbridge
import numpy as np
import torch

images = dlbridge.bind(
    ctypes.CDLL(f"{sys.argv[1]}/libimages.so"),
    {
        "make_rings": "height: i64, width: i64 -> f32[height, width]",
        "blur": "source: f32[h, w], out target: f32[h, w] -> dlbridge_status",
    },
)

rings = np.from_dlpack(images.make_rings(480, 640))  # C's memory: freed after the last use
blurred = torch.empty(480, 640)
images.blur(rings, target=blurred)
assert blurred[0, 0] == rings[:2, :2].mean()
assert np.array_equal(images.blur(rings), blurred)  # a NumPy array, like rings

try:
    images.blur(rings.T)  # the C function takes rows without gaps only
except dlbridge.capi.Error as error:
    print(error)
