"""The structs that headers declare, read from their text, and whether a lowering's value is one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinyml.base import resources
from tinyml.ir.kernel import Enumerator, Ref, Struct, Value

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"typedef struct \{(.*?)\}\s*(\w+);", re.DOTALL)
_ALIAS = re.compile(r"typedef (tml_\w+) (tml_\w+);")
_FUNCTION = re.compile(r"void \(\*(\w+)\)\([^)]*\)")
_FIELD = re.compile(r"(?:const )?(\w+) (\*?)(?:const )?(\w+)(?:\[(\d+)\])?")
_INTEGERS = {
    f"{sign}int{bits}_t": (-(1 << bits - 1), (1 << bits - 1) - 1)
    if not sign
    else (0, (1 << bits) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32)
}
POINTER = "*"


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a C struct."""

    name: str
    type: str  # "int32_t", "tml_window"; POINTER, whatever it leads to
    length: int | None  # of an array


@cache
def declared() -> Mapping[str, str]:
    """What stands between the braces of each struct of firmware/, under each of its names."""
    paths = sorted(resources.path("firmware").rglob("*.h"))
    texts = [_COMMENT.sub("", path.read_text(encoding="utf-8")) for path in paths]
    found = {name: body for text in texts for body, name in _STRUCT.findall(text)}
    aliases = (pair for text in texts for pair in _ALIAS.findall(text))
    return found | {alias: found[name] for name, alias in aliases if name in found}


def members(name: str) -> tuple[Member, ...]:
    """The fields of a struct in the order of its declaration."""
    lines = [line.strip() for line in declared()[name].split(";")]
    return tuple(_member(line) for line in lines if line)


def _member(line: str) -> Member:
    function, field = _FUNCTION.fullmatch(line), _FIELD.fullmatch(line)
    if function:
        return Member(function[1], POINTER, None)
    assert field, f"what is this field? {line}"
    return Member(field[3], POINTER if field[2] else field[1], int(field[4]) if field[4] else None)


def differences(struct: Struct) -> Iterator[str]:
    """How a struct that Python writes is not the one that C declares."""
    if struct.type not in declared():
        yield f"{struct.type} is declared nowhere"
        return
    wanted = members(struct.type)
    names, own = [item.name for item in wanted], [name for name, _ in struct.fields]
    if names != own:
        yield f"{struct.type} has {names}, Python writes {own}"
        return
    for member, (name, value) in zip(wanted, struct.fields, strict=True):
        if isinstance(value, Struct):
            yield from differences(value)
        if not _holds(member, value):
            yield f"{struct.type}.{name}: {member.type} [{member.length}] cannot be {value!r}"


def structs_in(struct: Struct) -> Iterator[str]:
    """The type of a struct and of those inside of it."""
    yield struct.type
    for _, value in struct.fields:
        if isinstance(value, Struct):
            yield from structs_in(value)


def _holds(member: Member, value: Value) -> bool:
    if isinstance(value, tuple):
        return member.length == len(value) and all(_is_of(member.type, item) for item in value)
    return member.length is None and _is_of(member.type, value)


def _is_of(wanted: str, value: Value) -> bool:
    match value:
        case Struct(type=name):
            return wanted == name
        case Ref():
            return wanted == POINTER
        case Enumerator():
            return wanted in _INTEGERS
        case bool():
            return wanted == "bool"
        case float():
            return wanted == "float"
        case int() | np.integer():
            low, high = _INTEGERS.get(wanted, (1, 0))
            return low <= value <= high
    return False
