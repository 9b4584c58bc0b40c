"""The GitHub Action: its script compares a pull request with its base, in a repository of git."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinyml.session.starter import starter_model

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action"
DIGITS = ROOT / "examples" / "digits"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="git is missing"),
    pytest.mark.skipif(sys.platform == "win32", reason="the script is for a shell of Linux"),
]


def git(repository: Path, *argv: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(repository), *who, *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(repository: Path, content: dict[str, bytes]) -> str:
    """A commit of these files; its hash."""
    for name, data in content.items():
        (repository / name).write_bytes(data)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "x", "--allow-empty")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty one, and a command tinyml that is this tree's."""
    git_folder = tmp_path / "repository"
    git_folder.mkdir()
    git(git_folder, "init", "--quiet")
    command = tmp_path / "bin" / "tinyml"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m tinyml "$@"\n')
    command.chmod(0o755)
    return git_folder


def compared(repository: Path, **given: str) -> tuple[int, str, str]:
    """Exit code, Markdown and messages of the script in a repository."""
    folder = repository.parent
    (folder / "output").write_text("")
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **{"MODEL": "model.tflite", "BOARD": "nucleo_l4r5zi", "OPTIONS": "--samples 2"},
        **given,
    }
    done = subprocess.run(
        [ACTION / "compare.sh"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = re.fullmatch(r"markdown=(.+)\n", (folder / "output").read_text())
    text = Path(told[1]).read_text() if told else ""
    assert not text or (folder / "summary").read_text().endswith(text)
    assert "base" not in git(repository, "worktree", "list").split("\n", 1)[0]
    return done.returncode, text, done.stderr


@pytest.mark.sim
def test_a_pull_request_is_held_against_its_base(repository: Path) -> None:
    digits = (DIGITS / "digits.tflite").read_bytes()
    base = committed(repository, {"model.tflite": starter_model()})
    committed(repository, {"model.tflite": digits})
    code, text, messages = compared(repository, BASE=base, MAX_REGRESSION="2%")
    assert code == 1, messages
    assert text.startswith("### WORSE by more than 2 %: time (µs) by ")
    assert "| flash, linked (bytes) |" in text
    assert "the models differ" in text
    code, text, messages = compared(repository, BASE=base)
    assert code == 0, messages
    assert text.startswith("### tinyml compare\n")
    same = git(repository, "rev-parse", "HEAD")
    code, text, messages = compared(repository, BASE=same, MAX_REGRESSION="0%")
    assert code == 0, messages
    assert text.startswith("### nothing got worse by more than 0 %")
    assert "layers differ" not in text
    assert len(git(repository, "worktree", "list").splitlines()) == 1


@pytest.mark.sim
def test_a_new_model_is_reported_alone(repository: Path) -> None:
    base = committed(repository, {"README": b""})
    committed(repository, {"model.tflite": starter_model()})
    code, text, messages = compared(repository, BASE=base, MAX_REGRESSION="2%")
    assert code == 0, messages
    assert text.startswith("### model.tflite on nucleo_l4r5zi\n\n**Fits.**")


def test_an_error_is_the_commands_own_and_no_comment(repository: Path) -> None:
    base = committed(repository, {"model.tflite": b"no model"})
    code, text, messages = compared(repository, BASE=base)
    assert code != 0
    assert text == ""
    assert "error: " in messages


GH = """#!/bin/sh
# Stands for GitHub's program: says what it was asked, and which comments there are.
echo "$@" >> "$ASKED"
case "$*" in
  *--paginate*) printf "$COMMENTS"; exit "$FAILS" ;;
  *PATCH*) cat "${7#body=@}" >> "$ASKED" ;;
  *) cat "$7" >> "$ASKED" ;;
esac
"""
MARK = "<!-- tinyml compare m.tflite b -->"


@pytest.mark.parametrize(
    ("comments", "fails", "wanted"),
    [
        ("", 0, "pr comment 7 --repo o/r --body-file"),
        ("5\thello\n6\t<!-- tinyml compare m.tflite c -->\n", 0, "pr comment 7 --repo o/r"),
        (f"5\thello\n6\t{MARK}\n8\t{MARK}\n", 0, "PATCH repos/o/r/issues/comments/6 --field body="),
        ("", 1, None),
    ],
)
def test_a_comment_is_written_once_and_then_brought_up_to_date(
    comments: str, fails: int, wanted: str | None, tmp_path: Path
) -> None:
    """The last comment of the same user was edited, whatever it was about."""
    program, asked, body = tmp_path / "gh", tmp_path / "asked", tmp_path / "body.md"
    program.write_text(GH)
    program.chmod(0o755)
    body.write_text("### nothing got worse\n")
    environment = {
        **{"PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path)},
        **{"ASKED": str(asked), "COMMENTS": comments, "FAILS": str(fails), "BODY": str(body)},
        **{"NUMBER": "7", "MODEL": "m.tflite", "BOARD": "b", "GITHUB_REPOSITORY": "o/r"},
    }
    done = subprocess.run(
        [ACTION / "comment.sh"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::warning::") == (wanted is None)
    told = asked.read_text()
    if wanted is not None:
        assert wanted in told
        assert told.endswith(f"{MARK}\n### nothing got worse\n")
    assert told.count("--paginate") == 1


def test_every_variable_of_the_script_is_given_by_the_action() -> None:
    action = (ACTION / "action.yml").read_text()
    script = "".join((ACTION / name).read_text() for name in ("compare.sh", "comment.sh"))
    used = set(re.findall(r"\$\{?([A-Z_]+)", script))
    by_runner = {"RUNNER_TEMP", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_REPOSITORY"}
    assert used - by_runner == set(re.findall(r"^        ([A-Z_]+): ", action, re.MULTILINE)) & used
    for name in re.findall(r"^  ([a-z-]+):\n    description", action, re.MULTILINE):
        assert f"inputs.{name} " in action or name == "markdown", f"{name} is not used"
    assert "${{" not in script, "an input pasted into a script could be a command"
