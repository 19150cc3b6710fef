"""Arrays of frameworks that take seconds to load: each is measured in a process of its own."""

import os
from collections.abc import Callable
from importlib import import_module

from .arrays import SHAPE


def _module(name: str) -> Callable[[], object]:
    return lambda: import_module(name)


def _tensorflow() -> object:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return import_module("tensorflow")


def _warp() -> object:
    warp = import_module("warp")
    warp.config.quiet = True
    return warp


_NAMES: dict[str, dict[str, Callable[[], object]]] = {
    "jax": {
        "jax": _module("jax"),
        "jnp": _module("jax.numpy"),
        "jax_array": lambda: import_module("jax.numpy").ones(SHAPE),
    },
    "tensorflow": {"tf": _tensorflow, "tf_tensor": lambda: _tensorflow().ones(SHAPE)},
    "paddle": {
        "paddle": _module("paddle"),
        "paddle_tensor": lambda: import_module("paddle").ones(SHAPE),
    },
    "warp": {
        "wp": _warp,
        "warp_array": lambda: _warp().ones(SHAPE, dtype=_warp().float32, device="cpu"),
    },
}

MAKERS = {name: maker for names in _NAMES.values() for name, maker in names.items()}
OWNERS = {name: framework for framework, names in _NAMES.items() for name in names}
