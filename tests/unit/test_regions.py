"""Arenas over several regions: what is spilled, what it costs, and that the layout is sound."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.models.small_graphs import GraphBuilder
from tests.support.values.small_boards import small_board
from tinyml.ir.graph import Graph
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.plan.allocate import ALIGNMENT, Range
from tinyml.plan.fit import fit
from tinyml.plan.planner import plan
from tinyml.plan.regions import Room, spread
from tinyml.plan.verify import verify
from tinyml.report import text
from tinyml.target.board import Board

ROOMS = (Room("fast", 256), Room("slow", 4096))


def skip_connection(nbytes: int = 1024) -> Graph:
    """x is kept for the end while small things happen to a part that does not depend on it."""
    b = GraphBuilder()
    x, small = b.value("x", (1, nbytes)), b.value("small", (1, 64))
    for i in range(3):
        small = b.op("RELU", (small,), b.value(f"s{i}", (1, 64)), NoAttrs())
    y = b.op("RELU", (x,), b.value("y", (1, nbytes)), NoAttrs())
    return b.graph((x, 1), (y, small))


def test_the_busiest_bytes_come_first() -> None:
    ranges = [Range(0, 9, 200), Range(0, 9, 100), Range(0, 9, 100)]
    found = spread(ranges, [200, 500, 400], (), ROOMS)
    assert found is not None
    assert found.regions == ("slow", "fast", "fast")
    assert found.arena_bytes == (("fast", 224), ("slow", 208))


def test_a_range_that_fits_nowhere_is_no_layout() -> None:
    assert spread([Range(0, 1, 5000)], [1], (), ROOMS) is None


def test_a_plan_is_spread_only_when_the_first_region_is_short() -> None:
    graph = skip_connection()
    roomy = plan(graph, small_board(fast=65_536, slow=65_536), agent=False)
    assert [region for region, _ in roomy.arena_bytes] == ["fast"]
    board = board_with_arena(graph, 512)
    made = plan(graph, board, agent=False)
    verify(made, board)
    assert dict(made.arena_bytes) == {"fast": 64, "slow": 1024}
    verdict = fit(made, board)
    assert verdict.is_ok
    assert any(
        line.startswith("slow holds 'x' 1,024, 'y' 1,024 (1,024 bytes, least work per byte)")
        for line in text.fit_sentences(verdict)
    )


def test_waiting_for_a_slow_region_is_counted() -> None:
    graph = skip_connection()
    board = board_with_arena(graph, 512)
    regions = tuple(
        dataclasses.replace(item, read_wait_cycles=5 * (item.name == "slow"))
        for item in board.chip.regions
    )
    slow = dataclasses.replace(board, chip=dataclasses.replace(board.chip, regions=regions))
    made = plan(graph, slow, agent=False)
    assert made.stall_cycles == 5 * 2 * 2 * 1024 // 4 - 5 * 2 * 1024 // 4  # x: read; y: written
    assert plan(graph, board, agent=False).stall_cycles == 0


def test_what_fits_nowhere_is_laid_out_in_the_largest_region() -> None:
    graph = skip_connection(100_000)
    board = board_with_arena(graph, 512)
    made = plan(graph, board, agent=False)
    assert [region for region, _ in made.arena_bytes] == ["slow"]
    assert not fit(made, board).is_ok


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.integers(0, 5), st.integers(1, 300), st.integers(0, 10_000)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_no_two_ranges_of_a_region_meet(items: list[tuple[int, int, int, int]]) -> None:
    ranges = [Range(first, first + length, nbytes) for first, length, nbytes, _ in items]
    found = spread(ranges, [work for *_, work in items], (), ROOMS)
    assert found is not None
    sizes = dict(found.arena_bytes)
    for i, a in enumerate(ranges):
        assert found.offsets[i] + a.nbytes <= sizes[found.regions[i]]
        for j, b in enumerate(ranges[:i]):
            meet = a.first_use <= b.last_use and b.first_use <= a.last_use
            apart = (
                found.offsets[i] + a.nbytes <= found.offsets[j]
                or found.offsets[j] + b.nbytes <= found.offsets[i]
            )
            assert not meet or apart or found.regions[i] != found.regions[j]


def board_with_arena(graph: Graph, arena_bytes: int) -> Board:
    """A board whose first region has so much left for the arena, and a large second one."""
    probe = small_board(fast=65_536, slow=65_536)
    rest = sum(
        use.nbytes
        for use in plan(graph, probe, agent=False).uses
        if use.region == "fast" and use.purpose in ("runtime", "stack")
    )
    return small_board(fast=rest + arena_bytes, slow=65_536)


def test_an_output_lies_over_its_input_where_ram_counts() -> None:
    """An input too large for the first region lay apart from its output: 247 KB instead of 149."""
    b = GraphBuilder()
    x = b.value("x", (1, 16, 16, 4))
    attrs = Pool2dAttrs("VALID", 2, 2, 2, 2)
    y = b.op("MAX_POOL_2D", (x,), b.value("y", (1, 8, 8, 4)), attrs)
    graph = b.graph((x,), (y,))
    board = board_with_arena(graph, 512)
    fast, dense = (plan(graph, board, optimize=goal, agent=False) for goal in ("speed", "balanced"))
    for made in (fast, dense):
        verify(made, board)
        assert fit(made, board).is_ok
    assert dict(fast.arena_bytes) == {"fast": 256, "slow": 1024}
    assert dict(dense.arena_bytes) == {"slow": 1024 + ALIGNMENT}
