"""dlbridge.capi says of the C ABI exactly what the header says.

The header is read by a C parser, pycparser, which knows where a pointer, a
`const` or a function type belongs; sizes, offsets and the values of constants
come from a compiled program.
"""

import ctypes
import enum
import re
import shutil

import dlbridge
import pytest
import toolchain
from dlbridge import capi
from pycparser import CParser, c_ast

from bindings.python import generate_capi

PREFIX = "DLBRIDGE_"
SCALARS = {
    "_Bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "ptrdiff_t": ctypes.c_ssize_t,
    "size_t": ctypes.c_size_t,
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "dlbridge_status": ctypes.c_int32,
    "DLDeviceType": ctypes.c_int32,
    "void": None,
}
# For implementations of __dlpack_c_exchange_api__ alone; no function takes them.
NOT_FOR_CTYPES = {"DLPackExchangeAPI", "DLPackExchangeAPIHeader"}


def preprocess(*flags):
    source = '#include "dlbridge/dlbridge.h"\n'
    command = [*toolchain.c_compiler(), "-std=c99", "-E", f"-I{toolchain.INCLUDE}", *flags]
    return toolchain.run("sh", "-c", 'printf "%s" "$0" | "$@" -x c -', source, *command).stdout


@pytest.fixture(scope="module")
def header():
    # What the C library's own headers have beyond C99, and our static assertions.
    text = preprocess("-P", "-D__attribute__(x)=", "-D__extension__=", "-D__asm__(x)=")
    lines = [line for line in text.splitlines() if "dlbridge_assert_" not in line]
    return CParser().parse("\n".join(lines))


@pytest.fixture(scope="module")
def functions(header):
    declarations = (node for node in header.ext if isinstance(node, c_ast.Decl) and node.name)
    return {
        node.name: (to_ctypes(node.type.type), to_arguments(node.type))
        for node in declarations
        if isinstance(node.type, c_ast.FuncDecl) and node.name.startswith("dlbridge_")
    }


@pytest.fixture(scope="module")
def structs(header):
    """The fields of each struct, as `_fields_` has them."""
    return {
        node.name: [(field.name, to_ctypes(field.type)) for field in node.type.type.decls]
        for node in header.ext
        if isinstance(node, c_ast.Typedef)
        and isinstance(node.type, c_ast.TypeDecl)
        and isinstance(node.type.type, c_ast.Struct)
        and re.match("DL|dlbridge_", node.name)
        and node.name not in NOT_FOR_CTYPES
    }


@pytest.fixture(scope="module")
def enumerators(header):
    """The names of the constants of each enum."""
    found = {}
    for node in header.ext:
        name, enum_node = getattr(node, "name", None), node.type
        while not isinstance(enum_node, c_ast.Enum) and hasattr(enum_node, "type"):
            enum_node = enum_node.type
        if isinstance(enum_node, c_ast.Enum) and enum_node.values:
            found[enum_node.name or name] = [value.name for value in enum_node.values.enumerators]
    return found


@pytest.fixture(scope="module")
def macros():
    """The names of the constants that are macros."""
    return re.findall(r"^#define ((?:DLBRIDGE|DLPACK)_\w+) \S", preprocess("-dM"), re.MULTILINE)


@pytest.fixture(scope="module")
def measured(structs, enumerators, macros, tmp_path_factory):
    """What a compiled program says: sizes, offsets and values, by expression."""
    expressions = [*macros, *(name for names in enumerators.values() for name in names)]
    for name, fields in structs.items():
        expressions.append(f"sizeof({name})")
        for field, _ in fields:
            expressions.append(f"offsetof({name}, {field})")
            expressions.append(f"sizeof((({name} *)0)->{field})")
    prints = "\n".join(f'printf("%lld\\n", (long long)({each}));' for each in expressions)
    folder = tmp_path_factory.mktemp("measured")
    source = folder / "measure.c"
    source.write_text(
        "#include <dlbridge/dlbridge.h>\n#include <stdio.h>\n"
        f"int main(void) {{\n{prints}\nreturn 0;\n}}\n"
    )
    program = toolchain.compile(source, output=folder / "measure", link="nothing")
    numbers = toolchain.run(program).stdout.split()
    return dict(zip(expressions, map(int, numbers), strict=True))


def to_ctypes(node):
    """The ctypes type of a declaration in the header."""
    match node:
        case c_ast.TypeDecl(type=c_ast.IdentifierType(names=[name])) if name in SCALARS:
            return SCALARS[name]
        case c_ast.TypeDecl(type=c_ast.IdentifierType(names=[name]) | c_ast.Struct(name=name)):
            return getattr(capi, name)
        case c_ast.ArrayDecl():
            return to_ctypes(node.type) * int(node.dim.value)
        case c_ast.PtrDecl(type=c_ast.FuncDecl() as function):
            return ctypes.CFUNCTYPE(to_ctypes(function.type), *to_arguments(function))
        case c_ast.PtrDecl():
            target = to_ctypes(node.type)
            if target is None:
                return ctypes.c_void_p
            if target is ctypes.c_char and "const" in node.type.quals:
                return ctypes.c_char_p
            return ctypes.POINTER(target)
    raise AssertionError(f"not understood: {node}")


def to_arguments(function):
    types = tuple(to_ctypes(parameter.type) for parameter in function.args.params)
    return () if types == (None,) else types


def test_every_function_is_in_the_table_and_no_other(functions):
    assert len(functions) > 30
    assert list(capi.FUNCTIONS) == list(functions)


def test_results_and_arguments(functions):
    assert dict(capi.FUNCTIONS) == functions


def test_exported_symbols_are_the_functions():
    output = toolchain.run("nm", "-D", "--defined-only", capi.LIBRARY).stdout
    assert {line.split()[-1] for line in output.splitlines()} == set(capi.FUNCTIONS)


def test_prototypes_are_applied():
    for name, (result, arguments) in capi.FUNCTIONS.items():
        function = getattr(capi.lib, name)
        assert function.restype is result
        assert tuple(function.argtypes) == arguments


def test_every_struct_is_there(structs):
    here = [
        name
        for name in capi.__all__
        if isinstance(getattr(capi, name), type)
        and issubclass(getattr(capi, name), ctypes.Structure)
    ]
    assert len(structs) > 8
    assert set(here) == set(structs)


def test_fields_have_the_same_names_types_and_places(structs, measured):
    for name, fields in structs.items():
        struct = getattr(capi, name)
        assert list(struct._fields_) == fields
        assert ctypes.sizeof(struct) == measured[f"sizeof({name})"]
        for field, _ in fields:
            place = getattr(struct, field)
            assert place.offset == measured[f"offsetof({name}, {field})"]
            assert place.size == measured[f"sizeof((({name} *)0)->{field})"]


def test_constants(macros, measured):
    # The code of success is one of capi.StatusCode.
    expected = {name: measured[name] for name in macros if name != "DLBRIDGE_OK"}
    here = {name: getattr(capi, name) for name in capi.__all__}
    here = {
        name if name.startswith("DLPACK_") else PREFIX + name: value
        for name, value in here.items()
        if type(value) is int
    }
    assert here == expected


@pytest.mark.parametrize("name", ["DLDeviceType", "DLDataTypeCode"])
def test_enums(name, enumerators, measured):
    expected = {each: measured[each] for each in enumerators[name]}
    assert issubclass(getattr(capi, name), enum.IntEnum)
    assert {member.name: member.value for member in getattr(capi, name)} == expected


def test_status_codes(enumerators, measured):
    expected = {each: measured[each] for each in ["DLBRIDGE_OK", *enumerators["dlbridge_error"]]}
    here = {
        PREFIX + ("" if member is capi.StatusCode.OK else "ERROR_") + member.name: member.value
        for member in capi.StatusCode
    }
    assert here == expected
    for name, value in expected.items():
        assert capi.lib.dlbridge_status_name(value).decode() == name


def test_release_callback(functions):
    assert capi.ReleaseCallback in functions["dlbridge_wrap"][1]
    assert not capi.ReleaseCallback()


def test_versions():
    version = capi.lib.dlbridge_version().decode()
    assert version == dlbridge.__version__
    assert capi.lib.dlbridge_abi_version() == capi.ABI_VERSION


def test_files_are_those_of_the_header(tmp_path):
    generate_capi.write(generate_capi.Header(), tmp_path)
    for made in tmp_path.iterdir():
        committed = generate_capi.FOLDER / made.name
        assert made.read_text() == committed.read_text(), f"{made.name}: run `make header`"
    assert {made.name for made in tmp_path.iterdir()} == {"structs.py", "prototypes.py"}


@pytest.fixture
def change(tmp_path):
    """Writes the files for a header that was changed, over those that are committed."""
    shutil.copytree(toolchain.INCLUDE, tmp_path / "include")
    shutil.copytree(generate_capi.FOLDER, tmp_path / "capi")
    path = tmp_path / "include/dlbridge/dlbridge.h"

    def change(*replacements):
        text = path.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        generate_capi.write(generate_capi.Header(tmp_path / "include"), tmp_path / "capi")
        return (tmp_path / "capi/prototypes.py").read_text()

    return change


ABI = f"#define DLBRIDGE_ABI_VERSION {capi.ABI_VERSION}\n"
ABSENT = ("uint32_t dlbridge_abi_version(void);", "")
OTHERWISE = ("uint32_t dlbridge_abi_version(void);", "int32_t dlbridge_abi_version(void);")


@pytest.mark.parametrize("difference", [ABSENT, OTHERWISE])
def test_what_breaks_programs_raises_the_version(change, difference):
    with pytest.raises(SystemExit, match="dlbridge_abi_version would break: raise DLBRIDGE_ABI_"):
        change(difference)
    change((ABI, ABI.replace("\n", "0\n")))


def test_more_functions_break_nothing(change):
    more = (ABSENT[0], f"{ABSENT[0]}\nint32_t dlbridge_more(const DLTensor *tensor);")
    assert '"dlbridge_more": (c_int32, (POINTER(DLTensor),)),' in change(more)


def test_types_without_a_counterpart_are_refused(change):
    with pytest.raises(SystemExit, match="float has no type of ctypes"):
        change((ABSENT[0], f"{ABSENT[0]}\nfloat dlbridge_more(void);"))
