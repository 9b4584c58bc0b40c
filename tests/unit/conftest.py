"""Unit tests start no program: what needs a compiler or an emulator stands in other folders."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: Any, **_: Any) -> None:
        raise AssertionError(f"a unit test starts a program: {words[0]}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
