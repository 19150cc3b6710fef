"""The markers by which `make check` finds the tests that need only NumPy."""

from pathlib import Path

import markers
import pytest

FOLDER = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("import numpy as np", False),
        ("import torch", True),
        ("try:\n    import jax.numpy as jnp\nexcept ImportError:\n    jnp = None", True),
        ("import pytest\nmlx = pytest.importorskip('mlx.core')", True),
        ("from kinds import ARRAYS", True),  # a helper that imports PyTorch
        ("from benches import jobs", True),
        ("import pytest\n@pytest.fixture\ndef t():\n    import torch", True),
        ("def test_t():\n    import torch", False),
        ("# import torch", False),
        ("CODE = 'import torch'", False),
    ],
)
def test_modules_that_need_a_framework_are_found(tmp_path, source, needed):
    path = tmp_path / "test_x.py"
    path.write_text(source)
    assert markers.needs_frameworks(path) == needed


def test_tests_that_need_a_framework_are_found(tmp_path):
    path = tmp_path / "test_x.py"
    path.write_text(
        "import pytest\n"
        "def test_a():\n    import torch\n"
        "def test_b():\n    run('import jax')\n"
        "@pytest.mark.parametrize('name', ['cupy'])\ndef test_c(name): pass\n"
        "def test_d(): pass\n"
    )
    assert markers.tests_of_frameworks(path) == {"test_a", "test_b", "test_c"}


def test_slow_modules_are_there():
    assert sorted(name for name in markers.SLOW if not (FOLDER / name).exists()) == []
