"""The memory plan that TFLM's greedy planner makes, in the same order and with the same ties.

Buffers with an offset of their own go first; the others follow by falling size (of equal ones the
last added first), each into the lowest gap between those that are alive at the same time.
Source: GreedyMemoryPlanner of tflite-micro.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 16  # bytes, of every buffer and its size


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are needed from one time to another, both inclusive."""

    nbytes: int
    first_use: int
    last_use: int
    offset: int | None = None  # when it was planned offline

    @property
    def aligned_bytes(self) -> int:
        """What it takes in the arena."""
        return -(-self.nbytes // ALIGNMENT) * ALIGNMENT


def greedy(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """The offset of each buffer in the arena's head."""
    fixed = [i for i, item in enumerate(buffers) if item.offset is not None]
    free = [i for i, item in enumerate(buffers) if item.offset is None]
    free = sorted(reversed(free), key=lambda i: -buffers[i].aligned_bytes)
    offsets = [0] * len(buffers)
    placed: list[int] = []  # by offset
    for i in [*fixed, *free]:
        own = buffers[i].offset
        offsets[i] = _lowest(buffers, i, placed, offsets) if own is None else own
        placed.insert(bisect_right([offsets[other] for other in placed], offsets[i]), i)
    return tuple(offsets)


def height(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    """Bytes of the head that a plan needs."""
    ends = (o + item.aligned_bytes for item, o in zip(buffers, offsets, strict=True))
    return max(ends, default=0)


def _lowest(buffers: Sequence[Buffer], i: int, placed: list[int], offsets: list[int]) -> int:
    wanted = buffers[i]
    candidate = 0
    for other in placed:
        item = buffers[other]
        if item.first_use > wanted.last_use or wanted.first_use > item.last_use:
            continue
        if offsets[other] - candidate >= wanted.aligned_bytes:
            break
        candidate = max(candidate, offsets[other] + item.aligned_bytes)
    return candidate
