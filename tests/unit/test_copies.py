"""Constants in RAM: what waiting for flash costs, which are copied, and what that is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tinyml.base.errors import PlanError
from tinyml.codegen.generate import generate
from tinyml.ops import macs_of
from tinyml.passes import run_passes
from tinyml.plan.copies import constant_waits, with_copies
from tinyml.plan.fit import fit
from tinyml.plan.planner import plan
from tinyml.plan.values import COPIED, Plan
from tinyml.plan.verify import verify
from tinyml.report.text import fit_sentences
from tinyml.target.board import Board
from tinyml.target.boards import load_board
from tinyml.target.caches import Backing, Cache

WAIT_CYCLES = 400  # of eight bytes, as those of a slow serial flash


def behind(nbytes: int, miss_cycles: int = 10) -> Board:
    """A board with a data cache of that size before its flash, and so many cycles for 8 bytes."""
    board = load_board("nucleo_l4r5zi")
    backing = Backing(board.flash.region, 8, miss_cycles, miss_cycles)
    cache = Cache("data", "data", nbytes, 1, 8, (backing,), "")
    return replace(board, chip=replace(board.chip, caches=(cache,)))


def planned(board: Board, optimize: str = "balanced") -> Plan:
    return plan(run_passes(small_network()), board, optimize=optimize)


def constants_of(made: Plan) -> list[int]:
    return [step.call.constant_bytes() if step.call else 0 for step in made.steps]


def test_weights_that_fit_the_cache_cost_no_waiting() -> None:
    made = planned(behind(1 << 20))
    total = sum(constants_of(made))
    assert not any(constant_waits(made.graph, made.steps, behind(total)))
    assert any(constant_waits(made.graph, made.steps, behind(total - 1)))


@pytest.mark.parametrize("at_once", [1, 2])
def test_weights_are_read_once_for_as_many_pixels_as_the_kernel_takes(at_once: int) -> None:
    made = planned(behind(1 << 20))
    graph = made.graph
    first = next(step for step in made.steps if graph.ops[step.ops[0]].kind == "CONV_2D")
    assert first.call is not None
    step = replace(first, call=replace(first.call, pixels_at_once=at_once))
    macs = macs_of(graph.ops[step.ops[0]], graph)
    read_bytes = max(macs // at_once, first.call.constant_bytes())
    assert constant_waits(graph, (step,), behind(8)) == (read_bytes // 8 * 10,)


def test_constants_are_read_as_often_as_the_kernel_says() -> None:
    """A depthwise layer whose kernel goes through all of its weights for each pixel."""
    made = planned(behind(1 << 20))
    graph = made.graph
    first = next(step for step in made.steps if graph.ops[step.ops[0]].kind == "DEPTHWISE_CONV_2D")
    assert first.call is not None
    nbytes = first.call.constant_bytes()
    step = replace(first, call=replace(first.call, times_read=7))
    assert constant_waits(graph, (step,), behind(8)) == (7 * nbytes // 8 * 10,)


def test_as_few_are_copied_as_let_the_cache_hold_the_rest() -> None:
    plain = planned(behind(1 << 20))
    sizes = constants_of(plain)
    board = behind(sum(sizes) - min(filter(None, sizes)), WAIT_CYCLES)
    plain = replace(plain, wait_cycles=sum(constant_waits(plain.graph, plain.steps, board)))
    first = next(with_copies(plain, board, 1 << 20))
    assert first.wait_cycles == 0 < plain.wait_cycles
    assert sum(sizes[i] for i in first.copied_steps) == min(filter(None, sizes))


def test_no_more_are_copied_than_there_is_room_for() -> None:
    board = behind(8, WAIT_CYCLES)
    plain = planned(board, "ram")
    assert plain.wait_cycles > 0
    for room_bytes in range(0, sum(constants_of(plain)) + 64, 40):
        for made in with_copies(plain, board, room_bytes):
            assert 0 < made.copied_bytes <= room_bytes
            assert made.wait_cycles < plain.wait_cycles
            verify(made, board)


@pytest.mark.parametrize(
    ("optimize", "is_copied"),
    [("balanced", True), ("speed", True), ("ram", False), ("size", False)],
)
def test_a_goal_that_saves_memory_leaves_them_in_flash(optimize: str, is_copied: bool) -> None:
    made = planned(behind(8, WAIT_CYCLES), optimize)
    assert bool(made.copied_steps) == is_copied


def test_where_waiting_is_short_balanced_leaves_them_in_flash_of_a_board_with_little_ram() -> None:
    """Half of what is left must be worth 1.4 times the speed."""
    roomy, slow = behind(8, 1), behind(8, WAIT_CYCLES)
    taken = planned(slow).copied_bytes
    needed = planned(roomy, "ram").needed_bytes(roomy.ram[0].region)
    ram = (replace(roomy.ram[0], max_bytes=needed + 2 * taken),)
    assert planned(replace(slow, ram=ram)).copied_steps
    assert not planned(replace(roomy, ram=ram)).copied_steps


def test_the_verdict_says_so_and_the_sums_are_right() -> None:
    board = behind(8, WAIT_CYCLES)
    made = planned(board)
    verdict = fit(made, board)
    assert verdict.copied is not None
    assert verdict.copied.saved_cycles > 0
    assert dict(verdict.regions[0].uses)[COPIED] == verdict.copied.nbytes == made.copied_bytes
    assert any(f"{made.copied_bytes:,} bytes of weights" in line for line in fit_sentences(verdict))
    with pytest.raises(PlanError, match="bytes of RAM, the budget"):
        verify(replace(made, copied_bytes=made.copied_bytes + 4), board)


def test_the_c_puts_them_where_the_start_up_code_copies_them() -> None:
    board = behind(8, WAIT_CYCLES)
    made, left = planned(board), planned(board, "ram")
    name = f"{made.graph.name}_weights.c"
    assert "TML_IN_RAM(" in generate(made, board).text(name)
    assert "TML_IN_RAM(" not in generate(left, board).text(name)
