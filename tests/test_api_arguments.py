"""Whatever is given to ``tinyml.api``, what is wrong with it is one clear error.

A string for a board, a path for a build and None for a model ended in AttributeError and TypeError
deep inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml import api
from tinyml.base.errors import TinymlError

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"
FUNCTIONS = [name for name in api.__all__ if not inspect.isclass(getattr(api, name))]


class Odd:
    """Cannot even be shown."""

    def __repr__(self) -> str:
        raise ValueError("no")


BAD = (
    *(None, 5, -1, 1.5, float("nan"), True, b"x", "x", "", "\0", [], {}, (), [1], ((1,),)),
    *(Odd(), Path("nope"), np.zeros(3), int, lambda: 0),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A right value of each parameter, by its name."""
    board, folder = api.load_board(BOARD), tmp_path_factory.mktemp("build")
    settings = api.Settings(directory=folder, project_only=True)
    built = api.build(DIGITS, board, settings)
    feed = api.samples_of(built.plan.graph, None, 1)
    return {
        **{"model": DIGITS, "board": board, "settings": settings, "options": api.ConvertOptions()},
        **{"built": built, "inputs": feed, "samples": feed, "connection": api.Connection()},
        **{"before": folder, "after": folder, "name_or_path": BOARD, "path": folder},
        **{"graph": built.plan.graph, "build": folder},
    }


def holds(call: Callable[[], object]) -> None:
    """Calls it: an error of ours or none, and no other."""
    with suppress(TinymlError):
        call()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_argument_ends_in_another_error(
    name: str, good: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    function = getattr(api, name)
    parameters = inspect.signature(function).parameters
    for parameter in parameters:
        for value in BAD:
            right = {item: good[item] for item in parameters if item in good}
            holds(
                lambda value=value, parameter=parameter, right=right: function(
                    **{**right, parameter: value}
                )
            )


@pytest.mark.parametrize("kind", [api.Settings, api.Limits, api.ConvertOptions, api.Connection])
def test_nor_does_an_option(
    kind: Any, good: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    use: dict[type, Callable[[Any], object]] = {
        api.Settings: lambda held: api.build(DIGITS, good["board"], held),
        api.Limits: lambda held: api.plan(DIGITS, good["board"], api.Settings(limits=held)),
        api.ConvertOptions: lambda held: api.convert(DIGITS, held),
        api.Connection: lambda held: api.verify(good["built"], good["samples"], held),
    }
    start = good["settings"] if kind is api.Settings else kind()
    for item in fields(kind):
        for value in BAD:
            changed = replace(start, **{item.name: value})
            holds(lambda changed=changed: use[kind](changed))


def test_what_is_said(good: dict[str, Any]) -> None:
    cases: list[tuple[Callable[[], object], str, str]] = [
        (
            lambda: api.check(DIGITS, BOARD),
            f"check(): 'board' must be a Board, found str '{BOARD}'",
            "load_board(NAME) or load_board(FILE) makes one",
        ),
        (
            lambda: api.simulate("build/x", good["samples"]),
            "simulate(): 'built' must be a Built, found str 'build/x'",
            "build() makes one, open_build(DIRECTORY) opens one",
        ),
        (
            lambda: api.check(None, good["board"]),
            "check(): 'model' must be a str, a pathlib.Path, a ModelFile or a Graph, found None",
            "load(MODEL) reads one",
        ),
        (
            lambda: api.plan(
                DIGITS,
                good["board"],
                api.Settings(limits=api.Limits(ram_budget=("1K", 5))),
            ),
            "plan(): 'settings.limits.ram_budget[1]' must be a str, found int 5",
            "",
        ),
    ]
    for call, message, hint in cases:
        with pytest.raises(TinymlError) as caught:
            call()
        assert caught.value.message == message
        assert (caught.value.hint or "") == hint


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ((), "sample 0 is empty; the model takes int8 [1, 8, 8, 1]"),
        ((np.zeros((1, 8, 8), np.int8),), r"sample 0 is int8 [1, 8, 8]; the model takes"),
        ((np.zeros((1, 8, 8, 1)),), r"sample 0 is float64 [1, 8, 8, 1]; the model takes"),
        ((np.zeros((1, 8, 8, 1), np.int8),) * 2, "int8 [1, 8, 8, 1], int8 [1, 8, 8, 1]; the"),
    ],
)
def test_samples_of_another_form(good: dict[str, Any], sample: Any, message: str) -> None:
    """They reached the board's memory, or ended in a traceback."""
    with pytest.raises(TinymlError) as caught:
        api.simulate(good["built"], [sample])
    assert message in caught.value.message
    with pytest.raises(TinymlError, match="there is no sample to run"):
        api.simulate(good["built"], [])


def test_other_annotations() -> None:
    from tinyml.base.arguments import checked

    @checked()
    def function(a: float, b: bool = False, c: tuple[int, str] = (1, "x")) -> float:
        return a

    assert function(1) == 1
    for wrong in ({"a": "1"}, {"a": True}, {"a": 1, "b": 1}, {"a": 1, "c": (1,)}):
        with pytest.raises(TinymlError, match="must be"):
            function(**wrong)
