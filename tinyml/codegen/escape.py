"""Text from outside made harmless for the language of the file that it is placed in.

One function per language; each gives a single line that ends no comment, no string and no field, so
that whatever a board's title or a model's file name holds, the file has the same structure. C has
its own in ``tinyml.codegen.literals``; HTML has Jinja's autoescape, shells ``shlex.quote``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath

from tinyml.codegen.literals import c_comment


def plain(text: str) -> str:
    """One line of what can be seen: no control characters, no line ends, no turned text."""
    return "".join(c if c.isprintable() else "?" for c in text)


def hash_text(text: str) -> str:
    """For files whose comments begin with ``#`` or ``;``: CMake, make, Kconfig, INI, CSV.

    No line goes on behind a backslash, no bracket comment of CMake begins, no variable is read.
    """
    shown = plain(text).replace("$", "?").rstrip("\\")
    return f" {shown}" if shown.startswith("[") else shown


def yaml_text(text: str) -> str:
    """For YAML: in a comment, or between double quotes."""
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


def json_text(text: str) -> str:
    """For JSON: between double quotes."""
    return json.dumps(plain(text), ensure_ascii=False)[1:-1]


def markdown_text(text: str) -> str:
    """For Markdown: in a sentence, a cell of a table, a code span or a line of code.

    No HTML, no link or picture, no end of a code span or cell.
    """
    shown = plain(text).replace("`", "'").replace("<", "(").replace("|", "¦")
    return shown.replace("](", "] (").replace("][", "] [")


_BY_SUFFIX: dict[str, Callable[[str], str]] = {
    **dict.fromkeys((".c", ".h", ".cpp", ".hpp", ".cc", ".ino", ".ld", ".lds", ".s"), c_comment),
    **dict.fromkeys((".yml", ".yaml"), yaml_text),
    ".json": json_text,
    ".md": markdown_text,
}


def escape_for(file_name: str) -> Callable[[str], str]:
    """What makes text harmless in a file of that name."""
    return _BY_SUFFIX.get(PurePosixPath(file_name).suffix.lower(), hash_text)
