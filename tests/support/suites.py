"""Test suites of other projects, run on dlbridge.

A suite is a module of tests in an installed package. It is loaded once more and changed,
so that dlbridge stands where arrays are made or taken; the package stays as it is:

    def taken(tests):
        tests.np = suites.Patched(np, from_dlpack=...)

    TestTaken = suites.suite(
        "numpy._core.tests.test_dlpack",
        taken,
        beside={"compares NumPy with itself": ["test_x"]},
        left_out={"there is no such dtype": ["test_y[int8]", "test_z"]},
    )

The lists are exact. It is a failure when a test that is named is not there any more,
when one that is left out passes, and when one passes without a dlbridge.Tensor (those
stand `beside`, and are not run).
"""

import gc
import importlib.util
import random
import types
import unittest

import dlbridge
import pytest

# Marks of these suites that mean nothing here.
MARKS = ("gzip", "leaks_references", "numpy", "thread_unsafe", "valgrind_error")

# What a test that is left out may raise; a panic is none of them.
FAILURES = (Exception, pytest.fail.Exception)


class Unreached(BaseException):
    """A test had nothing to do with dlbridge. No failure that `left_out` would cover."""


_made = 0


def tensor(array, take=dlbridge.asarray, **keywords):
    """A dlbridge.Tensor on the memory of an array; how all changes make them."""
    global _made
    _made += 1
    return take(array, **keywords)


class Patched(types.ModuleType):
    """A module, but for what is set on it."""

    def __init__(self, module, **replaced):
        super().__init__(module.__name__)
        self._module = module
        vars(self).update(replaced)

    def __getattr__(self, name):
        return getattr(self._module, name)


class Suite:
    """The base of the suites: classes that have the tests of a module."""

    def test_lists_are_exact(self):
        assert self.there, f"{self.module} has no tests"
        gone = {*self.beside, *self.left_out, *self.only} - self.there
        assert not gone, f"{self.module} has no such tests any more: {sorted(gone)}"


class Missing(Suite):
    """A suite that is not there."""

    def test_lists_are_exact(self):
        pytest.skip(f"{self.module} is not there; {self.install}")


def suite(module, change, *, install, only=(), beside=None, left_out=None):
    """The tests of the module of that full name, after `change` got the module.

    `install` says how to have it, `only` names the classes and functions that are wanted
    (all, if there are none). `beside` has the reasons why tests are not run, `left_out`
    those why tests fail, each with the names of tests: "test", "Class::test", "Class",
    and with parameters "test[1]".
    """
    facts = {
        "module": module,
        "install": install,
        "only": set(only),
        "beside": _by_name(beside),
        "left_out": _by_name(left_out),
        "there": set(),
    }
    loaded = load(module, change.__name__)
    if loaded is None:
        return type("Missing", (Missing,), facts)
    tests = {
        name: value
        for name, value in vars(loaded).items()
        if (_is_test(loaded, name, value) and (not only or name in only))
        or isinstance(value, _Fixture)
    }
    for value in tests.values():
        for test in (value, *(vars(value).values() if isinstance(value, type) else ())):
            _list_parameters(test)
    change(loaded)
    members = {name: _member(getattr(loaded, name)) for name in tests}
    return type("Suite", (Suite,), facts | members)


def _member(value):
    """A class, function or fixture of a module, as it can stand in a class."""
    if isinstance(value, type):
        return value
    if isinstance(value, _Fixture):
        return pytest.fixture(staticmethod(value.__wrapped__))
    return staticmethod(value)


def keep(case, is_wanted):
    """Leaves only some of the tests of a class, for a change."""
    for name in dir(case):
        if name.startswith("test") and not is_wanted(name):
            setattr(case, name, None)


def _by_name(reasons):
    return {name: reason for reason, names in (reasons or {}).items() for name in names}


def load(name, suffix):
    """The module, apart from the one that others import; None if there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    own = importlib.util.spec_from_file_location(f"{name}_{suffix}", spec.origin)
    module = importlib.util.module_from_spec(own)
    own.loader.exec_module(module)
    return module


_Fixture = type(pytest.fixture(lambda: None))


def _is_test(module, name, value):
    if getattr(value, "__module__", None) != module.__name__:
        return False
    is_case = isinstance(value, type) and issubclass(value, unittest.TestCase)
    is_named = name.startswith(("test", "Test"))
    return is_case or (is_named and isinstance(value, type | types.FunctionType))


def _list_parameters(test):
    """pytest wants lists, and generators would run after the module was changed."""
    if marks := getattr(test, "pytestmark", None):
        test.pytestmark = [
            pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs).mark
            if mark.name == "parametrize"
            else mark
            for mark in marks
        ]


def _suite(item):
    for node in item.listchain():
        found = getattr(node, "obj", None)
        if isinstance(found, type) and issubclass(found, Suite):
            return node, found
    return None, None


# The hooks, which tests/conftest.py gives to pytest.


def pytest_configure(config):
    for mark in (*MARKS, "left_out"):
        config.addinivalue_line("markers", f"{mark}: of suites of other projects")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Takes out what stands beside a suite, and marks what is left out."""
    kept, taken_out = [], []
    only_some = any("::" in argument for argument in config.args)
    for item in items:
        node, suite = _suite(item)
        if suite is None:
            kept.append(item)
            continue
        names = _names(item.nodeid.removeprefix(f"{node.nodeid}::"))
        if item.name == "test_lists_are_exact":
            (taken_out if only_some else kept).append(item)
            continue
        suite.there |= names
        if not names.isdisjoint(suite.beside):
            taken_out.append(item)
            continue
        for name in names.intersection(suite.left_out):
            reason = suite.left_out[name]
            item.add_marker(pytest.mark.xfail(reason=reason, raises=FAILURES, strict=True))
            item.add_marker("left_out")
        item.add_marker(pytest.mark.filterwarnings("ignore"))
        kept.append(item)
    if taken_out:
        config.hook.pytest_deselected(items=taken_out)
    items[:] = kept


def _names(path):
    """What a test is called in the lists: "Class", "test", "test[0]", "Class::test" ..."""
    parts = path.split("::") if "[" not in path else _split(path)
    name = parts[-1]
    bare = name.partition("[")[0]
    owner = "::".join(parts[:-1])
    return {name, bare} | ({owner, f"{owner}::{name}", f"{owner}::{bare}"} if owner else set())


def _split(path):
    """Parameters may have :: in them."""
    head, bracket, parameters = path.partition("[")
    *owners, name = head.split("::")
    return [*owners, name + bracket + parameters]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test of a suite that passes must have made a tensor."""
    _, suite = _suite(item)
    if suite is None or item.name == "test_lists_are_exact":
        return (yield)
    random.seed(0)
    before = _made
    gc.freeze()  # many of these tests collect garbage, among all that pytest has loaded
    try:
        result = yield
    finally:
        gc.unfreeze()
    if _made == before:
        raise Unreached("passes without a dlbridge.Tensor: it belongs in `beside`")
    return result


def pytest_report_teststatus(report):
    """Counts what is left out apart, and quietly."""
    if report.skipped and hasattr(report, "wasxfail") and "left_out" in report.keywords:
        return "left out", ",", "LEFT OUT"
    return None
