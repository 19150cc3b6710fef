"""A bound function looks and behaves as functions of Python do."""

import copy
import functools
import gc
import inspect
import pickle
import pydoc
import subprocess
import sys
import types
import weakref
from typing import Annotated, Any

import dlbridge
import numpy as np
import pytest

SCALE = "src: f32[h, w], out dst: f32[h, w], factor: f64 = 2 -> status"


@pytest.fixture
def scale(functions):
    return dlbridge.bind(functions.scale, SCALE)


def test_it_says_what_it_is(scale):
    assert repr(scale) == str(scale) == "<dlbridge function scale(src, factor=2.0, *, dst=None)>"
    assert (scale.__name__, scale.__qualname__, scale.__module__) == ("scale", "scale", __name__)
    assert str(inspect.signature(scale)) == "(src, factor=2.0, *, dst=None)"
    assert scale.__doc__.startswith(
        "src: f32[h, w]\nout dst: f32[h, w]\nfactor: f64 = 2.0\n\nC: int scale("
    )
    text = pydoc.plain(pydoc.render_doc(scale))
    assert "scale(src, factor=2.0, *, dst=None)" in text
    assert "C: int scale(" in text
    assert callable(scale)
    assert inspect.isroutine(scale)


def test_a_stub_gives_its_name_and_module(functions):
    class Library:
        def scale(
            self,
            src: Annotated[Any, "f32[h, w]"],
            dst: Annotated[Any, "out f32[h, w]"],
            factor: float,
        ) -> Annotated[Any, "status"]:
            """Scales."""

    bound = dlbridge.bind(functions, Library).scale
    assert bound.__qualname__.endswith(
        "test_a_stub_gives_its_name_and_module.<locals>.Library.scale"
    )
    assert (bound.__module__, bound.__name__) == (__name__, "scale")
    assert bound.__doc__.startswith("Scales.\n")
    named = dlbridge.bind(functions.scale, SCALE, name="other")
    assert (named.__name__, named.__qualname__) == ("other", "other")


def test_wrappers_look_like_it(scale):
    @functools.wraps(scale)
    def wrapper(*arguments):
        return scale(*arguments)

    assert inspect.signature(wrapper) == inspect.signature(scale)
    assert (wrapper.__doc__, wrapper.__module__) == (scale.__doc__, __name__)


def test_defaults_of_all_kinds_are_in_the_signature(functions):
    text = 'a: i64 = -3, b: bool = true, c: str = "x\\ny", d: f64 = inf, optional e: f32[n]'
    function = dlbridge.bind(functions.nothing, text.replace("\\n", "'"))
    signature = inspect.signature(function)
    defaults = [it.default for it in signature.parameters.values()]
    assert defaults == [-3, True, "x'y", None, None]


def test_in_a_class_it_is_no_method(functions):
    class Holder:
        nothing = dlbridge.bind(functions.nothing, "")

    assert Holder().nothing() is None
    assert Holder.nothing is Holder().nothing


def test_copies_are_the_function_itself(scale):
    assert copy.copy(scale) is scale
    assert copy.deepcopy([scale])[0] is scale


PICKLED = """
import ctypes, pickle, sys
import dlbridge

module = sys.modules["filters"] = type(sys)("filters")
exec('''
import ctypes, dlbridge
cos = dlbridge.bind(ctypes.CDLL("libm.so.6").cos, "x: f64 -> f64")
''', module.__dict__)
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    assert pickle.loads(pickle.dumps(module.cos, protocol)) is module.cos
"""


def test_what_has_a_name_in_a_module_is_pickled_by_it():
    subprocess.run([sys.executable, "-c", PICKLED], check=True)


def test_what_has_none_is_not_pickled(scale):
    with pytest.raises((pickle.PicklingError, AttributeError), match="<dlbridge function scale"):
        pickle.dumps(scale)


def test_it_is_collected_as_others_are(functions):
    function = dlbridge.bind(functions.nothing, "")
    gone = weakref.ref(function)
    assert gone() is function
    holder = types.SimpleNamespace(function=function)
    holder.itself = holder
    del function, holder
    gc.collect()
    assert gone() is None


def test_its_class_makes_no_others(scale):
    kind = type(scale)
    assert (kind.__module__, kind.__name__) == ("dlbridge", "BoundFunction")
    with pytest.raises(TypeError, match="cannot create"):
        kind()
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (kind,), {})
    with pytest.raises(TypeError, match="immutable"):
        kind.__call__ = None


def test_it_keeps_attributes_as_functions_do(functions):
    function = dlbridge.bind(functions.nothing, "")
    function.itself, function.note = function, "a note"
    assert (function.itself.note, function.__module__) == ("a note", __name__)
    gone = weakref.ref(function)
    del function
    gc.collect()
    assert gone() is None


def test_call_with_names_that_are_no_texts(scale):
    with pytest.raises(TypeError, match="keywords must be strings"):
        scale.__call__(**{1: 2})


def test_all_ways_to_call_it(scale):
    x = np.ones((2, 3), np.float32)
    for result in [
        scale(x),
        scale(*[x], **{"factor": 2}),
        scale.__call__(x),
        scale.__call__(x, factor=2),
        scale.__call__(src=x, factor=2),
        functools.partial(scale, factor=2)(x),
        next(map(scale, [x])),
    ]:
        assert (result == 2).all()
