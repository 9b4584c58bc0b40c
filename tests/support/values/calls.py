"""How often a function is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_of(function: Callable[..., Any], work: Callable[[], Any]) -> int:
    """How often a function is called in the course of some work."""
    count = 0

    def look(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is function.__code__  # type: ignore[attr-defined]

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
