"""Plays a stream through, stage by stage, in the order that firmware/kernels/stream.h chooses.

The deepest stage that has its rows runs first. From the order follow the rows that each window must
hold, when short-lived windows are in use, and how far the output may follow the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tinyml.ir.kernel import Reading, Rows, Stage

_NEVER = 1 << 30  # a row that no stage reads


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was found."""

    runs: int  # of all stages, rows of padding included
    capacity: tuple[int, ...]  # rows that each window must hold
    spans: tuple[tuple[int, int], ...]  # first and last stage that run while a window holds rows
    progress: tuple[tuple[int, int, int], ...]  # after each run: stage, rows written, row kept


def play(rows: Sequence[Rows], stages: Sequence[Stage]) -> Schedule | None:
    """The schedule of a stream; None when it would stop short of its end."""
    state = _State(rows, stages)
    given = next(i for i, item in enumerate(rows) if item.place == "input")
    made = next(i for i, item in enumerate(rows) if item.place == "output")
    progress = []
    for number in state.run():
        progress.append((number, state.end[made], state.keep(given)))
    if state.end[made] < rows[made].count:
        return None
    last = len(stages) - 1
    spans = tuple((0, last) if item.is_padded else state.span(i) for i, item in enumerate(rows))
    return Schedule(len(progress), tuple(state.capacity), spans, tuple(progress))


@dataclass
class _State:
    """How far everything is; as ``tml_stream_state``."""

    rows: Sequence[Rows]
    stages: Sequence[Stage]
    end: list[int] = field(init=False)
    runs: list[int] = field(init=False)
    capacity: list[int] = field(init=False)
    during: list[set[int]] = field(init=False)  # stages that run while a window holds rows
    readers: list[list[tuple[int, Reading]]] = field(init=False)
    passing: tuple[int, ...] = field(init=False)  # windows without padding: short-lived, perhaps

    def __post_init__(self) -> None:
        self.end = [item.above + item.count * (item.place == "input") for item in self.rows]
        self.runs = [0] * len(self.stages)
        self.capacity = [item.above for item in self.rows]
        self.during = [set() for _ in self.rows]
        self.readers = [[] for _ in self.rows]
        self.passing = tuple(
            i for i, item in enumerate(self.rows) if item.place == "scratch" and not item.is_padded
        )
        for number, stage in enumerate(self.stages):
            for reading in stage.inputs:
                self.readers[reading.rows].append((number, reading))

    def keep(self, rows: int) -> int:
        """The lowest row that is still to be read."""
        least = _NEVER
        for number, reading in self.readers[rows]:
            run = self.runs[number]
            if run < self.stages[number].runs:
                least = min(least, reading.start + run * reading.step)
        return least

    def run(self) -> Iterator[int]:
        """Runs everything, yielding the stage of each run."""
        while True:
            number = len(self.stages) - 1
            while number >= 0 and not self._is_ready(number):
                number -= 1
            if number < 0:
                return
            self._run(number)
            yield number

    def _is_ready(self, number: int) -> bool:
        stage, run = self.stages[number], self.runs[number]
        if run >= stage.runs:
            return run < stage.runs + self.rows[stage.output].below
        for reading in stage.inputs:
            if reading.start + run * reading.step + reading.need > self.end[reading.rows]:
                return False
        return True

    def _run(self, number: int) -> None:
        stage = self.stages[number]
        made, count = stage.output, stage.band if self.runs[number] < stage.runs else 1
        for i in self.passing:
            if number not in self.during[i] and self.keep(i) < self.end[i]:
                self.during[i].add(number)
        self.during[made].add(number)
        kept = min(self.keep(made), self.end[made])
        self.capacity[made] = max(self.capacity[made], self.end[made] + count - kept)
        self.end[made] += count
        self.runs[number] += 1

    def span(self, rows: int) -> tuple[int, int]:
        """First and last stage that run while a window holds rows."""
        return min(self.during[rows], default=0), max(self.during[rows], default=0)
