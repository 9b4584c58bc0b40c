"""Memory in which every byte holds a tag, kept as runs of bytes: as many as there are rows in it.

The verifier of streamed steps writes rows and looks whether they are still there. Tags of a run
grow by 1 from byte to byte (the bytes of a row) or are all the same (padding, or nothing).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class TaggedMemory:
    """``nbytes`` bytes, all with one tag at first."""

    def __init__(self, nbytes: int, tag: int) -> None:
        self._starts = [0, nbytes]  # of the runs; the last is the end
        self._runs = [(tag, 0)]  # first tag, step

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    def write(self, start: int, nbytes: int, tag: int, step: int) -> None:
        """Gives ``nbytes`` bytes the tags ``tag``, ``tag + step``, ..; ``step`` is 0 or 1."""
        self._check(start, nbytes)
        if not nbytes:
            return
        first, last = self._cut(start), self._cut(start + nbytes)
        self._starts[first:last] = [start]
        self._runs[first:last] = [(tag, step)]
        self._join(first + 1)
        self._join(first)

    def holds(self, start: int, nbytes: int, tag: int, step: int) -> bool:
        """Whether bytes have just these tags."""
        return all(
            found == tag + step * at and (found_step == step or count == 1)
            for at, count, found, found_step in self._pieces(start, nbytes)
        )

    def tag_at(self, at: int) -> int:
        """The tag of a byte."""
        return next(tag for _, _, tag, _ in self._pieces(at, 1))

    def move(self, start: int, nbytes: int, to: int) -> None:
        """Copies tags as ``memmove`` copies bytes."""
        for at, count, tag, step in list(self._pieces(start, nbytes)):
            self.write(to + at, count, tag, step)

    def _pieces(self, start: int, nbytes: int) -> Iterator[tuple[int, int, int, int]]:
        """Offset from ``start``, bytes, first tag and step of what lies there."""
        self._check(start, nbytes)
        end, index = start + nbytes, bisect_right(self._starts, start) - 1
        while start < end and self._starts[index] < end:
            low = max(start, self._starts[index])
            count = min(end, self._starts[index + 1]) - low
            tag, step = self._runs[index]
            yield low - start, count, tag + step * (low - self._starts[index]), step
            index += 1

    def _check(self, start: int, nbytes: int) -> None:
        if nbytes < 0 or not 0 <= start <= start + nbytes <= self._starts[-1]:
            raise IndexError(f"bytes [{start}, {start + nbytes}) of {self._starts[-1]}")

    def _cut(self, at: int) -> int:
        """The run that begins at a byte, after cutting the one that holds it."""
        index = bisect_left(self._starts, at)
        if self._starts[index] != at:
            tag, step = self._runs[index - 1]
            self._starts.insert(index, at)
            self._runs.insert(index, (tag + step * (at - self._starts[index - 1]), step))
        return index

    def _join(self, index: int) -> None:
        """Makes a run one with that in front of it, when its tags go on from there."""
        if not 0 < index < len(self._runs):
            return
        tag, step = self._runs[index - 1]
        count = self._starts[index] - self._starts[index - 1]
        if self._runs[index] == (tag + step * count, step):
            del self._starts[index], self._runs[index]
