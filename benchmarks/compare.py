"""Measurements against the stored baseline, which docs/performance.md is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measurement

TOLERANCE = 0.01  # a regression beyond this fails; exact counts do not jitter
WATCHED = ("instructions", "arena_bytes", "ram_bytes", "flash_bytes")
BASELINE = Path(__file__).with_name("baseline.json")


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that got worse than the baseline allows."""

    key: str
    figure: str
    before: int
    now: int

    def __str__(self) -> str:
        change = 100 * (self.now - self.before) / max(1, self.before)
        return f"{self.key}: {self.figure} {self.before:,} -> {self.now:,} ({change:+.1f} %)"


def regressions(found: Iterable[Measurement], stored: Iterable[Measurement]) -> list[Regression]:
    """Figures above the baseline by more than the tolerance; new models are no regression."""
    before = {item.key: item for item in stored}
    worse = []
    for item in found:
        for figure in WATCHED if item.key in before else ():
            old, new = getattr(before[item.key], figure), getattr(item, figure)
            if new > old * (1 + TOLERANCE):
                worse.append(Regression(item.key, figure, old, new))
    return worse


def read_baseline(path: Path = BASELINE) -> list[Measurement]:
    """The stored measurements; none when there is no file."""
    if not path.exists():
        return []
    return [Measurement.from_json(item) for item in json.loads(path.read_text(encoding="utf-8"))]


def merged(stored: Iterable[Measurement], found: Iterable[Measurement]) -> list[Measurement]:
    """Both, the new one where a measurement was made again, in a stable order."""
    both = {item.key: item for item in (*stored, *found)}
    return [both[key] for key in sorted(both)]


def write_baseline(items: Iterable[Measurement], path: Path = BASELINE) -> None:
    """Stores measurements, one a line."""
    lines = ",\n".join(json.dumps(item.to_json(), separators=(",", ":")) for item in items)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
