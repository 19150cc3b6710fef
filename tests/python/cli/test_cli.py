"""`python -m dlbridge`: matrix and doctor, run as a user would."""

import json
import os
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import dlbridge
import pytest
import toolchain
from dlbridge.cli import drawing, matrix, page, pool
from dlbridge.cli.exchange import ABSENT, COPIES, CRASHES, HANGS, SHARES, Cell, exchange
from dlbridge.cli.frameworks import FRAMEWORKS
from dlbridge.cli.table import Table

PACKAGE = Path(dlbridge.__file__).parent


def run(*arguments, check=True, environment=None):
    return toolchain.run(
        sys.executable, "-m", "dlbridge", *arguments, check=check, environment=environment
    )


def test_help_names_everything():
    text = run("--help").stdout
    for word in ("--includes", "--cflags", "--libs", "--cmakedir", "matrix", "doctor"):
        assert word in text


def test_nothing_to_do_is_an_error():
    result = run(check=False)
    assert result.returncode == 2
    assert "say what to print" in result.stderr


def test_flags_go_with_no_command():
    result = run("--libs", "doctor", check=False)
    assert result.returncode == 2
    assert "doctor takes none of the flags" in result.stderr


# matrix


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """NumPy and PyTorch, drawn in every way."""
    folder = tmp_path_factory.mktemp("matrix")
    svg, html = folder / "matrix.svg", folder / "matrix.html"
    result = run("matrix", "torch", "numpy", "--layout", "negative", "--svg", svg, "--html", html)
    return result, svg.read_text(), html.read_text()


def test_matrix_prints_a_table(drawn):
    result, _, _ = drawn
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"dlbridge {dlbridge.__version__}: a float32 array, negative")
    assert [line.split() for line in lines[2:5]] == [
        ["numpy", "torch"],
        ["numpy", "shares", "copies", "1"],
        ["torch", "-", "2", "-", "2"],
    ]
    assert "PyTorch" in result.stdout.split("\n  1  ")[1]


def test_matrix_is_plain_in_a_pipe(drawn):
    result, _, _ = drawn
    assert "\033" not in result.stdout
    assert result.stderr == ""


def test_svg_is_whole(drawn):
    _, svg, _ = drawn
    root = ElementTree.fromstring(svg)
    texts = ["".join(text.itertext()) for text in root.findall(".//{*}text")]
    assert {"NumPy", "PyTorch", "shares", "copies1", "–2"} <= set(texts)  # noqa: RUF001
    assert "prefers-color-scheme: dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_html_is_whole(drawn):
    _, _, html = drawn
    ids, links, cells = set(), set(), []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            attributes = dict(attributes)
            ids.add(attributes.get("id"))
            links.add(attributes.get("href"))
            if tag == "td":
                cells.append(attributes["class"])

    Reader().feed(html)
    assert cells == ["shares", "copies", "absent", "absent"]
    assert links - {None} == {f"#{name}" for name in ids - {None}}
    assert "prefers-color-scheme: dark" in html
    assert "http" not in html
    assert "<script" not in html


def test_matrix_as_json():
    result = run("matrix", "numpy", "--json", "--dtype", "int8")
    [cell] = json.loads(result.stdout)
    assert (cell["source"], cell["target"], cell["outcome"]) == ("numpy", "numpy", "shares")
    assert cell["problems"] == []


def test_matrix_of_unknown_frameworks():
    result = run("matrix", "nothing", check=False)
    assert result.returncode == 2
    assert "nothing is not one of numpy, torch" in result.stderr


def test_matrix_shows_progress_on_a_terminal():
    leader, follower = os.openpty()
    result = toolchain.run(
        "sh", "-c", f'"$1" -m dlbridge matrix numpy 2>{os.ttyname(follower)}', "sh", sys.executable
    )
    assert "[" in os.read(leader, 4096).decode()
    os.close(leader)
    os.close(follower)
    assert "shares" in result.stdout


def scripted(monkeypatch, *processes):
    """Let these answers stand for those of the processes, one after the other."""
    waiting = list(processes)
    monkeypatch.setattr(pool, "_process", lambda imports, todo: waiting.pop(0)(imports, todo))
    return waiting


def cell(case, outcome=SHARES):
    return Cell(*case, outcome)


SEGV = (CRASHES, "killed by SIGSEGV")


def test_a_crash_is_a_cell(monkeypatch):
    todo = pool.cases(("numpy", "torch"), [("int8", "contiguous"), ("int8", "0-d")])
    left = scripted(
        monkeypatch,
        lambda imports, todo: (True, "", [cell(todo[0])], SEGV),
        lambda imports, todo: (True, "", [cell(case) for case in todo], None),
    )
    answers = pool.run_pair(("numpy", "torch"), todo)
    assert not left
    assert [found.outcome for found in answers.cells] == [SHARES, CRASHES, SHARES, SHARES]
    assert answers.cells[1].reason == "killed by SIGSEGV"
    assert [(c.source, c.target, c.dtype, c.layout) for c in answers.cells] == todo


def test_a_crash_at_import_tries_the_other_order(monkeypatch):
    seen = []

    def process(imports, todo):
        seen.append(imports)
        if imports[0] == "tensorflow":
            return False, "", [], SEGV
        return True, "", [cell(case) for case in todo], None

    scripted(monkeypatch, process, process)
    pair = ("tensorflow", "paddle")
    answers = pool.run_pair(pair, pool.cases(pair, [("int8", "contiguous")]))
    assert seen == [pair, pair[::-1]]
    assert [found.outcome for found in answers.cells] == [SHARES, SHARES]
    assert "importing TensorFlow before PaddlePaddle crashes" in answers.notes[0]


def test_a_crash_at_import_in_both_orders(monkeypatch):
    scripted(monkeypatch, *[lambda imports, todo: (False, "", [], SEGV)] * 2)
    pair = ("numpy", "torch")
    answers = pool.run_pair(pair, pool.cases(pair, [("int8", "contiguous")]))
    assert [found.outcome for found in answers.cells] == [CRASHES, CRASHES]


def test_a_process_that_hangs(monkeypatch):
    monkeypatch.setattr(pool, "_STARTUP_SECONDS", -0.99)
    answers = pool.run_pair(("numpy",), pool.cases(("numpy",), [("int8", "contiguous")]))
    assert [found.outcome for found in answers.cells] == [HANGS]
    assert "no answer within 0 s" in answers.cells[0].reason


def test_a_broken_promise_says_what_the_framework_said(monkeypatch):
    def refuse(*arguments, **options):
        raise BufferError("PyTorch does not take it: its cache is locked")

    monkeypatch.setattr(dlbridge, "convert", refuse)
    found = exchange(FRAMEWORKS["numpy"], FRAMEWORKS["torch"], "int8", "contiguous")
    assert "refuses (PyTorch does not take it: its cache is locked), but plan" in found.problems[0]


def test_a_busy_machine_is_no_hang(monkeypatch):
    monkeypatch.setattr(pool, "_STARTUP_SECONDS", -0.99)
    monkeypatch.setattr(os, "getloadavg", lambda: (6e4 * os.cpu_count(), 0, 0))
    answers = pool.run_pair(("numpy",), pool.cases(("numpy",), [("int8", "contiguous")]))
    assert [(found.outcome, found.problems) for found in answers.cells] == [(SHARES, [])]


def test_a_framework_that_cannot_be_imported(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no such luck')\n")
    result = run("matrix", "numpy", "torch", environment={"PYTHONPATH": python_path(tmp_path)})
    assert "PyTorch cannot be imported: no such luck" in result.stdout


def test_a_framework_that_dies(tmp_path):
    (tmp_path / "torch.py").write_text("import os\nos.abort()\n")
    environment = {"PYTHONPATH": python_path(tmp_path)}
    result = run("matrix", "numpy", "torch", environment=environment, check=False)
    assert result.returncode == 1
    assert "killed by SIGABRT" in result.stdout


def test_every_framework_of_the_catalogue_is_known():
    catalogue = dlbridge._dlbridge._catalogue()
    assert tuple(name for name, *_ in catalogue) == dlbridge.frameworks()
    peers = [entry for entry in catalogue if entry[0] != "dlbridge"]
    assert len(peers) == len(catalogue) - 1
    assert [
        (name, framework.title, framework.module, framework.distributions)
        for name, framework in FRAMEWORKS.items()
    ] == peers
    assert all(title and module and distributions for _, title, module, distributions in catalogue)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_modules_and_distributions_are_those_of_the_index(name):
    if not pool.installed([name]):
        pytest.skip(f"{name} is not installed")
    assert pool.version(name)


def python_path(first):
    return os.pathsep.join([str(first), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture
def everything():
    """A table with every outcome, and with words that need escaping."""
    names = list(FRAMEWORKS)
    outcomes = [SHARES, COPIES, ABSENT, CRASHES, HANGS]
    answers = pool.Answers(notes=["a < b & c"])
    for number, (source, target) in enumerate((s, t) for s in names for t in names):
        outcome = outcomes[number % len(outcomes)]
        reason = "" if outcome == SHARES else f'<reason> "{number}" & more'
        answers.cells.append(Cell(source, target, "int8", "0-d", outcome, reason, ["<broken>"]))
    return Table(names, "int8", "0-d", answers)


def test_pictures_escape_their_words(everything):
    ElementTree.fromstring(drawing.svg(everything))
    assert "<reason>" not in page.html(everything)
    assert "<broken>" not in page.html(everything)


def test_text_has_colours_for_a_terminal(everything):
    plain = matrix.text(everything)
    coloured = matrix.text(everything, colour=True)
    assert "\033[32mshares\033[0m" in coloured
    assert "\033" not in plain
    assert max(map(len, plain.splitlines())) < 160


# doctor


@pytest.fixture(scope="module")
def examined():
    return run("doctor", "--json", check=False)


def test_doctor_finds_nothing_wrong(examined):
    report = json.loads(examined.stdout)
    assert report["wrong"] == []
    assert examined.returncode == 0
    assert report["versions"]["dlbridge"] == report["library"]["version"] == dlbridge.__version__
    assert report["versions"]["DLPack"] == "1.3"


def test_doctor_finds_the_frameworks(examined):
    frameworks = {found["name"]: found for found in json.loads(examined.stdout)["frameworks"]}
    assert list(frameworks) == pool.installed()
    assert frameworks["numpy"]["protocols"] == [
        "DLPack",
        "array interface",
        "array struct",
        "buffer",
    ]
    assert frameworks["torch"]["protocols"] == ["DLPack", "DLPack C exchange"]
    assert "DLPack before 1.0" in frameworks["jax"]["protocols"]


# Runs doctor with these folders on the path, and no installed packages.
BARE = """
import runpy, sys
folders = sys.argv[1:]
sys.path[:] = folders + [path for path in sys.path if path and "site-packages" not in path]
sys.argv = ["dlbridge", "doctor"]
runpy.run_module("dlbridge", run_name="__main__")
"""


@pytest.fixture
def bare(tmp_path):
    """A folder with a copy of the package, and what runs doctor with hardly anything
    else on the path."""
    folder = tmp_path / "bare"
    shutil.copytree(PACKAGE, folder / "dlbridge")

    def doctor(*others):
        command = sys.executable, "-S", "-c", BARE, folder, *others
        # The processes that doctor starts find the same.
        path = os.pathsep.join(map(str, [folder, *others]))
        environment = {"PYTHONPATH": path, "PYTHONNOUSERSITE": "1"}
        return toolchain.run(*command, check=False, environment=environment)

    return folder, doctor


def test_doctor_without_anything(bare):
    _, doctor = bare
    result = doctor()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "none is installed" in result.stdout
    assert "NumPy is not installed" in result.stdout
    assert "Nothing is wrong." in result.stdout


FAKE = """
const char *dlbridge_version(void) { return "9.8.7"; }
unsigned dlbridge_abi_version(void) { return 99; }
"""


def test_doctor_with_another_library(bare, tmp_path):
    folder, doctor = bare
    [library] = folder.glob("dlbridge/lib/libdlbridge.so.*")
    names = ["dlbridge_version", "dlbridge_abi_version"]
    from dlbridge import capi

    stubs = "".join(f"void {name}(void) {{}}\n" for name in capi.FUNCTIONS if name not in names)
    (tmp_path / "fake.c").write_text(FAKE + stubs)
    toolchain.run(*toolchain.c_compiler(), "-shared", "-fPIC", tmp_path / "fake.c", "-o", library)
    result = doctor()
    assert result.returncode == 1
    assert f"libdlbridge is 9.8.7 ({library}), but the Python module is" in result.stdout
    assert "ABI version 99" in result.stdout


def test_doctor_without_the_library(bare):
    folder, doctor = bare
    shutil.rmtree(folder / "dlbridge/lib")
    result = doctor()
    assert result.returncode == 1
    assert "the C library cannot be loaded" in result.stdout


def test_doctor_with_a_second_package(bare, tmp_path):
    _, doctor = bare
    (tmp_path / "dlbridge").mkdir()
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "dlbridge/__init__.py")
    result = doctor(tmp_path)
    assert result.returncode == 1
    assert "there are 2 packages dlbridge on sys.path" in result.stdout


def test_doctor_with_frameworks_that_fail(bare):
    folder, doctor = bare
    (folder / "torch.py").write_text("raise ImportError('no such luck')\n")
    (folder / "jax.py").write_text("import os\nos.abort()\n")
    result = doctor()
    assert result.returncode == 1
    assert "PyTorch is installed, but cannot be imported: no such luck" in result.stdout
    assert "JAX is installed, but dies at its import: killed by SIGABRT" in result.stdout
