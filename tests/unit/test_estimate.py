"""Times before anything runs: what they are made of, and the error that they carry."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.values.reports import planned_report, small_report
from tinyml.passes import run_passes
from tinyml.plan.estimate import estimate
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.report.predicted import ms_text
from tinyml.report.text import summary
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board


def planned(board: Board) -> Plan:
    return plan(run_passes(small_network()), board, optimize="speed")


@pytest.mark.parametrize("board", all_boards(), ids=lambda board: board.name)
def test_every_board_has_a_time(board: Board) -> None:
    found = estimate(planned(board), board)
    assert found is not None
    assert found.cycles is not None
    assert found.cycles >= 0.8 * found.instructions > 0
    assert found.time_us == pytest.approx(1e6 * found.cycles / board.chip.clock_hz)


def test_the_error_is_that_of_the_core_and_of_the_prediction() -> None:
    board = load_board("nucleo_l4r5zi")
    core = board.chip.core.estimation
    assert core is not None
    assert core.error_percent is not None
    found = estimate(planned(board), board)
    assert found is not None
    assert found.error_percent == math.ceil(math.hypot(core.error_percent, core.predicted_percent))


def test_an_unknown_core_has_instructions_alone() -> None:
    board = load_board("nucleo_l4r5zi")
    strange = replace(board.chip.core, estimation=None)
    found = estimate(planned(board), replace(board, chip=replace(board.chip, core=strange)))
    assert found is not None
    assert (found.cycles, found.time_us, found.error_percent) == (None, None, None)


def test_other_kernels_than_ours_are_not_predicted() -> None:
    board = load_board("nucleo_l4r5zi")
    assert estimate(replace(planned(board), runtime="tflm"), board) is None


def test_a_summary_says_the_error_and_what_is_left_out() -> None:
    """Milliseconds stood there as if they had been measured to the microsecond."""
    simulated = summary(small_report())
    assert " ms ± 10 % per inference" in simulated
    assert "without interrupts and other users of memory" in simulated
    assert " instructions, " in (predicted := summary(planned_report()))
    assert "(predicted; without interrupts and other users of memory)" in predicted


@pytest.mark.parametrize(
    ("time_us", "text"),
    [(0.57, "0.00057"), (49.9, "0.04990"), (123.4, "0.12"), (31_024.0, "31.02")],
)
def test_a_short_time_is_not_zero(time_us: float, text: str) -> None:
    """A model of one layer took "0.00 ms"."""
    assert ms_text(time_us, 10, digits=2) == f"{text} ms ± 10 %"
