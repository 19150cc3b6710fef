"""Writes what `dlbridge.capi` says of the C header: its structs, constants and prototypes.

`make header` runs it, after a change of `include/dlbridge/`; a test compares. The files are
committed, so that nobody else needs libclang.
"""

import ast
import ctypes
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, Index, TranslationUnit, Type, TypeKind

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
FOLDER = ROOT / "bindings/python/python/dlbridge/capi"

PREFIX = "DLBRIDGE_"

# By name, for what they are behind it is the machine's.
SCALARS = {
    "int32_t": "c_int32",
    "int64_t": "c_int64",
    "ptrdiff_t": "c_ssize_t",
    "size_t": "c_size_t",
    "uint8_t": "c_uint8",
    "uint16_t": "c_uint16",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
}
BUILTINS = {
    TypeKind.VOID: "None",
    TypeKind.BOOL: "c_bool",
    TypeKind.CHAR_S: "c_char",
    TypeKind.INT: "c_int",
    TypeKind.ENUM: "c_int32",
}

# The headers of the C library, as far as ours need them: libclang brings none along, and those
# of the machine need not be there.
STANDARD = "/standard"
STANDARD_HEADERS = {
    "stdbool.h": "#define bool _Bool\n",
    "stddef.h": """
        typedef __SIZE_TYPE__ size_t;
        typedef __PTRDIFF_TYPE__ ptrdiff_t;
        #define offsetof(type, member) __builtin_offsetof(type, member)
    """,
    "stdint.h": """
        typedef __INT32_TYPE__ int32_t;
        typedef __INT64_TYPE__ int64_t;
        typedef __UINT8_TYPE__ uint8_t;
        typedef __UINT16_TYPE__ uint16_t;
        typedef __UINT32_TYPE__ uint32_t;
        typedef __UINT64_TYPE__ uint64_t;
        #define INT64_MIN (-__INT64_MAX__ - 1)
        #define UINTPTR_MAX __UINTPTR_MAX__
    """,
}

GENERATED = "# Generated from include/dlbridge/ by generate_capi.py (`make header`); do not edit.\n"


class Header:
    """What dlbridge.h declares."""

    def __init__(self, include: Path = INCLUDE) -> None:
        self.include = include
        self.unit = self._parse()

    @cached_property
    def functions(self) -> dict[str, Cursor]:
        return self._named(CursorKind.FUNCTION_DECL)

    @cached_property
    def structs(self) -> dict[str, Cursor]:
        """Those that functions take, and what is in them, by their names."""
        found = self._typedefs(TypeKind.RECORD)
        wanted: set[str] = set()
        types = [function.type for function in self.functions.values()]
        while types:
            for name in self._names(types.pop()) & found.keys() - wanted:
                wanted.add(name)
                types += [field.type for field in found[name].type.get_canonical().get_fields()]
        return {name: found[name] for name in found if name in wanted}

    @cached_property
    def enums(self) -> dict[str, Cursor]:
        """Those of DLPack."""
        return self._typedefs(TypeKind.ENUM)

    @cached_property
    def status(self) -> Cursor:
        return self._named(CursorKind.TYPEDEF_DECL)["dlbridge_status"]

    @cached_property
    def errors(self) -> Cursor:
        return self._named(CursorKind.ENUM_DECL)["dlbridge_error"]

    @cached_property
    def constants(self) -> dict[str, int]:
        """The values of the macros that have one."""
        names = [cursor.spelling for cursor in self._ours() if _is_constant(cursor)]
        # Macros have no values, but enumerators have.
        unit = self._parse("\n".join(f"enum {{ value_{name} = {name} }};" for name in names))
        values = {
            value.spelling.removeprefix("value_"): value.enum_value
            for enum in unit.cursor.get_children()
            for value in enum.get_children()
            if value.spelling.startswith("value_")
        }
        return {name: values[name] for name in names}

    def ctype(self, kind: Type) -> str:
        """The type of ctypes, as an expression."""
        declaration = kind.get_declaration()
        match kind.kind:
            case TypeKind.ELABORATED:
                return self.ctype(kind.get_named_type())
            case TypeKind.TYPEDEF if declaration.spelling in SCALARS:
                return SCALARS[declaration.spelling]
            case TypeKind.TYPEDEF if declaration.spelling not in self._typedefs(TypeKind.RECORD):
                return self.ctype(declaration.underlying_typedef_type)
            case TypeKind.TYPEDEF | TypeKind.RECORD:
                return declaration.spelling
            case TypeKind.CONSTANTARRAY:
                return f"{self.ctype(kind.element_type)} * {kind.element_count}"
            case TypeKind.POINTER:
                return self._pointer(kind.get_pointee())
            case other if other in BUILTINS:
                return BUILTINS[other]
        raise SystemExit(f"{kind.spelling} has no type of ctypes")

    def _pointer(self, target: Type) -> str:
        bare = target.get_canonical()
        if bare.kind == TypeKind.FUNCTIONPROTO:
            types = [bare.get_result(), *bare.argument_types()]
            return f"CFUNCTYPE({', '.join(map(self.ctype, types))})"
        if bare.kind == TypeKind.VOID:
            return "c_void_p"
        if bare.kind == TypeKind.CHAR_S and target.is_const_qualified():
            return "c_char_p"
        return f"POINTER({self.ctype(target)})"

    def _names(self, kind: Type) -> set[str]:
        """The names in the type of a field or of a function."""
        return set(re.findall(r"\w+", kind.spelling))

    def _named(self, kind: CursorKind) -> dict[str, Cursor]:
        return {cursor.spelling: cursor for cursor in self._ours() if cursor.kind == kind}

    def _typedefs(self, kind: TypeKind) -> dict[str, Cursor]:
        return {
            name: cursor
            for name, cursor in self._named(CursorKind.TYPEDEF_DECL).items()
            if cursor.underlying_typedef_type.get_canonical().kind == kind
        }

    def _ours(self) -> Iterator[Cursor]:
        for cursor in self.unit.cursor.get_children():
            file = cursor.location.file
            if file and Path(file.name).is_relative_to(self.include):
                yield cursor

    def _parse(self, more: str = "") -> TranslationUnit:
        source = "header.c"
        files = [(f"{STANDARD}/{name}", text) for name, text in STANDARD_HEADERS.items()]
        files.append((source, f"#include <dlbridge/dlbridge.h>\n{more}\n"))
        arguments = ["-std=gnu99", "-nostdinc", "-isystem", STANDARD, f"-I{self.include}"]
        options = TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
        unit = Index.create().parse(source, arguments, files, options)
        if errors := [each for each in unit.diagnostics if each.severity >= Diagnostic.Error]:
            raise SystemExit("\n".join(map(str, errors)))
        return unit


def structs(header: Header) -> str:
    """The text of structs.py."""
    constants = {
        name.removeprefix(PREFIX): value
        for name, value in header.constants.items()
        if name != f"{PREFIX}OK"
    }
    callbacks = _callbacks(header)
    classes = ["StatusCode", *header.enums, *header.structs]
    names = [*constants, *classes, *(name for name, _ in callbacks.values())]
    body = [
        *(f"{name} = {value}" for name, value in constants.items()),
        _status_code(header),
        *(_enum(name, enum, _values(enum)) for name, enum in header.enums.items()),
        *(_struct(header, name, cursor) for name, cursor in header.structs.items()),
        *(_callback(kind, *about) for kind, about in callbacks.items()),
    ]
    head = [
        f"{GENERATED}# ruff: noqa: N801, N815 - the names are those of C.\n",
        '"""The structs, constants and codes of dlbridge.h. A prefix DLBRIDGE_ is left out.\n\n'
        "Strides of a `DLTensor` are in elements; those of the array interface in bytes.\n"
        '"""\n',
        f"{_imports(body)}\nfrom enum import IntEnum\n",
        f"__all__ = {sorted(names)}\n",
    ]
    return _formatted("\n".join(head + body))


def prototypes(header: Header) -> str:
    """The text of prototypes.py."""
    callbacks = {kind: name for kind, (name, _) in _callbacks(header).items()}

    def spelled(kind: Type) -> str:
        text = header.ctype(kind)
        return callbacks.get(text, text)

    def prototype(function: Cursor) -> str:
        arguments = [spelled(each.type) for each in function.get_arguments()]
        return f"({spelled(function.result_type)}, {_tuple(arguments)})"

    table = [f"{name!r}: {prototype(cursor)},\n" for name, cursor in header.functions.items()]
    used = {*header.structs, *callbacks.values()} & set(re.findall(r"\w+", "".join(table)))
    return _formatted(
        f'{GENERATED}"""The prototypes of the functions of dlbridge.h."""\n'
        f"from collections.abc import Mapping\n{_imports(table)}\nfrom typing import Any\n\n"
        f"from .structs import {', '.join(sorted(used))}\n\n"
        "FUNCTIONS: Mapping[str, tuple[Any, tuple[Any, ...]]] = {\n"
        f"# name: (result, arguments)\n{''.join(table)}}}\n"
    )


def _tuple(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _imports(parts: list[str]) -> str:
    """Imports what is used of ctypes."""
    words = {word for part in parts for word in re.findall(r"\w+", part)}
    return f"from ctypes import {', '.join(sorted(words & set(ctypes.__dict__)))}"


def broken(before: str, after: str) -> list[str]:
    """The functions of one text of prototypes.py that another one lacks, or has otherwise."""
    old, new = _table(before), _table(after)
    return [name for name in old if new.get(name) != old[name]]


def _table(text: str) -> dict[str, str]:
    """The prototypes in a text of prototypes.py."""
    tables = [node.value for node in ast.parse(text).body if isinstance(node, ast.AnnAssign)]
    return {
        ast.literal_eval(name): ast.unparse(value)
        for table in tables
        for name, value in zip(table.keys, table.values, strict=True)
    }


def _callbacks(header: Header) -> dict[str, tuple[str, str]]:
    """Name and declaration of each kind of function that is an argument, by its type."""
    return {
        header.ctype(argument.type): (
            f"{argument.spelling.capitalize()}Callback",
            _source(argument),
        )
        for function in header.functions.values()
        for argument in function.get_arguments()
        if argument.type.get_pointee().get_canonical().kind == TypeKind.FUNCTIONPROTO
    }


def _callback(kind: str, name: str, declaration: str) -> str:
    return (
        f'{name} = {kind}\n"""`{declaration}`. `{name}()` is NULL; one made of a\n'
        'Python function must be kept alive until it has been called."""\n'
    )


def _source(cursor: Cursor) -> str:
    """A declaration, as it is written."""
    text = Path(cursor.location.file.name).read_bytes()
    return text[cursor.extent.start.offset : cursor.extent.end.offset].decode()


def _status_code(header: Header) -> str:
    values = {f"{PREFIX}OK": header.constants[f"{PREFIX}OK"]} | _values(header.errors)
    short = {
        name.replace("ERROR_", "").removeprefix(PREFIX): value for name, value in values.items()
    }
    return _enum("StatusCode", header.status, short)


def _enum(name: str, cursor: Cursor, values: dict[str, int]) -> str:
    members = "\n".join(f"    {key} = {value}" for key, value in values.items())
    comment = _comment(cursor)
    about = f'    """{comment}"""\n\n' if comment else ""
    return f"class {name}(IntEnum):\n{about}{members}\n"


def _values(enum: Cursor) -> dict[str, int]:
    declaration = enum.type.get_canonical().get_declaration()
    return {value.spelling: value.enum_value for value in declaration.get_children()}


def _struct(header: Header, name: str, cursor: Cursor) -> str:
    fields = list(cursor.type.get_canonical().get_fields())
    types = [header.ctype(field.type) for field in fields]
    about = "\n".join(map(_field, fields))
    # A struct that points to itself has its fields once it is there.
    owner = f"\n{name}." if any(name in kind for kind in types) else "    "
    entries = [f"({field.spelling!r}, {kind})" for field, kind in zip(fields, types, strict=True)]
    return (
        f'class {name}(Structure):\n    """{_comment(cursor)}\n\n{about}\n    """\n\n'
        f"{owner}_fields_ = {_tuple(entries)}\n"
    )


def _field(cursor: Cursor) -> str:
    about = f"{cursor.spelling}: {_comment(cursor)}"
    # ctypes has a number there.
    is_enum = cursor.type.get_canonical().kind == TypeKind.ENUM
    return _filled(f"{about} A {cursor.type.spelling}." if is_enum else about)


def _comment(cursor: Cursor) -> str:
    """The comment of a declaration, as a text."""
    lines = [
        re.sub(r"^\s*(/\*\*<?|///|\*(?!/))?|\*/\s*$", "", line)
        for line in (cursor.raw_comment or "").splitlines()
    ]
    return _filled(" ".join(" ".join(lines).split())).strip()


def _filled(text: str) -> str:
    indent = " " * 4
    return textwrap.fill(
        text,
        92,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_constant(cursor: Cursor) -> bool:
    if cursor.kind != CursorKind.MACRO_DEFINITION or not re.match(
        "DLBRIDGE|DLPACK", cursor.spelling
    ):
        return False
    name, *value = cursor.get_tokens()
    return bool(value) and name.extent.end.offset != value[0].extent.start.offset


def _formatted(text: str) -> str:
    """The text with its names in ruff's order, and in its style."""
    ruff = Path(sys.executable).with_name("ruff")
    for options in (["check", "--fix-only", "--select=I,RUF022"], ["format"]):
        command = [ruff, *options, "--quiet", "-"]
        done = subprocess.run(
            command, input=text, text=True, cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        text = done.stdout
    return text


def write(header: Header, folder: Path = FOLDER) -> None:
    """Writes the files, unless programs that were compiled before would break unawares."""
    files = {folder / "structs.py": structs(header), folder / "prototypes.py": prototypes(header)}
    version, table = (path.read_text() if path.exists() else "" for path in files)
    is_same = f"\nABI_VERSION = {header.constants['DLBRIDGE_ABI_VERSION']}\n" in version
    if is_same and (names := broken(table, files[folder / "prototypes.py"])):
        raise SystemExit(
            f"programs that call {', '.join(names)} would break: raise DLBRIDGE_ABI_VERSION in "
            "src/capi/version.rs, or, if no release has it, remove prototypes.py before"
        )
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    write(Header())
