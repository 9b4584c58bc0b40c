"""Memory kept as runs of bytes says what memory byte by byte would say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml.plan.tagged import TaggedMemory

SIZE = 24
places = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)
deeds = st.tuples(
    st.sampled_from(["write", "move"]),
    places,
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(0, SIZE),
)


@given(st.lists(deeds, max_size=30), places, st.integers(0, 3), st.integers(0, 1))
def test_as_if_byte_by_byte(
    done: list[tuple[str, list[int], int, int, int]], place: list[int], tag: int, step: int
) -> None:
    runs, tags = TaggedMemory(SIZE, 9), np.full(SIZE, 9)
    for deed, (start, end), value, grows, to in done:
        if deed == "write":
            runs.write(start, end - start, value, grows)
            tags[start:end] = value + grows * np.arange(end - start)
        elif to + end - start <= SIZE:
            runs.move(start, end - start, to)
            tags[to : to + end - start] = tags[start:end].copy()
    for at in range(SIZE):
        assert runs.holds(at, 1, int(tags[at]), 0)
        assert not runs.holds(at, 1, int(tags[at]) + 1, 1)
    start, end = place
    wanted = tag + step * np.arange(end - start)
    assert runs.holds(start, end - start, tag, step) == np.array_equal(tags[start:end], wanted)


def test_rows_that_follow_each_other_are_one_run() -> None:
    runs = TaggedMemory(1 << 30, 0)
    for row in range(100):
        runs.write(row * 1000, 1000, 5000 + row * 1000, 1)
    assert len(runs) == 2


@pytest.mark.parametrize(("start", "nbytes"), [(-1, 1), (SIZE, 1), (0, SIZE + 1), (4, -1)])
def test_what_lies_outside_is_an_error(start: int, nbytes: int) -> None:
    with pytest.raises(IndexError):
        TaggedMemory(SIZE, 0).write(start, nbytes, 1, 0)
