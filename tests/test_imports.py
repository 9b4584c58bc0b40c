"""Who may import whom, and that the command line starts without the heavy packages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tinyml"

# Layers from the bottom; a module may import its own layer and those below.
LAYERS = (
    {"errors", "resources"},
    {"ir"},
    {"ops"},
    {"variants", "model", "passes"},
    {"plan"},
    {"codegen"},
    {"project", "build"},
    {"built"},
    {"simulation"},
    {"api"},
    {"cli"},
)
OUTSIDE_THE_COMPILER = {"device", "simulate", "elf", "process", "profile"}
COMPILER = {"ops", "variants", "passes", "model", "plan", "codegen"}


def imports_of(path: Path) -> set[str]:
    """First component below ``tinyml`` of every import in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "tinyml":
                names = [f"tinyml.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("tinyml.")}
    return found


def component(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


LEVEL = {name: index for index, names in enumerate(LAYERS) for name in names}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if component(path) in LEVEL],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_downwards(path: Path) -> None:
    own = component(path)
    above = {name for name in imports_of(path) if LEVEL.get(name, -1) > LEVEL[own]}
    assert not above, f"{own} must not import {sorted(above)}"


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if component(path) in OUTSIDE_THE_COMPILER],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_device_side_does_not_know_the_compiler(path: Path) -> None:
    assert not imports_of(path) & COMPILER


def test_only_console_prints() -> None:
    for path in FILES:
        if component(path) == "console":
            continue
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        ]
        assert not calls, f"{path} prints"


def test_only_process_starts_programs() -> None:
    for path in FILES:
        if component(path) != "process":
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
