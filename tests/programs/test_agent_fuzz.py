"""A small part of what ``python -m tests.fuzz.commands`` and ``….sessions`` do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz import commands, sessions

pytestmark = pytest.mark.host_cc


def test_random_commands_find_nothing(tmp_path: Path) -> None:
    found = commands.run(20_000, 2, tmp_path)
    assert found.faults == []
    assert found.commands == 20_000
    assert found.replies["m-done"] > 1000  # many of them were carried out


def test_answers_that_are_wrong_are_found() -> None:
    found = commands.Findings()
    good = b"m-init-done\r\nm-ready\r\nm-cycles-[7]-ABCD\r\nm-ready\r\n"
    commands.check(1, good, found)
    assert len(found.faults) == 1
    assert "does not agree with its checksum" in found.faults[0]
    commands.check(2, b"m-ready\r\nm-ready\r\n", found)
    assert found.faults[1] == "1 replies to 2 commands"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to make a shared library")
def test_disturbed_sessions_give_no_wrong_figure(tmp_path: Path) -> None:
    """A time of -98,473 us and the stack of a board that had been reset were reported."""
    outcome = sessions.run(100, 2, tmp_path)
    assert outcome.wrong == []
    assert outcome.right > 20
    assert outcome.errors["the board was reset in the middle of the session"] > 5
    assert min(outcome.disturbed.values()) > 5
