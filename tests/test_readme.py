"""What the README and the docs show is what the commands print, and their Python runs.

``pytest tests/test_readme.py --update-golden -n 0`` writes the transcripts anew.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running.cli import run_tinyml

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```console\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[object]:
    """Every ``$ tinyml …`` in a console block of a page; a block holds one command."""
    return [
        pytest.param(page, block["lines"], id=f"{page.name}-{block['lines'].splitlines()[0][2:]}")
        for page in PAGES
        for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", path / "examples")
    return path


@pytest.mark.sim
@pytest.mark.parametrize(("page", "shown"), commands())
def test_transcript(page: Path, shown: str, folder: Path, pytestconfig: pytest.Config) -> None:
    command, _, output = shown.partition("\n")
    program, *arguments = shlex.split(command.removeprefix("$ "))
    assert program == "tinyml", "transcripts show tinyml commands"
    done = run_tinyml(*arguments, cwd=folder)
    printed = "".join(
        line.rstrip() + "\n" for line in (done.stdout + done.stderr).splitlines() if line.strip()
    )
    if pytestconfig.getoption("--update-golden"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(shown, f"{command}\n{printed}"), encoding="utf-8")
        output = printed
    assert printed == output


@pytest.mark.sim
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in PAGES
        for number, code in enumerate(PYTHON.findall(page.read_text(encoding="utf-8")))
    ],
)
def test_python_example(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
