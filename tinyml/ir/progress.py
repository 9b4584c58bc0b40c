"""How far a kernel has written and what it still reads, as patterns instead of a row per pixel.

A kernel that walks over an image does the same at every pixel, some bytes further on. So its
progress is a few patterns, each affine in the pixel's position; a plan for a large image takes no
more time and memory than one for a small image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progress:
    """Points of a kernel's work that lie on a grid; what they say grows evenly along each axis.

    At point (i, j, ..) the kernel has written at most ``written + i * written_steps[0] + ..`` bytes
    from the start of the output, while it still reads the input from byte ``reads + ..`` on.
    """

    counts: tuple[int, ...]  # points along each axis; () is a single point
    written: int
    reads: int
    written_steps: tuple[int, ...] = ()
    read_steps: tuple[int, ...] = ()

    def ahead_bytes(self) -> int:
        """By how much the writes run ahead of the reads at most."""
        steps = zip(self.counts, self.written_steps, self.read_steps, strict=True)
        ways = ((count - 1) * (wrote - read) for count, wrote, read in steps)
        return self.written - self.reads + sum(max(0, way) for way in ways)

    def scaled(self, element_bytes: int) -> Progress:
        """The same in bytes, of points that count elements."""
        return Progress(
            self.counts,
            self.written * element_bytes,
            self.reads * element_bytes,
            tuple(step * element_bytes for step in self.written_steps),
            tuple(step * element_bytes for step in self.read_steps),
        )

    def points(self) -> Iterator[tuple[int, int]]:
        """Every (written, reads); for those who want to see them one by one."""
        for place in product(*map(range, self.counts)):
            yield (
                self.written + sum(i * n for i, n in zip(place, self.written_steps, strict=True)),
                self.reads + sum(i * n for i, n in zip(place, self.read_steps, strict=True)),
            )


def affine_runs(
    *values: Sequence[int] | Counts, fixed: Sequence[int] | Counts = ()
) -> Iterator[tuple[int, int]]:
    """Half-open ranges in which each of the ``values`` grows evenly and ``fixed`` is constant."""
    count = len(values[0])
    bends, jumps = np.zeros(count, bool), np.zeros(count, bool)
    for item in values:
        bends[1:-1] |= np.diff(item, 2) != 0
    if len(fixed):
        jumps[1:] = np.diff(fixed) != 0
    start = 0
    for i in np.flatnonzero(bends | jumps).tolist():
        if jumps[i] and i > start:
            yield start, i
            start = i
        if bends[i] and i > start:
            yield start, i + 1
            start = i + 1
    if start < count:
        yield start, count


def progress_of(
    written: Sequence[int] | Counts, reads: Sequence[int] | Counts
) -> tuple[Progress, ...]:
    """The patterns of points that are given one by one."""
    made, read = np.asarray(written, np.int64), np.asarray(reads, np.int64)
    is_new = np.ones(len(made), bool)
    is_new[1:] = (np.diff(made) != 0) | (np.diff(read) != 0)
    made, read = made[is_new], read[is_new]
    found = []
    for start, end in affine_runs(made, read):
        steps = (int(made[start + 1] - made[start]),) if end > start + 1 else (0,)
        read_steps = (int(read[start + 1] - read[start]),) if end > start + 1 else (0,)
        found.append(
            Progress((end - start,), int(made[start]), int(read[start]), steps, read_steps)
        )
    return tuple(found)
