"""Functions that can be read at one glance: length, parameters; short modules, and few Any."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tinyml"
FILES = sorted(PACKAGE.rglob("*.py"))
LINES = 40  # of a function
MODULE_LINES = 315
PARAMETERS = 5  # more where a comment above or the docstring says why
ANY = 100  # uses in the package; lower it whenever there are ten fewer


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node


def is_command(node: ast.FunctionDef) -> bool:
    """A command of the command line has a parameter for each of its options."""
    return any("click" in ast.unparse(item) for item in node.decorator_list)


def parameters(node: ast.FunctionDef) -> int:
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MODULE_LINES
    for node in functions(path):
        assert node.end_lineno is not None
        length = node.end_lineno - node.lineno + 1
        assert length <= LINES, f"{node.name} has {length} lines"
        if parameters(node) > PARAMETERS and not is_command(node):
            above = lines[min(node.lineno, *(d.lineno for d in node.decorator_list), 10**6) - 2]
            said = f"{above} {ast.get_docstring(node) or ''}"
            assert re.search(r"\b(six|seven|eight|nine)\s+parameters\b", said, re.IGNORECASE), (
                f"{node.name} has {parameters(node)} parameters: a value is missing, or say why not"
            )


def uses_of_any(tree: ast.AST) -> int:
    """How often a tree says Any, also in types that are written as strings."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "Any":
            count += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "Any" in node.value:
            with suppress(SyntaxError):
                count += uses_of_any(ast.parse(node.value, mode="eval"))
    return count


def test_few_types_are_any() -> None:
    """The aim is fewer than 50: what is left are JSON, attrs of any operator, and TensorFlow."""
    uses = {path: uses_of_any(ast.parse(path.read_text(encoding="utf-8"))) for path in FILES}
    most = sorted(uses, key=lambda path: -uses[path])[:10]
    listed = ", ".join(f"{path.relative_to(PACKAGE)} {uses[path]}" for path in most)
    assert sum(uses.values()) < ANY, listed
