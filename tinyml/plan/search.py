"""The allocation problem in units, and its exact search by branch and bound.

A layout is a choice, for each pair of ranges, of which one is below. A choice is an inequality
``offset[b] >= offset[a] + distance``; the lowest offsets that satisfy a set of them are longest
paths. The search starts with no choice made (all offsets 0), takes the largest pair that is still
in conflict, tries both choices, and gives up a branch when some path is as long as the best layout
known. It visits at most a given number of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """Ranges to lay out, all numbers in units."""

    sizes: tuple[int, ...]
    pairs: tuple[tuple[int, int, int, int], ...]
    """(a, b, distance of a below b, distance of b below a); one of the two must be kept."""
    neighbours: tuple[tuple[tuple[int, int, int], ...], ...] = field(init=False, repr=False)
    """Per range: (other, distance of this below it, distance of it below this)."""

    def __post_init__(self) -> None:
        around: list[list[tuple[int, int, int]]] = [[] for _ in self.sizes]
        for a, b, below_b, below_a in self.pairs:
            around[a].append((b, below_b, below_a))
            around[b].append((a, below_a, below_b))
        object.__setattr__(self, "neighbours", tuple(map(tuple, around)))

    def height(self, offsets: Sequence[int]) -> int:
        """Size of the arena that a layout needs."""
        return max(map(int.__add__, offsets, self.sizes), default=0)

    def place(self, order: Iterable[int]) -> list[int]:
        """Puts each range in turn at the lowest offset that those before it leave free."""
        offsets = [-1] * len(self.sizes)
        self.put(order, offsets)
        return offsets

    def put(self, order: Iterable[int], offsets: list[int], limit: int | None = None) -> bool:
        """Places further ranges as ``place`` does, into ``offsets``, which is -1 for those to come.

        False as soon as one of them reaches above ``limit``; the rest is then not placed.
        """
        for i in order:
            taken = [
                (at - below, at + above)
                for j, below, above in self.neighbours[i]
                if (at := offsets[j]) >= 0
            ]
            taken.sort()
            lowest = 0
            for start, end in taken:
                if lowest <= start:
                    break
                if end > lowest:
                    lowest = end
            if limit is not None and lowest + self.sizes[i] > limit:
                return False
            offsets[i] = lowest
        return True


def search(
    problem: Problem, offsets: Sequence[int], bound: int, max_nodes: int
) -> tuple[list[int], bool]:
    """The best layout found, and whether it is proven that none is lower.

    ``offsets`` is a layout to improve on; ``bound`` a height that none can beat.
    """
    best = list(offsets)
    state = _State(problem, problem.height(best))
    pairs = sorted(problem.pairs, key=lambda pair: -pair[2] - pair[3])
    untried: list[tuple[int, tuple[int, int, int]]] = []
    for _ in range(max_nodes):
        choices = state.conflict(pairs)
        if choices is None:
            best = list(state.offsets)
            state.limit = problem.height(best)
            if state.limit <= bound:
                return best, True
            is_possible = False
        else:
            first, second = choices
            untried.append((len(state.trail), second))
            is_possible = state.add(*first)
        while not is_possible:
            if not untried:
                return best, True
            mark, choice = untried.pop()
            state.undo(mark)
            is_possible = state.add(*choice)
    return best, False


@dataclass(slots=True)
class _State:
    """Choices made so far and the lowest offsets that they allow."""

    problem: Problem
    limit: int  # height that a layout must stay below
    offsets: list[int] = field(init=False)
    above: list[list[tuple[int, int]]] = field(init=False)  # choices: (range above, distance)
    trail: list[tuple[int, int]] = field(default_factory=list)  # (range, offset before) or (a, -1)

    def __post_init__(self) -> None:
        self.offsets = [0] * len(self.problem.sizes)
        self.above = [[] for _ in self.problem.sizes]

    def conflict(
        self, pairs: Sequence[tuple[int, int, int, int]]
    ) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
        """The two choices for the first pair in conflict, the cheaper one first."""
        offsets = self.offsets
        for a, b, below_b, below_a in pairs:
            gap = offsets[b] - offsets[a]
            if gap < below_b and -gap < below_a:
                if offsets[a] + below_b <= offsets[b] + below_a:
                    return (a, b, below_b), (b, a, below_a)
                return (b, a, below_a), (a, b, below_b)
        return None

    def add(self, low: int, high: int, distance: int) -> bool:
        """Chooses ``low`` below ``high``; False when no layout under the limit does so."""
        self.above[low].append((high, distance))
        self.trail.append((low, -1))
        raised = [low]
        while raised:
            i = raised.pop()
            for j, gap in self.above[i]:
                offset = self.offsets[i] + gap
                if offset <= self.offsets[j]:
                    continue
                # Raising the start of the new choice means that the choices form a cycle.
                if j == low or offset + self.problem.sizes[j] >= self.limit:
                    return False
                self.trail.append((j, self.offsets[j]))
                self.offsets[j] = offset
                raised.append(j)
        return True

    def undo(self, mark: int) -> None:
        """Takes back everything since the trail had ``mark`` entries."""
        while len(self.trail) > mark:
            i, offset = self.trail.pop()
            if offset < 0:
                self.above[i].pop()
            else:
                self.offsets[i] = offset
