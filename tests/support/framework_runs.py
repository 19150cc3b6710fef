"""Runs Python programs with one framework each, in processes of their own."""

import functools
import importlib.util
import json
import os
import sys

import pytest
import toolchain
from dlbridge import _dlbridge

MODULES = {name: module for name, _, module, _ in _dlbridge._catalogue()}


def need(name):
    module = MODULES[name]
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{module} is not installed")


@functools.cache
def cases(name):
    """What framework_cases.py says of a framework."""
    need(name)
    return json.loads(run(name, "-m", "framework_cases", name).splitlines()[-1])


def run(name, *arguments):
    """Runs Python with what the framework needs, and returns what it prints."""
    need(name)
    paths = [str(toolchain.SUPPORT), *sys.path]
    settings = {
        "PYTHONPATH": os.pathsep.join(paths),
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # tinygrad: its other devices need a compiler, and many processes at once would
        # wait for each other's locks on its cache.
        "CACHELEVEL": "0",
        "DEV": "PYTHON",
    }
    command = [sys.executable, "-W", "ignore", *arguments]
    return toolchain.run(*command, environment=settings).stdout
