"""Arenas in several memory regions, on the emulated board: as laid out, and equal results."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml import api
from tinyml.evaluate.verification import verify
from tinyml.project.pipeline import build_plan
from tinyml.target.board import Board
from tinyml.target.limits import with_budgets
from tinyml.values.run import Run

pytestmark = pytest.mark.sim

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.mark.parametrize(
    ("limits", "regions"),
    [
        ((None, ("dtcm=9700", "axi=4K")), ["dtcm", "axi"]),
        # mbed OS owns the start of the DTCM: the arena there has a fixed address.
        (("arduino", ("axi=9700",)), ["axi", "dtcm"]),
    ],
)
def test_a_spread_arena_gives_the_same_results(
    tmp_path: Path, limits: tuple[str | None, tuple[str, ...]], regions: list[str]
) -> None:
    board = with_budgets(api.load_board("nicla_vision"), *limits, template="baremetal")
    built, run = simulated(board, tmp_path)
    assert [region for region, _ in built.plan.arena_bytes] == regions
    assert run.details["arena_bytes"] == sum(nbytes for _, nbytes in built.plan.arena_bytes)
    for row in built.report.memory:
        assert row.linked_bytes is not None
        assert row.linked_bytes <= row.budget_bytes


def simulated(board: Board, folder: Path) -> tuple[api.Built, Run]:
    """The digits model built and run on the emulated board; outputs are verified."""
    graph = api.load(DIGITS / "digits.tflite")
    settings = api.Settings("speed", directory=folder, template="baremetal", toolchain="zig")
    built = build_plan(api.plan(graph, board, api.Settings("speed")).plan, board, settings)
    feed = api.samples_of(graph, DIGITS / "test.npz", 3)
    run = api.simulate(built, feed.inputs, simulator="unicorn")
    verify(graph, feed.inputs, run.outputs)
    return built, run
