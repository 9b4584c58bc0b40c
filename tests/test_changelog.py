"""The changelog is assembled by a tool, which asks each branch for a fragment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("towncrier")
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH")

ROOT = Path(__file__).parent.parent
OURS = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def towncrier(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "towncrier", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def committed(folder: Path, name: str) -> None:
    (folder / name).write_text("Something is new.\n")
    for words in (("add", "--all"), (*OURS, "commit", "-qm", "test: one")):
        subprocess.run(["git", *words], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A branch with one commit more than main, in a repository that is set up as ours."""
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path], check=True)
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "changelog.d").mkdir()
    committed(tmp_path, "changelog.d/before.added.md")
    subprocess.run(["git", "checkout", "-qb", "branch"], cwd=tmp_path, check=True)
    committed(tmp_path, "module.py")
    return tmp_path


def test_a_branch_without_a_fragment_fails(repository: Path) -> None:
    """CI checked nothing: 'towncrier' stood in pyproject.toml alone."""
    refused = towncrier(repository, "check", "--compare-with", "main")
    assert refused.returncode == 1
    assert "No new newsfragments found" in refused.stdout + refused.stderr
    committed(repository, "changelog.d/mine.fixed.md")
    passed = towncrier(repository, "check", "--compare-with", "main")
    assert passed.returncode == 0, passed.stdout + passed.stderr


def test_ci_asks_it() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert 'towncrier check --compare-with "$BASE"' in workflow


def test_every_fragment_is_in_the_changelog() -> None:
    draft = towncrier(ROOT, "build", "--draft", "--version", "9.9.9")
    assert draft.returncode == 0, draft.stderr
    assert "## 9.9.9" in draft.stdout
    said = " ".join(draft.stdout.split())
    for path in (ROOT / "changelog.d").glob("*.*.md"):
        assert " ".join(path.read_text(encoding="utf-8").split()) in said, path.name
