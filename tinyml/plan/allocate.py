"""Live ranges → offsets in one arena: as low as we can get, and how low anyone could.

Two ranges that are alive at the same time need a separation: either a starts at least so many
units below b, or b below a. For ordinary ranges that is the size of the lower one; where a kernel
allows its output to share memory with its input it is less, and may be negative. A unit is
``ALIGNMENT`` bytes, so every offset is aligned.

Greedy placement in several orders gives a first layout, swaps in the best order improve it, and an
exact search (``tinyml.plan.search``) proves it optimal or improves it further, unless the first
already meets the lower bound. All of it is deterministic: work is limited by counts, not by time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tinyml.plan.search import Problem, search

ALIGNMENT = 16  # bytes; what kernels may rely on and TFLM's tensors have

_SWAPS = 300  # attempts to improve a layout by exchanging two places in the order
_NODES = 3_000  # of the exact search
_MAX_EXACT = 96  # ranges; above, only greedy and swaps


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes that are needed from step ``first_use`` to ``last_use``, both inclusive."""

    first_use: int
    last_use: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """Range ``output`` may overlap range ``input`` when it starts ``distance_bytes`` below it.

    Negative distances let it start above.
    """

    output: int
    input: int
    distance_bytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets of all ranges in the arena."""

    offsets: tuple[int, ...]  # bytes, multiples of ALIGNMENT
    arena_bytes: int  # multiple of ALIGNMENT
    lower_bound_bytes: int  # no layout of these ranges can take less; equal when proven optimal


def allocate(ranges: Sequence[Range], sharings: Iterable[Sharing] = ()) -> Layout:
    """A layout of the ranges that takes little memory; sharings must be of ranges that meet."""
    return _allocated(tuple(ranges), tuple(sharings))


@lru_cache(maxsize=256)  # programs that differ in kernels only, and goals, ask for the same
def _allocated(ranges: tuple[Range, ...], sharings: tuple[Sharing, ...]) -> Layout:
    kept = {(item.output, item.input): item for item in sharings}
    problem = _problem(ranges, kept)
    bound = _lower_bound(ranges, kept)
    offsets = _greedy(problem, ranges, bound)
    if problem.height(offsets) > bound:
        offsets = _swaps(problem, offsets, bound)
    if problem.height(offsets) > bound and len(ranges) <= _MAX_EXACT:
        offsets, is_optimal = search(problem, offsets, bound, _NODES)
        bound = problem.height(offsets) if is_optimal else bound
    return _layout(problem, offsets, bound)


def quick_layout(ranges: Sequence[Range], sharings: Iterable[Sharing] = ()) -> Layout:
    """A first layout, which ``allocate`` can only improve."""
    kept = {(item.output, item.input): item for item in sharings}
    problem, bound = _problem(ranges, kept), _lower_bound(ranges, kept)
    return _layout(problem, _greedy(problem, ranges, bound), bound)


def quick_bytes(ranges: Sequence[Range], sharings: Iterable[Sharing] = ()) -> int:
    """The arena of a first layout; multiple of ALIGNMENT."""
    return quick_layout(ranges, sharings).arena_bytes


def _layout(problem: Problem, offsets: Sequence[int], bound: int) -> Layout:
    heights = (*offsets, problem.height(offsets), bound)
    *places, arena_bytes, bound_bytes = (units * ALIGNMENT for units in heights)
    return Layout(tuple(places), arena_bytes, bound_bytes)


def _units(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT)


def _problem(ranges: Sequence[Range], sharings: dict[tuple[int, int], Sharing]) -> Problem:
    sizes = tuple(_units(item.nbytes) for item in ranges)
    order = sorted(range(len(ranges)), key=lambda i: (ranges[i].first_use, i))
    pairs = []
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if ranges[j].first_use > ranges[i].last_use:
                break
            a, b = min(i, j), max(i, j)
            below_b = _units(sharings[a, b].distance_bytes) if (a, b) in sharings else sizes[a]
            below_a = _units(sharings[b, a].distance_bytes) if (b, a) in sharings else sizes[b]
            if below_b + below_a > 0:
                pairs.append((a, b, min(below_b, sizes[a]), min(below_a, sizes[b])))
    return Problem(sizes, tuple(pairs))


def _lower_bound(ranges: Sequence[Range], sharings: dict[tuple[int, int], Sharing]) -> int:
    """The most units alive at one step, with each output laid over its inputs as far as allowed."""
    shared: dict[int, list[tuple[int, int]]] = {}
    for item in sharings.values():
        size = _units(ranges[item.output].nbytes)
        common = min(_units(ranges[item.input].nbytes), size - max(0, _units(item.distance_bytes)))
        shared.setdefault(item.output, []).append((item.input, max(0, common)))
    bound = 0
    for step in sorted({item.first_use for item in ranges}):
        alive = {i for i, item in enumerate(ranges) if item.first_use <= step <= item.last_use}
        total = sum(_units(ranges[i].nbytes) for i in alive)
        for i in alive & shared.keys():
            common = sum(units for j, units in shared[i] if j in alive)
            total -= min(common, _units(ranges[i].nbytes))
        bound = max(bound, total)
    return bound


def _greedy(problem: Problem, ranges: Sequence[Range], bound: int) -> list[int]:
    """The best of the layouts that simple orders of placement give."""
    keys = (
        # Backwards in time first: outputs that move below their inputs pile up from the bottom.
        [(-item.last_use, -item.first_use, -item.nbytes) for item in ranges],
        [(-item.nbytes, -item.last_use, -item.first_use) for item in ranges],
        [(-item.nbytes, item.first_use, item.last_use) for item in ranges],
        [(item.first_use, item.last_use, -item.nbytes) for item in ranges],
    )
    best: list[int] = []
    for key in keys:
        offsets = problem.place(sorted(range(len(ranges)), key=key.__getitem__))
        if not best or problem.height(offsets) < problem.height(best):
            best = offsets
        if problem.height(best) <= bound:
            break
    return best


def _swaps(problem: Problem, offsets: list[int], bound: int) -> list[int]:
    """Improves a layout by exchanging ranges in the order that reproduces it."""
    order = sorted(range(len(offsets)), key=lambda i: (offsets[i], i))
    placed = problem.place(order)  # what the order gives
    best, height = offsets, problem.height(offsets)
    if problem.height(placed) <= height:
        best, height = placed, problem.height(placed)
    chance = random.Random(0)
    for _ in range(_SWAPS):
        if height <= bound:
            break
        a, b = chance.randrange(len(order)), chance.randrange(len(order))
        order[a], order[b] = order[b], order[a]
        tried = [-1] * len(order)
        for i in order[: min(a, b)]:
            tried[i] = placed[i]
        if problem.put(order[min(a, b) :], tried, height):
            best = placed = tried
            height = problem.height(tried)
        else:
            order[a], order[b] = order[b], order[a]
    return best
