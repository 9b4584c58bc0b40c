"""The smallest part of a model that still fails: ops are left out as long as it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinyml.base.errors import TinymlError
from tinyml.conformance.merge import part_of
from tinyml.conformance.values import Case

MOST_TRIES = 80


def smallest(case: Case, fails: Callable[[Case], bool], tries: int = MOST_TRIES) -> Case:
    """A part of a failing case that fails too, and with one input if that is enough.

    First halves are tried, then quarters, down to single ops. ``fails`` is asked at most ``tries``
    times; the case itself is returned where no smaller one fails.
    """
    left = [tries]

    def is_failing(candidate: Case | None) -> bool:
        if candidate is None or left[0] <= 0:
            return False
        left[0] -= 1
        return fails(candidate)

    kept = list(range(len(case.graph.ops)))
    best, size = case, max(1, len(kept) // 2)
    while size and left[0] > 0:
        is_smaller = False
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            candidate = _part(case, rest)
            if is_failing(candidate):
                assert candidate is not None
                kept, best, is_smaller = rest, candidate, True
                break
        if not is_smaller:
            size //= 2
    is_sequence = bool(best.graph.variables)  # each vector needs those before it
    for number in range(len(best.vectors) if len(best.vectors) > 1 and not is_sequence else 0):
        one = replace(
            best,
            vectors=best.vectors[number : number + 1],
            expected=best.expected[number : number + 1],
        )
        if is_failing(one):
            return one
    return best


def _part(case: Case, kept: list[int]) -> Case | None:
    try:
        return part_of(case, kept)
    except (TinymlError, ArithmeticError, LookupError, TypeError, ValueError):
        return None  # the reference cannot follow
