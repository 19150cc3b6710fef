"""Which Python tests `make check` leaves out: markers that are found, not written.

`frameworks`: the module imports a framework, itself or by a helper of tests/support, or a fixture
of it or the test itself names one. `slow`: the module stands in SLOW.
"""

import ast
import functools
import re
from pathlib import Path

FOLDER = Path(__file__).parent

FRAMEWORKS = re.compile(
    r"\b(cupy|jax|jnp|mlx|nanobind|numba|paddle|pyarrow|tensorflow|tf|tinygrad|torch|tvm_ffi|warp)\b"
)
# They import frameworks by a list, and name none.
BY_LIST = {"benches", "dlbridge.cli.frameworks", "framework_cases", "framework_runs"}
# Modules that take about ten seconds or more without any framework.
SLOW = {
    "capi/test_header.py",
    "interpreter/test_first_use.py",
    "project/test_examples.py",
    "project/test_typing.py",
    "suites/test_cpython.py",
}


def is_fixture(function):
    return any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)


def imported(tree):
    """The names of the modules that are imported when this one is, and in its fixtures."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+", str(node.value)):
            yield str(node.value)  # of importorskip, or a suite of that project
        if not isinstance(node, ast.FunctionDef) or is_fixture(node):
            todo += ast.iter_child_nodes(node)


@functools.cache
def needs_frameworks(path):
    """Whether a module cannot be used without a framework."""
    for name in imported(ast.parse(path.read_text())):
        helper = FOLDER / f"{name}.py"
        if name in BY_LIST or FRAMEWORKS.match(name):
            return True
        if helper.exists() and needs_frameworks(helper):
            return True
    return False


@functools.cache
def tests_of_frameworks(path):
    """The names of the tests that name a framework, or that use a fixture which does."""
    named, fixtures = set(), set()
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        if FRAMEWORKS.search(ast.unparse(function)):
            (fixtures if is_fixture(function) else named).add(function.name)
    for function in functions:
        if fixtures.intersection(argument.arg for argument in function.args.args):
            named.add(function.name)
    return named


def pytest_ignore_collect(collection_path, config):
    """PyTorch is not even imported where its tests are not wanted."""
    if "not frameworks" in config.option.markexpr and collection_path.suffix == ".py":
        return needs_frameworks(collection_path) or None
    return None


def pytest_itemcollected(item):
    test = getattr(item, "originalname", item.name)
    if needs_frameworks(item.path) or test in tests_of_frameworks(item.path):
        item.add_marker("frameworks")
    if "/".join(item.path.parts[-2:]) in SLOW:
        item.add_marker("slow")
