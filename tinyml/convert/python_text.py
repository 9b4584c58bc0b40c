"""What the text of a Python file says of its functions, before it runs and imports a framework."""

from __future__ import annotations

import ast
from pathlib import Path

from tinyml.base.errors import TinymlError, did_you_mean

_OTHER_WAYS = ("globals", "exec", "setattr")  # in which a file may make a name


def check_name(path: Path, name: str, kind: type[TinymlError], purpose: str) -> None:
    """Raises an error when a file has no function or class that can be called without arguments.

    Where the text does not say, as behind ``from x import *``, nothing is raised.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        found = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else error
        raise kind(
            f"is not Python that can be read: {found}",
            hint=f"name a .py file, and a function in it {purpose}.",
            where=str(path),
        ) from error
    made = names_in(tree)
    if name not in made and not _may_have(tree, name):
        raise kind(
            f"has no function or class '{name}'",
            hint=did_you_mean(name, made) if made else "there is none in the file.",
            where=str(path),
        )
    wanted = [arg for item in tree.body if _is_called(item, name) for arg in _needed(item)]
    if wanted:
        raise kind(
            f"'{name}' takes arguments: {', '.join(wanted)}",
            hint=f"name a function without arguments {purpose}.",
            where=str(path),
        )


def functions_of(path: Path) -> list[str]:
    """The functions and classes of a file; none of one that cannot be read."""
    try:
        return names_in(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return []


def names_in(tree: ast.Module) -> list[str]:
    """The functions and classes of a file, in order."""
    return [item.name for item in tree.body if isinstance(item, (ast.FunctionDef, ast.ClassDef))]


def _is_called(item: ast.stmt, name: str) -> bool:
    return isinstance(item, ast.FunctionDef) and item.name == name and not item.decorator_list


def _may_have(tree: ast.Module, name: str) -> bool:
    """Whether some other statement than a definition of the file can make a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and (node.name == "*" or name in (node.name, node.asname)):
            return True
        if isinstance(node, ast.Name) and node.id in (name, *_OTHER_WAYS):
            return True
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in (name, "__getattr__"):
            return True
    return False


def _needed(item: ast.stmt) -> list[str]:
    """The arguments of a function that have no default."""
    assert isinstance(item, ast.FunctionDef)
    given = item.args
    plain = [each.arg for each in (*given.posonlyargs, *given.args)]
    by_name = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return [
        *plain[: len(plain) - len(given.defaults)],
        *(each.arg for each, default in by_name if default is None),
    ]
