"""The language of signatures: what it takes, what it refuses and how, and what help shows."""

import inspect
import keyword
import pydoc
import random
import re

import dlbridge
import numpy as np
import pytest

MALFORMED = {
    "x: f32[n], n: f64": "an extent too",
    # What is not understood, and the part that the error names.
    "x: f33[n]": '"f33"',
    "x: f32[n": "a shape ends with ]",
    "x: f32[n]]": '"]"',
    "x: f32[3,]": '""',
    "x: f32[-1]": '"-1"',
    "x: f32[99999999999999999999]": '"99999999999999999999"',
    "x: f32[..., ...]": '"..."',
    "x: f32[n] gpu": '"gpu"',
    "x: f32[n] c f": "said once",
    "x: f32[n] align=3": "power of two",
    "x: f32|q[n]": '"q"',
    "x: *f32": "a tensor has brackets",
    "x: **f32[n]": '"*f32"',
    "x: f16": '"f16"',
    "x: word": '"word"',
    "x": '"x"',
    "x:": '""',
    ":": '":"',
    ",": '""',
    "x: f64,": '""',
    "x: f64,, y: f64": '""',
    "x f64": '"x f64"',
    "x: f64; y: f64": '"f64; y: f64"',
    "_x: f64": '"_x: f64"',
    "é: f64": '"é: f64"',
    "x.y: f64": '"x.y: f64"',
    "x: f64, x: f64": '"x"',
    "in in x: f64": "said once",
    "out inout x: f32[n]": "said once",
    "optional optional x: f32[n]": "said once",
    "inout x: f64": "inout, new and optional are for tensors",
    "optional x: f64": "optional for str",
    "new x: f64": "for tensors",
    "out x: str": "out for tensors and numbers",
    "out s: stream": "out for tensors and numbers",
    "optional s: stream": "optional for str",
    "new x: *f32[n]": "without the asterisk",
    "optional new x: f32[n]": "not optional",
    "out x: f32[2] readonly": "not read-only",
    "inout x: f32[2] readonly": "not read-only",
    "out x: f32[n]": "must follow from the inputs",
    "out x: f32[_]": "must follow from the inputs",
    "out x: f32[...]": "must follow from the inputs",
    "out x: any[3]": "must follow from the inputs",
    "out x: f32|f64[3]": "must follow from the inputs",
    "out x: f32[n], n: f64": "must follow from the inputs",
    "out x: f32[n], n: i64 = n": "must follow from the inputs",
    "out x: f32[n], out y: f32[n]": "must follow from the inputs",
    "out x: f32[2] align=128": "at most 64 bytes",
    "x: y.dtype[n]": '"y.dtype"',
    "x: y.dtype[n], y: f32[n]": '"y.dtype"',
    "x: x.dtype[n]": '"x.dtype"',
    "x: f64, y: x.dtype[3]": '"x.dtype"',
    "x: f32[n] = 3": '"="',
    "n: i32 = 1.5": '"1.5"',
    "n: i32 = 0x10": '"0x10"',
    "n: i32 = true": '"true"',
    "n: i64 = q": '"q"',
    "n: i64 = x.size": '"x.size"',
    "n: i64 = x.foo, x: f32[...]": '"x.foo"',
    "n: i64 = x.size, x: f64": '"x.size"',
    "n: i64 = t.size, new t: f32[2]": '"t.size"',
    "n: i64 = 2 *": '""',
    "n: i64 = 99999999999999999999": '"99999999999999999999"',
    "x: f64 = true": '"true"',
    "x: f64 = n, y: f32[n]": '"n"',
    "x: bool = True": '"True"',
    "x: bool = 1": '"1"',
    "x: pointer = 0": '"0"',
    "s: stream = 0": '"0"',
    "s: str = open": '"open"',
    "out x: i32 = 3": "what C writes has no value",
    "->": '""',
    "-> f16": '"f16"',
    "-> status status": '"status status"',
    "-> void -> void": '"-> void"',
    "-> stream": '"stream"',
    "-> *f32[n]": '"*f32"',
    "-> x.dtype[n]": '"x.dtype"',
    "new t: x.dtype[n], x: f64": '"x.dtype"',
    "x: f64 -> Status": '"Status"',
}


@pytest.mark.parametrize("text", MALFORMED, ids=ascii)
def test_what_is_not_understood_is_named(text, functions):
    with pytest.raises(ValueError, match="not understood") as caught:
        dlbridge.bind(functions.nothing, text)
    part = MALFORMED[text]
    assert (part if part[0] != '"' else f"{part} in the ") in str(caught.value)


@pytest.mark.parametrize("name", [it for it in keyword.kwlist if it[0] != "_"])
def test_keywords_of_python_are_no_names(name, functions):
    with pytest.raises(ValueError, match=f"{name}, which is a keyword of Python.*say {name}_$"):
        dlbridge.bind(functions.take, f"{name}: f64")
    function = dlbridge.bind(functions.take, f"{name}_: f64")
    assert inspect.signature(function).parameters.keys() == {f"{name}_"}


WORDS = [
    "out",
    "inout",
    "new",
    "optional",
    "stream",
    "str",
    "status",
    "self",
    "n",
    "pointer",
    "f32",
]


@pytest.mark.parametrize("name", WORDS)
def test_words_of_the_language_may_be_names(name, functions):
    function = dlbridge.bind(functions.take, f"{name}: i64, x: *u8[{name}]")
    assert function(**{name: 2, "x": b"ab"}) is None
    output = dlbridge.bind(functions.take, f"out {name}: *f32[3]")
    assert output().shape == (3,)


PIECES = [
    *(
        "f32",
        "i64",
        "any",
        "u8|f32",
        "bool",
        "str",
        "stream",
        "pointer",
        "status",
        "void",
        "x.dtype",
    ),
    *(
        "[",
        "]",
        "[n]",
        "[h, w]",
        "[...]",
        "*",
        ":",
        ",",
        "=",
        "->",
        " ",
        ".",
        "x",
        "y",
        "n",
        "3",
        "-1",
    ),
    *(
        "in ",
        "out ",
        "inout ",
        "new ",
        "optional ",
        "x: ",
        "y: ",
        " c",
        " f",
        " cuda:0",
        "align=64",
    ),
    *("x.size", "size", '"', "'", "true", "1.5", "é", "\0", "\ud7ff", "(", "99999999999999999999"),
]


@pytest.mark.parametrize("seed", range(10))
def test_random_signatures_are_understood_or_refused(seed, functions):
    chance = random.Random(seed)
    understood = 0
    for _ in range(2000):
        text = "".join(chance.choices(PIECES, k=chance.randrange(12)))
        try:
            function = dlbridge.bind(functions.nothing, text)
        except (ValueError, OverflowError):
            continue
        understood += 1
        inspect.signature(function)
        pydoc.render_doc(function)
    assert understood > 20


@pytest.mark.parametrize("seed", range(5))
def test_random_arguments_of_capi_arg(seed):
    chance = random.Random(seed)
    understood = 0
    for _ in range(2000):
        text = "".join(chance.choices(PIECES, k=chance.randrange(8)))
        try:
            kind = dlbridge.capi.arg(text)
        except ValueError:
            continue
        understood += 1
        assert repr(kind).startswith("dlbridge.capi.arg(")
    assert understood > 10


SPELLINGS = [
    "src: f32[h, w], out dst: f32[h, w], factor: f64 -> status",
    "src:f32[h,w],out dst:f32[h,w],factor:f64->status",
    "in src: float32[h, w]\n, out   dst : f32 [ h , w ]\n,\tfactor: double -> status ",
    "src: f32[h, w] host, out dst: src.dtype[h, w], factor: double = 2 -> i32",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_the_same(text, functions):
    function = dlbridge.bind(functions.scale, text)
    result = function(np.ones((2, 3), np.float32), factor=2)
    assert (result if text.endswith("status ") or "status" in text else result[1]).sum() == 12


def test_parameters_without_names(functions):
    function = dlbridge.bind(functions.sum, "*f32[n], i64 = n -> f64")
    assert list(inspect.signature(function).parameters) == ["arg1"]
    assert function(np.ones(3, np.float32)) == function(arg1=np.ones(3, np.float32)) == 3


def shown(functions, signature, **options):
    return str(inspect.signature(dlbridge.bind(functions.take, signature, **options)))


SHOWN = {
    "": "()",
    "a: f32[n], b: f64": "(a, b)",
    # Required, then defaulted, then outputs by keyword.
    "out y: f32[n], k: i64 = 5, x: f32[n], m: i64": "(x, m, k=5, *, y=None)",
    "optional a: f32[n], b: f64": "(b, a=None)",
    "x: f32[n], n: i64 = n, out v: f64": "(x)",
    "x: f32[n], s: stream": "(x, *, s=None)",
    "inout x: f32[n], optional out y: f32[m]": "(x, *, y=None)",
    "new t: f32[n] -> status": "()",
    'a: f64 = 1, b: f64 = -2.5, c: bool = true, d: str = "it\'s"': (
        '(a=1.0, b=-2.5, c=True, d="it\'s")'
    ),
    "a: f64 = inf, b: f32 = nan, c: f64 = -inf": "(a=None, b=None, c=None)",
    's: str = "a, b -> c [d] = e"': "(s='a, b -> c [d] = e')",
    's: str = "\u200b\\n\u0301é"': "(s='\\u200b\\\\n\u0301é')",
}


@pytest.mark.parametrize("text", SHOWN, ids=ascii)
def test_what_inspect_shows(text, functions):
    assert (
        shown(functions, text + ("" if "->" in text and "=" not in text else " -> void"))
        == SHOWN[text]
    )


def test_what_help_shows(functions):
    function = dlbridge.bind(
        functions.scale, "src: f32[h, w], out dst: f32[h, w], factor: f64 = 2 -> status"
    )
    text = pydoc.render_doc(function, renderer=pydoc.plaintext)
    for line in [
        "scale(src, factor=2.0, *, dst=None)",
        "    src: f32[h, w]",
        "    out dst: f32[h, w]",
        "    factor: f64 = 2.0",
        "    C: int scale(const DLTensor *src, DLTensor *dst, double factor)",
    ]:
        assert line in text


PROTOTYPES = {
    "": "void f(void)",
    "x: *f32[n], n: i64 = n -> f64": "double f(const float *x, int64_t n)",
    "x: *any[n], out y: *u8[3], size_t": "void f(const void *x, uint8_t *y, size_t arg3)",
    "out n: i32, out p: pointer -> str": "const char *f(int32_t *n, void **p)",
    "new t: f32[n], s: stream, text: str -> dlbridge_status": (
        "dlbridge_status f(DLManagedTensorVersioned **t, void *s, const char *text)"
    ),
    "inout x: f32[n], c: c128 -> f32[n]": (
        "DLManagedTensorVersioned *f(DLTensor *x, double _Complex c)"
    ),
    "b: bool -> pointer": "void *f(bool b)",
}


@pytest.mark.parametrize("text", PROTOTYPES)
def test_the_declaration_in_c(text, functions):
    function = dlbridge.bind(functions.take, text, name="f")
    assert function.__doc__.splitlines()[-1] == f"C: {PROTOTYPES[text]}"


CORRECTED = {
    "source f32[h, w]": "missing ':' after parameter name 'source': write \"source: f32[h, w]\"",
    "out dst f32[h, w]": "missing ':' after parameter name 'dst': write \"out dst: f32[h, w]\"",
    "a: i64, sigma f64 = 1.5": "after parameter name 'sigma': write \"sigma: f64 = 1.5\"",
    "p *f64[n], n: long": "missing ':' after parameter name 'p': write \"p: *f64[n]\"",
    "x float[n]": "missing ':' after parameter name 'x': write \"x: f32[n]\"",
    "y: out *f64[3]": 'out stands before the name: write "out y: *f64[3]"',
    "y: optional inout f32[n]": 'optional inout stands before the name: write "optional inout y',
    "y: inout double[n]": 'inout stands before the name: write "inout y: f64[n]"',
    "const double *p, long n": 'it is a declaration of C; here it is "p: *f64[...], n: long"',
    "double total(const double *p, long n)": 'here it is "p: *f64[...], n: long -> double"',
    "void negate(double *p, long n);": 'here it is "inout p: *f64[...], n: long -> void"',
    "int twice(const DLTensor *, DLTensor *)": 'here it is "any[...], inout any[...] -> int"',
    "dlbridge_status f(const float *restrict a, float *b, size_t n, unsigned c)": 'here it is "a: '
    '*f32[...], inout b: *f32[...], n: size_t, c: uint -> dlbridge_status"',
    "const char *name(const char *who, char c)": 'here it is "who: str, c: char -> str"',
    "DLManagedTensorVersioned *make(int64_t h)": 'here it is "h: i64 -> any[...]"',
    "int into(DLManagedTensorVersioned **t, void *v)": '"new t: any[...], v: pointer -> int"',
    "void rotate(double q[4], unsigned char, unsigned long long)": '"inout q: *f64[4], uchar, '
    'ulonglong -> void"',
    "int64_t now(void)": 'here it is "-> i64"',
    "x: np.float32[n]": 'unknown type "np.float32"; did you mean "f32"?',
    "x: torch.float64[n]": 'unknown type "torch.float64"; did you mean "f64"?',
    "x: uint8_t[h, w]": 'unknown type "uint8_t"; did you mean "u8"?',
    "n: uint8_t": 'unknown type "uint8_t"; did you mean "u8"?',
    "x: double[n]": 'unknown type "double"; did you mean "f64"?',
    "*long[n]": 'unknown type "long"; did you mean "i64"?',
    "x: f8[n]": 'unknown type "f8"; did you mean "f64"?',
    "x: F32[n]": 'unknown type "F32"; did you mean "f32"?',
    "x: string": 'unknown type "string"; did you mean "str"?',
    "x: char *": 'did you mean "str"?',
    "x: void*": 'did you mean "pointer"?',
    "x: double *": 'did you mean "*f64[...]"?',
    "x: f32(n)": 'did you mean "f32[n]"?',
    "x: const f32[n]": 'did you mean "f32"?',
    "x: f32[n] -> int32_t": 'unknown type "int32_t"; did you mean "i32"?',
}


@pytest.mark.parametrize("text", CORRECTED)
def test_what_was_meant_is_said(text, functions):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        dlbridge.bind(functions.nothing, text)
    assert CORRECTED[text] in str(caught.value)
    assert f'"{text}"' in str(caught.value)


@pytest.mark.parametrize("text", CORRECTED)
def test_what_is_said_is_understood(text, functions):
    for advice in re.findall(r'(?:write|here it is) "([^"]*)"', CORRECTED[text]):
        if "out" in advice.split() and "inout" not in advice:
            advice = advice.replace("out ", "inout ")
        dlbridge.bind(functions.nothing, advice)


def test_arguments_of_ctypes_are_corrected_too():
    for text, advice in [
        ("const double *", '"*f64[...]"'),
        ("out double[n]", 'did you mean "f64"?'),
        ("x f32[n]", "missing ':' after parameter name 'x'"),
        ("x: out f32[n]", 'write "out x: f32[n]"'),
    ]:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
            dlbridge.capi.arg(text)
        assert advice in str(caught.value)


def test_a_signature_that_is_too_long_is_refused(functions):
    with pytest.raises(ValueError, match="signature has 70000 bytes; it must have 65536 at most"):
        dlbridge.bind(functions.take, "x" * 70_000)
