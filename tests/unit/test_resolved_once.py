"""What a command was asked for becomes one target, and one verdict, that travel with the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.values.calls import calls_of
from tinyml import api
from tinyml.plan.fit import fit
from tinyml.plan.planner import plan
from tinyml.project.saved import load_planned
from tinyml.project.settings import resolve

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


def made(folder: Path) -> api.Built:
    settings = api.Settings(directory=folder, project_only=True)
    return api.build(DIGITS, api.load_board("nucleo_l4r5zi"), settings)


@pytest.mark.parametrize("function", [resolve, fit, plan])
def test_a_build_asks_once(function: Callable[..., Any], tmp_path: Path) -> None:
    """Template, limits and verdict were found anew by every stage that needed them."""
    assert calls_of(function, lambda: made(tmp_path)) == 1


@pytest.mark.parametrize("function", [resolve, fit, plan])
def test_whoever_opens_a_build_does_not_ask_at_all(
    function: Callable[..., Any], tmp_path: Path
) -> None:
    built = made(tmp_path)
    assert calls_of(function, lambda: load_planned(tmp_path, None)) == 0
    opened = load_planned(tmp_path, None)
    assert opened.target.template == built.planned.target.template
    assert opened.verdict == built.planned.verdict
