"""The examples run and do what they say, and the README shows them as they are."""

import re
import sys

import pytest
import toolchain
from PIL import Image

EXAMPLES = toolchain.ROOT / "examples"
DEMO = EXAMPLES / "demo"


def run_demo(folder, filters=DEMO / "filters.c"):
    flags = ["-shared", "-fPIC", f"-I{DEMO}"]
    library = toolchain.compile(filters, output=folder / "libfilters.so", flags=flags)
    picture = folder / "new folder" / "demo.png"
    command = [sys.executable, DEMO / "demo.py", library, picture]
    return toolchain.run(*command, check=False), picture


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    result, picture = run_demo(tmp_path_factory.mktemp("demo"))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout, picture


def test_demo_draws_a_picture(demo):
    with Image.open(demo[1]) as picture:
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(picture.width * picture.height)) > 1000


@pytest.mark.parametrize(
    ("exchange", "same", "copied"),
    [
        ("NumPy array → C", "yes", "0"),
        ("NumPy, transposed → C", "yes", "0"),
        ("NumPy, halved and flipped → C", "yes", "0"),
        ("torch tensor → C", "yes", "0"),
        ("torch, transposed → C", "yes", "0"),
        ("torch, green channel → C", "yes", "0"),
        ("C picture → np.from_dlpack", "yes", "0"),
        ("C picture → torch.from_dlpack", "yes", "0"),
        ("NumPy array → torch", "yes", "0"),
        ("torch tensor → NumPy", "yes", "0"),
        ("NumPy, flipped → torch, copied", "no", "405,900"),
    ],
)
def test_demo_table(demo, exchange, same, copied):
    row = rf"^ *{re.escape(exchange)} +{same} +{copied} +[0-9.]+ µs *$"
    assert re.search(row, demo[0], re.MULTILINE), demo[0]


def test_demo_says_why_it_refuses(demo):
    assert re.search("^  NumPy, flipped → torch: .*negative", demo[0], re.MULTILINE)
    assert re.search("^  NumPy, float32 → C: .*float32.*uint8", demo[0], re.MULTILINE)


def test_demo_fails_if_c_draws_something_else(tmp_path):
    wrong = tmp_path / "filters.c"
    source = (DEMO / "filters.c").read_text()
    wrong.write_text(source.replace("255 - pencil", "254 - pencil"))
    assert wrong.read_text() != source
    result, picture = run_demo(tmp_path, wrong)
    assert result.returncode == 1
    assert "C and NumPy differ" in result.stderr
    assert not picture.exists()


def test_first_py():
    toolchain.run(sys.executable, EXAMPLES / "first.py")


@pytest.mark.parametrize("link", ["shared", "static"])
def test_first_c(tmp_path, link):
    program = toolchain.compile(EXAMPLES / "first.c", output=tmp_path / "first", link=link)
    assert toolchain.run(program).stdout.splitlines() == [
        "float32 [3, 2] with strides [1, 3] on cpu",
        "pixels[1][2] is 60",
        "nobody uses the pixels any more",
    ]


def test_bind_filters(tmp_path):
    flags = ["-shared", "-fPIC"]
    source = EXAMPLES / "bind" / "filters.c"
    library = toolchain.compile(
        source, output=tmp_path / "libfilters.so", link="nothing", flags=[*flags, "-lm"]
    )
    lines = toolchain.run(sys.executable, EXAMPLES / "bind" / "filters.py", library).stdout
    blurred = "[0.   0.   0.06 0.3  0.7  0.94 1.   1.  ]"
    assert lines.splitlines() == [
        f"ndarray {blurred}",
        f"Tensor {blurred}",
        f"ArrayImpl {blurred}",
        "torch column [0.04 0.1  0.22 0.4  0.6  0.78 0.9  0.96]",
        "histogram {1: 1, 2: 2, 255: 1}",
        "blur(): argument 1 (src): expected f32[h, w], got numpy.ndarray float64 [1, 8] with "
        "strides [8, 1] on cpu: dtype is float64, expected float32",
        "blur(): sigma must be above 0 (status 1)",
    ]


def test_bind_any_library():
    lines = toolchain.run(sys.executable, EXAMPLES / "bind" / "any_library.py").stdout
    assert lines.splitlines()[:2] == ["crc32 True", "erf 0.5205"]
    assert "C order" in lines.splitlines()[2]


LANGUAGES = {".c": "c", ".cpp": "cpp", ".py": "python"}


@pytest.mark.parametrize(
    "name",
    [
        "first.c",
        "first.py",
        "bind/any_library.py",
        "cuda.c",
        "c/filter.c",
        "c/producer.c",
        "c/embed.c",
        "cpp/vector.cpp",
        "cpp/image.cpp",
        "cpp/stencil.cpp",
    ],
)
def test_readme_quotes(name):
    readme = (toolchain.ROOT / "README.md").read_text()
    language = LANGUAGES[(EXAMPLES / name).suffix]
    assert f"```{language}\n{(EXAMPLES / name).read_text()}```\n" in readme
