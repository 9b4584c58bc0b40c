"""Measurements against the recorded peers and against the stored baseline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement

TOLERANCE = 0.01  # a regression beyond this fails; exact counts do not jitter
WATCHED = ("instructions", "arena_bytes", "ram_bytes", "flash_bytes")


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that got worse than the baseline allows."""

    key: str
    figure: str
    before: int
    now: int

    def __str__(self) -> str:
        change = 100 * (self.now - self.before) / self.before
        return f"{self.key}: {self.figure} {self.before:,} -> {self.now:,} ({change:+.1f} %)"


def key_of(item: Measurement) -> str:
    """The name of a measurement in the baseline file."""
    return f"{item.model} {item.board} {item.optimize}"


def regressions(found: list[Measurement], baseline: Path) -> list[Regression]:
    """Figures above the baseline by more than the tolerance; unknown models are no regression."""
    stored: dict[str, dict[str, int]] = json.loads(baseline.read_text(encoding="utf-8"))
    worse = []
    for item in found:
        before = stored.get(key_of(item), {})
        for figure in WATCHED:
            if figure in before and getattr(item, figure) > before[figure] * (1 + TOLERANCE):
                worse.append(
                    Regression(key_of(item), figure, before[figure], getattr(item, figure))
                )
    return worse


def write_baseline(found: list[Measurement], baseline: Path) -> None:
    """Stores the watched figures; models that were not measured now keep theirs."""
    stored: dict[str, Any] = {}
    if baseline.exists():
        stored = json.loads(baseline.read_text(encoding="utf-8"))
    for item in found:
        stored[key_of(item)] = {figure: getattr(item, figure) for figure in WATCHED}
    text = json.dumps(dict(sorted(stored.items())), indent=1) + "\n"
    baseline.write_text(text, encoding="utf-8")
