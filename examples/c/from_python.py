"""Use libimages.so from Python: python from_python.py FOLDER"""

import ctypes
import sys

import numpy as np
import torch
from dlbridge import capi

images = ctypes.CDLL(f"{sys.argv[1]}/libimages.so")
images.make_rings.argtypes = [ctypes.c_int64, ctypes.c_int64]
images.make_rings.restype = capi.OwnedTensor
images.blur.argtypes = [capi.TensorArg, capi.WritableTensorArg]
images.blur.restype = capi.CheckedStatus

rings = np.from_dlpack(images.make_rings(480, 640))  # C's memory: freed after the last use
blurred = torch.empty(480, 640)
images.blur(rings, blurred)
assert blurred[0, 0] == rings[:2, :2].mean()

try:
    images.blur(rings.T, torch.empty(640, 480))
except capi.Error as error:
    print(error)
