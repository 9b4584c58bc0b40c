"""C text for values: numbers, arrays, initialisers, comments. Everything in decimal, 12 per line.

Templates place what is made here; they never compute or escape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from tinyml.ir.graph import Array
from tinyml.ir.kernel import Enumerator, Ref, Struct, Value

PER_LINE = 12
_LINE_LENGTH = 100
_NESTED_LENGTH = 76  # of a struct in a struct, to stay on the line of its name


def c_int(value: int) -> str:
    """A decimal int literal that has no surprises of type or sign."""
    if value == -(2**31):
        return "INT32_MIN"
    if -(2**31) < value < 2**31:
        return str(value)
    if 0 < value < 2**32:
        return f"{value}u"
    if value == -(2**63):
        return "INT64_MIN"
    return f"INT64_C({value})"


def c_argument(value: int) -> str:
    """An int literal that is safe inside any macro: negative ones in parentheses."""
    return f"({c_int(value)})" if value < 0 else c_int(value)


def c_float(value: float) -> str:
    """A float literal that reads back as the same float32."""
    single = np.float32(value)
    if not np.isfinite(single):
        raise ValueError(f"{value} has no C literal")
    text = str(single)
    if "e" not in text and "." not in text:
        text += ".0"
    return f"{text}f"


def c_array(data: Array) -> str:
    """The initialiser of an array in braces, 12 elements per line."""
    words = _words(np.ascontiguousarray(data).ravel())
    if len(words) <= PER_LINE:
        return "{" + ", ".join(words) + "}"
    lines = [", ".join(words[i : i + PER_LINE]) for i in range(0, len(words), PER_LINE)]
    return "{\n" + "".join(f"    {line},\n" for line in lines) + "}"


def c_value(
    value: Value, symbol_of: Callable[[str], str] | Mapping[str, str], depth: int = 0
) -> str:
    """A C initialiser: a number, a symbol for a Ref, braces for tuples and structs.

    Structs get designated initialisers: one field per line outside; nested ones are filled into as
    few lines as they need.
    """
    lookup = symbol_of if callable(symbol_of) else symbol_of.__getitem__
    match value:
        case bool():
            return "true" if value else "false"
        case int() | np.integer():
            return c_int(int(value))
        case float():
            return c_float(value)
        case Ref(constant=name):
            return lookup(name)
        case Enumerator(name=name):
            return name
        case tuple():
            return "{" + ", ".join(c_int(int(item)) for item in value) + "}"
        case Struct(fields=fields):
            parts = [f".{name} = {c_value(item, lookup, depth + 1)}" for name, item in fields]
            inner = "    " * (depth + 1)
            if depth == 0:
                return "{\n" + "".join(f"{inner}{part},\n" for part in parts) + "}"
            flat = "{" + ", ".join(parts) + "}"
            if "\n" not in flat and len(flat) <= _NESTED_LENGTH:
                return flat
            return "{\n" + _filled(parts, inner) + "    " * depth + "}"
    raise TypeError(f"no C initialiser for {value!r}")


def c_comment(text: str) -> str:
    """Text that can stand in a C comment and in one line: printable ASCII, no comment ends."""
    shown = "".join(c if " " <= c <= "~" else "?" for c in text)
    return shown.replace("*/", "* /").replace("/*", "/ *").rstrip("\\")


def c_string(text: str) -> str:
    """A C string literal."""
    escaped = c_comment(text).replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'"{escaped}"'


def wrap_comment(text: str, width: int = _LINE_LENGTH - 4) -> tuple[str, ...]:
    """Text broken into comment lines."""
    lines: list[str] = []
    for word in re.split(r"(?<!\d,) +", c_comment(text)):  # shapes stay in one piece
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return tuple(lines)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as people write it."""
    return "[" + ", ".join(str(size) for size in shape) + "]"


def _filled(parts: list[str], indent: str) -> str:
    """Parts with commas, as many per line as there is room for."""
    lines: list[str] = []
    for part in parts:
        if lines and "\n" not in part and len(lines[-1]) + len(part) + 2 <= _LINE_LENGTH:
            lines[-1] += f" {part},"
        else:
            lines.append(f"{indent}{part},")
    return "".join(f"{line}\n" for line in lines)


def _words(flat: Array) -> list[str]:
    if flat.dtype == np.bool_:
        return ["true" if item else "false" for item in flat]
    if flat.dtype == np.float32:
        return [c_float(item) for item in flat]
    if flat.dtype in (np.int8, np.uint8, np.int16):
        return list(map(str, flat.tolist()))
    return [c_int(item) for item in flat.tolist()]
