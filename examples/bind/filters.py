"""Call libfilters.so with arrays of any framework: python filters.py LIBRARY"""

import ctypes
import sys
from typing import Annotated, Any

import dlbridge
import jax.numpy as jnp
import numpy as np
import torch


class Filters:
    """What the library has, for dlbridge to bind and for editors to complete."""

    def blur(
        self,
        src: Annotated[Any, "f32[h, w]"],
        sigma: float = 1.0,
        *,
        dst: Annotated[Any, "out f32[h, w]"] = None,
    ) -> Annotated[Any, "(src, dst, sigma) -> status"]:
        """Blur each row with a Gaussian of `sigma` pixels."""

    def histogram(
        self, values: Annotated[Any, "*u8[...]"], *, bins: Annotated[Any, "out *i64[256]"] = None
    ) -> Annotated[Any, "(values, count: size_t = values.size, bins) -> void"]:
        """Count how often each value occurs."""


library = ctypes.CDLL(sys.argv[1])
filters = dlbridge.bind(library, Filters, error=library.filters_error)

step = np.repeat(np.float32([[0, 1]]), 4, axis=1)
for image in step, torch.from_numpy(step), jnp.asarray(step):
    print(type(filters.blur(image)).__name__, np.round(np.asarray(filters.blur(image))[0], 2))

target = torch.zeros(8, 1)
filters.blur(step, 2.0, dst=target.T)  # into an array that exists, transposed: no copy
print("torch column", target.flatten().numpy().round(2))

values = torch.tensor([[1, 2], [2, 255]], dtype=torch.uint8)
counts = filters.histogram(values)
print("histogram", {value: int(counts[value]) for value in counts.nonzero().flatten().tolist()})

for wrong in (lambda: filters.blur(step.astype("f8")), lambda: filters.blur(step, -1)):
    try:
        wrong()
    except (TypeError, dlbridge.capi.Error) as error:
        print(error)
