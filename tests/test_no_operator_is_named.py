"""Lists of operators by name stood in 48 files; a new operator had to be added to the right ones.

Outside of the operators, their variants and the importers, which translate from other frameworks'
names, operators are asked for traits. Whoever makes an op, or puts others in the place of one, has
its key from the operator's own module; so only the converter, the reader of uint8 models and the
starter model import such.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinyml.ops import all_ops

PACKAGE = Path(__file__).parent.parent / "tinyml"
AT_HOME = ("ops/", "variants/", "convert/importers/")
MAKERS = ("convert/", "model/unsigned.py", "session/starter.py")
ALLOWED: dict[tuple[str, str], str] = {}  # (file, kind): why it cannot be otherwise

FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def literals(tree: ast.Module) -> Iterator[str]:
    """Each operator that a string names, alone or in a list of words; docstrings aside."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    prose |= {id(part) for node in texts for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            words = node.value.split()
            if all(word.isupper() for word in words):
                yield from (word for word in words if word in all_ops())


def imported(tree: ast.Module) -> Iterator[str]:
    """Each operator whose key comes from its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (item.name for item in node.names if item.name in all_ops())


@pytest.mark.parametrize("name", FILES)
def test_operators_are_named_at_home_only(name: str) -> None:
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    found = set() if name.startswith(AT_HOME) else set(literals(tree))
    if not name.startswith((*AT_HOME, *MAKERS)):
        found |= set(imported(tree))
    known = {kind for file, kind in ALLOWED if file == name}
    assert found == known, f"{name} should ask for traits (tinyml/ops/traits.py)"


def test_names_are_found_wherever_they_hide() -> None:
    tree = ast.parse('''
"""ADD in a docstring is prose."""
from tinyml.ops.layout import RESHAPE, ReshapeAttrs
KINDS = ("ADD", f"{1} MUL")
MORE = "CONV_2D GEGLU TRANSPOSE".split()
TEXT = "PAD the image"
''')
    assert sorted(literals(tree)) == ["ADD", "CONV_2D", "TRANSPOSE"]
    assert list(imported(tree)) == ["RESHAPE"]
