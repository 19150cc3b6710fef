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
signature = "source: f32[h, w], out target: f32[h, w] -> dlbridge_status"
copy_into = dlbridge.bind(library.dlbridge_copy_into, signature)
copy_into(torch.ones(4, 3), target=picture[:, ::2])
assert picture.sum() == 12
assert isinstance(copy_into(tensor), torch.Tensor)  # an output that is not given is made
