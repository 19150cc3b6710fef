"""What tests/support/suites.py does with a suite, shown on one of four tests."""

import sys

import pytest
import toolchain

FOREIGN = """
import numpy as np
import pytest

def test_passes():
    assert np.asarray([1]).sum() == 1

def test_fails():
    assert np.asarray([1]).sum() == 2

@pytest.mark.parametrize("number", (number for number in (1, 2)))
def test_some(number):
    assert np.asarray([number]).sum() == 1

def test_alone():
    pass
"""

SUITES = """
import numpy as np
import suites

def change(tests):
    tests.np = suites.Patched(np, asarray=lambda x: suites.tensor(np.array(x)).numpy())

"""

SUITE = """
Test{name} = suites.suite(
    "{module}",
    change,
    install="it is on no index",
    beside={{"one reason": {beside}}},
    left_out={{"another": {left_out}}},
)
"""

EXACT = ["test_fails", "test_some[2]"]

# The names of suites, and what is wrong with their lists: the failure that shows it.
WRONG = {
    "Exact": ({"left_out": EXACT}, None),
    "WithoutAFailure": ({"left_out": ["test_fails"]}, "test_some[2]"),
    "WithAParameterThatPasses": ({"left_out": ["test_fails", "test_some"]}, "test_some[1]"),
    "WithATestThatPasses": ({"left_out": [*EXACT, "test_passes"]}, "test_passes"),
    "WithATestApart": ({"left_out": EXACT, "beside": []}, "test_alone"),
    "WithATestApartLeftOut": ({"left_out": [*EXACT, "test_alone"], "beside": []}, "test_alone"),
    "WithAParameterThatIsGone": ({"left_out": [*EXACT, "test_some[3]"]}, "test_lists_are_exact"),
    "WithATestThatIsGone": (
        {"left_out": EXACT, "beside": ["test_alone", "test_gone"]},
        "test_lists_are_exact",
    ),
    "Nowhere": ({"left_out": EXACT, "module": "nowhere.tests.test_x"}, None),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs these suites, or one test of them, and returns what pytest prints."""
    folder = tmp_path_factory.mktemp("suites")
    (folder / "foreign.py").write_text(FOREIGN)
    (folder / "conftest.py").write_text((toolchain.ROOT / "tests/conftest.py").read_text())
    (folder / "pytest.ini").write_text(
        f"[pytest]\nstrict = true\naddopts = -ra\npythonpath = . {toolchain.SUPPORT}\n"
    )
    usual = {"module": "foreign", "beside": ["test_alone"]}
    suites = [SUITE.format(name=name, **usual | lists) for name, (lists, _) in WRONG.items()]
    (folder / "test_all.py").write_text(SUITES + "".join(suites))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", folder / "pytest.ini"]

    def run(select=""):
        return toolchain.run(*command, f"{folder / 'test_all.py'}{select}", check=False).stdout

    return run


@pytest.fixture(scope="module")
def output(run):
    return run()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_list_is_a_failure(name, output):
    start = f"test_all.py::Test{name}::"
    failures = [
        line.partition(start)[2].partition(" - ")[0]
        for line in output.splitlines()
        if line.startswith("FAILED") and start in line
    ]
    wrong = WRONG[name][1]
    assert failures == ([wrong] if wrong else []), output


def test_what_is_left_out_is_only_counted(output):
    assert "XFAIL" not in output
    assert "left out" in output.splitlines()[-1]


def test_a_suite_that_is_not_there_is_skipped_by_name(output):
    assert "SKIPPED" in output
    assert "nowhere.tests.test_x is not there; it is on no index" in output


def test_one_test_of_a_suite_can_be_run(run):
    output = run("::TestExact::test_some[2]")
    assert output.splitlines()[-1].startswith("1 left out")
