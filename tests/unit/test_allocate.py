"""Live ranges as tables (first use, last use, bytes) → arena bytes, without any model."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml.plan.allocate import ALIGNMENT, Layout, Range, Sharing, allocate
from tinyml.plan.search import Problem, search

TABLES: dict[str, tuple[list[tuple[int, int, int]], int]] = {
    "nothing": ([], 0),
    "one": ([(-1, 0, 640)], 640),
    "rounded up": ([(-1, 0, 1)], 16),
    "chain": ([(-1, 0, 640), (0, 1, 128), (1, 2, 128), (2, 3, 640)], 768),
    "same time": ([(0, 1, 16), (0, 1, 32), (1, 1, 48)], 96),
    "never together": ([(0, 0, 160), (1, 1, 160), (2, 2, 160)], 160),
    "residual": ([(-1, 0, 48), (0, 3, 256), (1, 2, 256), (2, 3, 256), (3, 4, 256)], 768),
    "beyond greedy": ([(3, 3, 48), (1, 1, 80), (4, 5, 80), (3, 4, 48), (1, 3, 32)], 128),
}


def layout(table: list[tuple[int, int, int]], *sharings: tuple[int, int, int]) -> Layout:
    return allocate([Range(*row) for row in table], [Sharing(*item) for item in sharings])


@pytest.mark.parametrize("name", TABLES)
def test_arena_of_a_table(name: str) -> None:
    table, arena_bytes = TABLES[name]
    found = layout(table)
    assert (found.arena_bytes, found.lower_bound_bytes) == (arena_bytes, arena_bytes)
    assert not clashes(table, found.offsets, {})


def test_in_place() -> None:
    found = layout([(-1, 0, 320), (0, 1, 320), (1, 2, 320)], (1, 0, 0), (2, 1, 0))
    assert found.offsets == (0, 0, 0)
    assert found.arena_bytes == found.lower_bound_bytes == 320


def test_outputs_that_need_a_head_start_pile_up_backwards() -> None:
    """Four layers that each write 64 bytes ahead: the first value lies highest."""
    table = [(i - 1, i, 8000) for i in range(5)]
    found = layout(table, *[(i + 1, i, 64) for i in range(4)])
    assert found.offsets == (256, 192, 128, 64, 0)
    assert found.arena_bytes == 8256
    assert found.lower_bound_bytes == 8256, "the search proves that 8064 is out of reach"


def test_negative_distances_move_values_up_again() -> None:
    table = [(-1, 0, 320), (0, 1, 160), (1, 2, 160)]
    found = layout(table, (1, 0, -160), (2, 1, 64))
    assert found.arena_bytes == found.lower_bound_bytes == 320
    assert found.offsets[1] <= found.offsets[0] + 160
    assert found.offsets[2] <= found.offsets[1] - 64


def test_sharing_never_costs_more_than_separation() -> None:
    table = [(-1, 0, 160), (0, 1, 160)]
    assert layout(table, (1, 0, 4000)).arena_bytes == 320


def test_offsets_are_aligned() -> None:
    found = layout([(0, 1, 3), (0, 1, 5), (1, 2, 17)])
    assert all(offset % ALIGNMENT == 0 for offset in found.offsets)


ROWS = st.tuples(st.integers(-1, 12), st.integers(0, 5), st.integers(1, 5000)).map(
    lambda row: (row[0], row[0] + row[1], row[2])
)


@st.composite
def tables_with_sharings(
    draw: st.DrawFn,
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    table = draw(st.lists(ROWS, max_size=25))
    meeting = [
        (j, i)
        for i, a in enumerate(table)
        for j, b in enumerate(table)
        if i != j and a[1] == b[0] and a[0] < b[0]
    ]
    chosen = draw(st.lists(st.sampled_from(meeting), max_size=6, unique=True)) if meeting else []
    return table, [(j, i, draw(st.integers(-300, 300))) for j, i in chosen]


@settings(max_examples=150, deadline=None)
@given(tables_with_sharings())
def test_no_two_ranges_clash(
    given_: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]],
) -> None:
    table, sharings = given_
    found = layout(table, *sharings)
    assert not clashes(table, found.offsets, {(j, i): d for j, i, d in sharings})
    assert all(offset >= 0 and offset % ALIGNMENT == 0 for offset in found.offsets)
    reach = max((o + row[2] for o, row in zip(found.offsets, table, strict=True)), default=0)
    assert reach <= found.arena_bytes < reach + ALIGNMENT
    assert found.lower_bound_bytes <= found.arena_bytes
    assert layout(table, *sharings) == found


def clashes(
    table: list[tuple[int, int, int]],
    offsets: tuple[int, ...],
    sharings: dict[tuple[int, int], int],
) -> list[tuple[int, int]]:
    """Pairs that share bytes and time without leave, by looking at each pair."""
    found = []
    for i, (first_a, last_a, bytes_a) in enumerate(table):
        for j, (first_b, last_b, bytes_b) in enumerate(table):
            if i == j or first_a > last_b or first_b > last_a:
                continue
            if offsets[i] >= offsets[j] + bytes_b or offsets[j] >= offsets[i] + bytes_a:
                continue
            gaps = {(i, j): offsets[j] - offsets[i], (j, i): offsets[i] - offsets[j]}
            if not any(pair in sharings and gap >= sharings[pair] for pair, gap in gaps.items()):
                found.append((i, j))
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(1, 6)), max_size=6))
def test_the_search_is_exact(rows: list[tuple[int, int, int]]) -> None:
    """Against all orders of placement, one of which is optimal where nothing is shared."""
    from itertools import permutations

    sizes = tuple(size for _, _, size in rows)
    pairs = tuple(
        (i, j, sizes[i], sizes[j])
        for i, (first_a, length_a, _) in enumerate(rows)
        for j, (first_b, length_b, _) in enumerate(rows)
        if i < j and first_a <= first_b + length_b and first_b <= first_a + length_a
    )
    problem = Problem(sizes, pairs)
    stacked = [sum(sizes[:i]) for i in range(len(sizes))]
    offsets, is_optimal = search(problem, stacked, 0, 100_000)
    assert is_optimal
    best = min(problem.height(problem.place(order)) for order in permutations(range(len(sizes))))
    assert problem.height(offsets) == best


def test_large_tables_stay_quick() -> None:
    table = [(i - 1, i + i % 7, 100 + 37 * (i * i % 89)) for i in range(400)]
    start = time.perf_counter()
    found = layout(table)
    assert time.perf_counter() - start < 5.0
    assert found.arena_bytes <= 1.3 * found.lower_bound_bytes
