"""The floor plan of the sources: an import runs only downward, and no file is in a circle."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "bindings/python/src"
CORE = ROOT / "src"

# From the ground up. What lib.rs registers is above all.
FLOORS = ["support", "values", "protocols", "frameworks", "engine", "api", "bind"]

# Circles that are still to be broken, by the files in them. None may be added.
CIRCLES: dict[str, list[list[str]]] = {
    "bindings/python/src": [
        [
            "frameworks/torch/bounds.rs",
            "frameworks/torch/functions.rs",
            "frameworks/torch/hooks.rs",
            "frameworks/torch/read.rs",
            "frameworks/torch/state.rs",
            "frameworks/torch/versions.rs",
        ],
    ],
    "src": [],
}

# What is no code: comments, strings (raw ones too) and characters, of which '"' opens no string.
_NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\br(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^'\\])'""", re.S
)
_TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ (?=\{)")
_PATH = re.compile(r"(?<![\w:])(\w+(?:::\w+)*)(?:::(\{|\*))?")
_ROOTS = ("crate", "super", "self")


def code(file: Path) -> str:
    """The text without comments, strings and tests."""
    text = _NO_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), file.read_text())
    while match := _TESTS.search(text):
        end = match.end() + len(braces(text, match.end()))
        text = text[: match.start()] + "\n" * text.count("\n", match.start(), end) + text[end + 2 :]
    return text


def braces(text: str, start: int) -> str:
    """What is between the brace at `start` and the one that closes it."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    return text[start + 1 :]


def split(group: str) -> list[str]:
    """The parts of `a, b::{c, d}, e`."""
    parts, depth, last = [], 0, ""
    for letter in group:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(last.strip())
            last = ""
        else:
            last += letter
    return [part for part in [*parts, last.strip()] if part]


def expand(path: str) -> Iterator[list[str]]:
    """`a::{b, c::d}` as `[a, b]` and `[a, c, d]`."""
    head, brace, _ = path.partition("{")
    names = [name for name in re.split(r"::|\s+as\s+\w+|\s+", head.strip()) if name]
    if not brace:
        yield names
        return
    for part in split(braces(path, len(head))):
        for tail in expand(part):
            yield names + tail


def module(root: Path, file: Path) -> list[str]:
    parts = list(file.relative_to(root).with_suffix("").parts)
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def absolute(own: list[str], names: list[str]) -> list[str]:
    """A path in the module `own`, from the root of the crate."""
    here = [] if names[0] == "crate" else list(own)
    for name in names:
        if name == "super":
            here = here[:-1]
        elif name not in ("crate", "self", "*"):
            here = [*here, name]
    return here


class Tree:
    """The files of a crate, and which imports which."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {
            tuple(module(root, file)): file
            for file in sorted(root.rglob("*.rs"))
            if file.name != "tests.rs"
        }
        self.imports: dict[Path, dict[Path, tuple[int, str]]] = {}
        for file in self.files.values():
            found = self.imports.setdefault(file, {})
            for line, path in self.paths(file):
                target = self.target(path)
                if target is not None and target != file:
                    found.setdefault(target, (line, "::".join(path)))

    def paths(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        """Each path in the code, from the root of the crate."""
        text = code(file)
        own = module(self.root, file)
        for match in _PATH.finditer(text):
            first = match[1].partition("::")[0]
            is_ours = first in _ROOTS or (*own, first) in self.files
            if not is_ours or "::" not in match[0]:  # `self`, `pub(super)`
                continue
            whole = match[0]
            if match[2] == "{":
                whole = match[1] + "::{" + braces(text, match.end() - 1) + "}"
            line = text.count("\n", 0, match.start()) + 1
            for names in expand(whole):
                yield line, absolute(own, names)

    def target(self, path: list[str], depth: int = 0) -> Path | None:
        """The file that defines what a path names: `mod.rs` may hand it on."""
        for length in range(len(path), 0, -1):
            file = self.files.get(tuple(path[:length]))
            if file is None:
                continue
            rest = path[length:]
            if rest and file.name == "mod.rs" and depth < 8:
                for names in self.handed_on(file):
                    if names[-1] == rest[0]:
                        return self.target([*names, *rest[1:]], depth + 1)
            return file
        return None

    def handed_on(self, file: Path) -> Iterator[list[str]]:
        """The paths of `pub use` and `use`, from the root of the crate."""
        own = module(self.root, file)
        for match in re.finditer(r"^(?:pub(?:\([^)]*\))? )?use ([^;]+);", code(file), re.M):
            for names in expand(match[1]):
                yield absolute(own, names)

    def circles(self) -> list[list[str]]:
        """The files that import each other, directly or through others."""
        reach: dict[Path, set[Path]] = {}
        for start in self.imports:
            seen, todo = set(), [start]
            while todo:
                for target in self.imports.get(todo.pop(), {}):
                    if target not in seen:
                        seen.add(target)
                        todo.append(target)
            reach[start] = seen
        circles = {
            frozenset(other for other in reach[file] if file in reach[other])
            for file in reach
            if file in reach[file]
        }
        return sorted(sorted(str(f.relative_to(self.root)) for f in circle) for circle in circles)

    def upward(self) -> list[str]:
        """The imports that run to a higher floor."""

        def floor(file: Path) -> int:
            top = file.relative_to(self.root).parts[0]
            return FLOORS.index(top) if top in FLOORS else len(FLOORS)

        return [
            f"{file.relative_to(self.root)}:{line} imports {path}, of a higher floor"
            for file, targets in self.imports.items()
            for target, (line, path) in targets.items()
            if floor(target) > floor(file)
        ]


def test_an_import_runs_only_downward() -> None:
    assert not Tree(EXTENSION).upward()


@pytest.mark.parametrize("folder", CIRCLES)
def test_no_other_file_is_in_a_circle(folder: str) -> None:
    found, known = Tree(ROOT / folder).circles(), CIRCLES[folder]
    new = [circle for circle in found if circle not in known]
    gone = [circle for circle in known if circle not in found]
    assert not new, f"circles of files that CIRCLES does not have: {new}"
    assert not gone, f"these are no circles any more; take them off CIRCLES: {gone}"


def test_the_plan_is_that_of_the_documents() -> None:
    """Floors stand in the order of FLOORS, and each file that is named is there."""
    text = (ROOT / "docs/architecture.md").read_text()
    assert re.findall(r"^\| `(\w+)/` \|", text, re.M) == FLOORS
    head = re.findall(r"^//! - `(\w+)`:", (EXTENSION / "lib.rs").read_text(), re.M)
    assert head == FLOORS
    for place in (text, (ROOT / "CONTRIBUTING.md").read_text()):
        for name in re.findall(r"`([\w/]+\.(?:rs|py|md|cpp|cu))`", place):
            assert any(name in str(file) for file in sources()), f"{name} is nowhere"


def sources() -> list[Path]:
    folders = ("src", "bindings", "tests", "docs", "benches", "examples")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.*")]
    return [*files, *ROOT.glob("*.*")]


def test_an_upward_import_and_a_circle_are_found(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod support;\nmod engine;",
        "support/mod.rs": "pub mod a;\nmod b;\npub use b::f;",
        "support/a.rs": "use super::{f};\nuse crate::engine::{copy::Copy, x};\n",
        "support/b.rs": "// use crate::engine::copy\nfn f() { crate::support::a::g() }",
        "support/c.rs": "#[cfg(test)]\nmod tests;\nconst C: char = '\"';\nuse super::d::D; // \"",
        "support/d.rs": "#[cfg(test)]\nmod t { use crate::engine::x; }\nuse super::c::C;",
        "support/tests.rs": "use crate::engine::copy;",
        "support/e.rs": "mod f;\nuse f::F;\npub(super) struct E;",
        "support/e/f.rs": "use super::E;",
        "engine/mod.rs": "pub mod copy;",
        "engine/copy.rs": "pub struct Copy;",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    tree = Tree(tmp_path)
    assert [text.split()[0] for text in tree.upward()] == ["support/a.rs:2"] * 2
    assert "support/a.rs:2 imports engine::copy::Copy, of a higher floor" in tree.upward()
    assert tree.circles() == [
        ["support/a.rs", "support/b.rs"],
        ["support/c.rs", "support/d.rs"],
        ["support/e.rs", "support/e/f.rs"],
    ]
