"""Questions on the terminal, with nobody there to answer; names that speak to it."""

from __future__ import annotations

import threading

import click
import pytest
from click.testing import CliRunner

from tinyml.base import console
from tinyml.base.errors import DeviceError


@click.command()
def ask() -> None:
    console.confirm("go on?")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_an_answer(answer: str, code: int) -> None:
    assert CliRunner().invoke(ask, input=answer).exit_code == code


def test_without_an_answer_the_next_step_is_said() -> None:
    found = CliRunner().invoke(ask, input="").exception
    assert isinstance(found, DeviceError)
    assert "--yes" in (found.hint or "")


def test_nothing_that_is_printed_speaks_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Labels of a model reached the terminal as they were, escape sequences and all."""
    evil = "\x1b[31mred\x9b0m\u202e\r\ud800 [bold]"
    console.table(evil, ("name",), [(f"{evil}\nnext",)])
    console.line(evil)
    console.verdict(False, evil)
    console.note(evil)
    console.error(evil, evil)
    held = capsys.readouterr()
    for text in (held.out, held.err):
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "\\x1b[31mred\\x9b0m\\u202e\\r\\ud800 [bold]" in text


def test_what_takes_long_is_said_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build in a pipeline said nothing for minutes."""
    monkeypatch.delenv(console.QUIET)
    with console.progress("quick"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(console, "SLOW_S", 0.0)
    said = threading.Event()
    monkeypatch.setattr(console, "note", lambda text: said.set() if text == "slow …" else None)
    with console.progress("slow …"):
        assert said.wait(10)


def test_a_long_step_says_how_far_it_is_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(console.QUIET)
    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    with console.progress_bar() as show:
        for second in range(25):
            now = float(second)
            show("flash", second, 50)
        show("flash", 50, 50)
    assert capsys.readouterr().err == "flash: 2 %\nflash: 22 %\nflash: 42 %\n"
    monkeypatch.setenv(console.QUIET, "none")
    with console.progress_bar() as show:
        for second in (100.0, 200.0):
            now = second
            show("flash", 1, 50)
    assert capsys.readouterr().err == ""
