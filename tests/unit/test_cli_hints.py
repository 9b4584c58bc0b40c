"""A hint names options of the command that failed, or says whose they are."""

from __future__ import annotations

from tinyml.cli import cli
from tinyml.cli.hints import command_of, with_owners


def said(hint: str, command: str) -> str:
    return with_owners(hint, command, cli.commands)


def test_an_option_that_the_command_lacks_is_said_to_be_anothers() -> None:
    """``check x.pt`` gave a hint with --weights, which check does not have."""
    hint = "name the function: net.py:build --weights x.pt"
    assert said(hint, "check") == f"{hint} (--weights: of 'tinyml convert' and 'tinyml build')"
    assert said(hint, "convert") == hint
    assert (
        said("take --trust-model", "build")
        == "take --trust-model (--trust-model: of 'tinyml convert')"
    )


def test_what_is_clear_stays_as_it_is() -> None:
    for hint in ("pip install --upgrade x", "'tinyml convert m.onnx --weights x' does it", "wait"):
        assert said(hint, "check") == hint
    assert said("--weights x", "") == "--weights x"
    assert command_of(["-v", "check", "build"], cli.commands) == "check"
