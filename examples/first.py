"""Share memory between NumPy, PyTorch and C, without a copy."""

import ctypes

import dlbridge
import numpy as np
import torch
from dlbridge import capi

picture = np.zeros((4, 6), dtype="float32")
tensor = dlbridge.convert(picture[:, ::2], "torch")  # every second column
tensor[3, 1] = 5
assert picture[3, 2] == 5

# Call C with arrays of any framework: here dlbridge's own library, or else yours.
library = ctypes.CDLL(str(capi.LIBRARY))
library.dlbridge_copy_into.argtypes = [capi.TensorArg, capi.WritableTensorArg]
library.dlbridge_copy_into.restype = capi.CheckedStatus
library.dlbridge_copy_into(torch.ones(4, 3), picture[:, ::2])
assert picture.sum() == 12
