"""Questions on the terminal, and what happens when nobody is there to answer."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from tinyml import console
from tinyml.errors import DeviceError


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
