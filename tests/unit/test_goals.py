"""No goal of ``--optimize`` is beaten in its own field by another that fits as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.models import large_kernels, many_channels, residuals
from tests.support.models.small_graphs import small_network
from tests.support.values.small_boards import small_board
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile, read_model
from tinyml.model.reader import load
from tinyml.passes import run_passes
from tinyml.plan.explore import Alternative, explore
from tinyml.plan.goals import OPTIMIZE
from tinyml.plan.planner import plan
from tinyml.session.starter import starter_model
from tinyml.target.board import Board
from tinyml.target.boards import all_boards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REAL = ROOT / "tests" / "models"


def _read(path: Path) -> Callable[[], Graph]:
    return lambda: run_passes(load(read_model(path)))


def _starter() -> Graph:
    return run_passes(load(ModelFile("model", "model.tflite", starter_model(), "")))


FILES = [ROOT / "examples" / "digits" / "digits.tflite", *sorted(REAL.glob("*.tflite"))]
MODELS: dict[str, Callable[[], Graph]] = {
    **{path.stem: _read(path) for path in FILES},
    "starter": _starter,
    "large_kernels": large_kernels,
    "residuals": residuals,
    "many_channels": many_channels,
}


def check(graph: Graph, board: Board) -> None:
    found = {goal: item for item in explore(graph, board) for goal in item.goals}
    assert set(found) == set(OPTIMIZE)
    fields: dict[str, Callable[[Alternative], int]] = {
        "speed": lambda item: item.cycles,
        "ram": lambda item: item.ram_bytes,
        "size": lambda item: item.flash_bytes,
    }
    for goal, cost in fields.items():
        for rival, item in found.items():
            if item.fits and not (goal == "size" and _is_same_program(item, found[goal])):
                assert cost(found[goal]) <= cost(item), f"{goal} is beaten by {rival}"


def _is_same_program(a: Alternative, b: Alternative) -> bool:
    """Compilers may make more of the same C with -Os: 16 bytes of one layer on Cortex-M0+."""
    return (a.ram_bytes, a.cycles) == (b.ram_bytes, b.cycles)


def one_per_core() -> list[Board]:
    """Boards with the same core have the same kernels to choose from."""
    return list({(board.chip.core.name, board.chip.isa): board for board in all_boards()}.values())


@pytest.mark.parametrize("board", one_per_core(), ids=lambda board: str(board.name))
@pytest.mark.parametrize("name", MODELS)
def test_no_goal_is_beaten_in_its_own_field(name: str, board: Board) -> None:
    """``speed`` took 262 instructions more than ``balanced``: it did not look at streamed steps."""
    check(MODELS[name](), board)


@pytest.mark.parametrize("sram", [2048, 1024, 700, 500])
def test_nor_where_memory_is_short(sram: int) -> None:
    check(run_passes(small_network()), small_board(("dsp",), sram=sram))


@pytest.mark.parametrize("goal", OPTIMIZE)
def test_the_front_is_that_of_the_goals(goal: str) -> None:
    """``check --explore`` shows the plans that ``build`` makes."""
    graph = _read(FILES[0])()
    board = next(item for item in all_boards() if item.name == "esp32s3")
    made = plan(graph, board, optimize=goal)
    shown = next(item for item in explore(graph, board) if goal in item.goals)
    assert shown.arena_bytes == sum(nbytes for _, nbytes in made.arena_bytes)
    assert shown.instructions == sum(s.call.cost.instructions for s in made.steps if s.call)
