"""The loops that broadcasting becomes: as few as possible, and the right elements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml.ops.loops import Loops, broadcast_loops


@pytest.mark.parametrize(
    ("a", "b", "counts", "step_a", "step_b"),
    [
        ((2, 3, 4), (2, 3, 4), (1, 1, 1, 24), (0, 0, 0, 1), (0, 0, 0, 1)),
        ((1, 1), (1,), (1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)),
        ((2, 3, 4), (), (1, 1, 1, 24), (0, 0, 0, 1), (0, 0, 0, 0)),
        ((1, 5, 6, 8), (8,), (1, 1, 30, 8), (0, 0, 8, 1), (0, 0, 0, 1)),
        ((2, 5, 6, 8), (2, 5, 6, 1), (1, 1, 60, 8), (0, 0, 8, 1), (0, 0, 1, 0)),
        ((2, 1, 3, 1), (1, 4, 1, 5), (2, 4, 3, 5), (3, 0, 1, 0), (0, 5, 0, 1)),
    ],
)
def test_loops(
    a: tuple[int, ...],
    b: tuple[int, ...],
    counts: tuple[int, ...],
    step_a: tuple[int, ...],
    step_b: tuple[int, ...],
) -> None:
    assert broadcast_loops(a, b) == Loops(counts, (step_a, step_b))


@given(
    st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=4),
    st.integers(0, 4),
)
def test_loops_visit_what_numpy_broadcasts(dims: list[tuple[int, bool, bool]], drop: int) -> None:
    a = tuple(1 if is_one else size for size, is_one, _ in dims)
    b = tuple(1 if is_one else size for size, _, is_one in dims)[drop:]
    loops = broadcast_loops(a, b)
    places = np.indices(loops.counts).reshape(4, -1)
    shape = np.broadcast_shapes(a, b)
    for operand, steps in zip((a, b), loops.steps, strict=True):
        visited = np.array(steps) @ places
        elements = np.arange(np.prod(operand, dtype=int)).reshape(operand)
        assert np.array_equal(visited, np.broadcast_to(elements, shape).reshape(-1))
