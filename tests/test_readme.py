"""What the README and the docs show is what the commands print, and their Python runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHORTENED = "…"  # a line of its own in a transcript: lines left out here


def transcripts() -> list[tuple[str, str, str]]:
    """(page, command, what it prints) of every ``$ tinyml …`` in a console block."""
    found = []
    for page in PAGES:
        for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((page.name, command, output))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", path / "examples")
    return path


def squeezed(text: str) -> list[str]:
    return [re.sub(r"[ ─]+", " ", line).strip() for line in text.splitlines() if line.strip()]


@pytest.mark.sim
@pytest.mark.parametrize(("page", "command", "output"), transcripts(), ids=lambda text: text[:60])
def test_transcript(page: str, command: str, output: str, folder: Path) -> None:
    program, *arguments = shlex.split(command)
    assert program == "tinyml", "transcripts show tinyml commands"
    done = subprocess.run(
        [sys.executable, "-m", "tinyml", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = squeezed(done.stdout + done.stderr)
    for wanted in squeezed(output):
        if wanted == SHORTENED:
            continue
        assert wanted in printed, "\n".join(printed)
        printed = printed[printed.index(wanted) + 1 :]


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
