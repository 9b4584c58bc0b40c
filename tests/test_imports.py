"""Who may import whom, and that the command line starts without the heavy packages."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tinyml"

# The rooms of the package from the ground up. A room imports itself and those before it, at the top
# of a module, inside a function and for type checkers alike: so there is no circle between rooms.
RANKS = (
    "base",
    "target",
    "ir",
    "ops",
    "variants",
    "model",
    "passes",
    "values",
    "plan",
    "tflm",
    "codegen",
    "runtimes",
    "evaluate",
    "device",
    "simulate",
    "backends",
    "report",
    "project",
    "bare",
    "measure",
    "convert",
    "api",
    "session",
    "conformance",
    "cli",
    "__main__",
)
OUTSIDE_THE_COMPILER = ("device", "simulate", "backends")
COMPILER = {"ops", "variants", "passes", "model", "plan", "tflm", "codegen", "runtimes"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_of(path): path for path in FILES}
ROOMS = sorted({name.split(".")[1] for name in MODULES if "." in name})


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Imports and calls of a file: what the tests below ask for."""
    kinds = (ast.ImportFrom, ast.Import, ast.Call)
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(node for node in nodes if isinstance(node, kinds))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Modules of tinyml that a file imports, wherever the statement stands."""
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(name for name in found if name in MODULES)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def rooms_of(path: Path) -> set[str]:
    return {room(module) for module in imports_of(path)} - {""}


def test_every_room_has_a_rank() -> None:
    assert sorted(RANKS) == ROOMS


@pytest.mark.parametrize("name", RANKS)
def test_imports_point_downwards(name: str) -> None:
    allowed = set(RANKS[: RANKS.index(name) + 1])
    above = {
        f"{module} imports {found}"
        for module, path in MODULES.items()
        if room(module) == name
        for found in imports_of(path)
        if room(found) and room(found) not in allowed
    }
    assert not above


def test_no_circle_between_modules() -> None:
    """Inside of a room too: what imports each other cannot be read, or moved, one by one."""
    order = graphlib.TopologicalSorter({name: imports_of(path) for name, path in MODULES.items()})
    order.prepare()  # raises CycleError with the modules


def test_device_side_does_not_know_the_compiler() -> None:
    for path in FILES:
        if room(module_of(path)) in OUTSIDE_THE_COMPILER:
            assert not rooms_of(path) & COMPILER, path


def test_only_console_prints() -> None:
    for path in FILES:
        if module_of(path) == "tinyml.base.console":
            continue
        calls = [
            node
            for node in nodes_of(path)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        ]
        assert not calls, f"{path} prints"


def test_only_process_starts_programs() -> None:
    for path in FILES:
        if module_of(path) != "tinyml.base.process":
            text = path.read_text(encoding="utf-8")
            assert "import subprocess" not in text, f"{path} starts programs itself"


def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from tinyml.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'tflite', 'unicorn', 'esptool', 'tensorflow', 'jinja2', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"
