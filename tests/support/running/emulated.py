"""Generated C in a real image on an emulated core: the executor for boards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.support.models.cases import Case, Vector
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.laid_out import first_layout
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.measure.simulation import simulate
from tinyml.passes.expand import expand_ops
from tinyml.project.pipeline import build_plan
from tinyml.project.selftest import outputs_of_image
from tinyml.values.image import check_files

_board = cache(api.load_board)  # the files are the same for all tests


def run_on_board(
    graph: Graph,
    vectors: Sequence[Vector],
    folder: Path,
    *,
    board: str = "nucleo_l4r5zi",
    optimize: str = "speed",
    toolchain: str | None = None,
    singly: bool = False,
) -> list[Vector]:
    """The outputs of the image that ``tinyml build`` makes, its model called as its self-test is,
    of inferences one after the other. ``singly``: it is layers that have nothing to do with each
    other.

    The serial agent, through which every byte passes as characters, is not asked: what it does
    does not depend on the layers. ``run_by_agent`` asks it.
    """
    built = _built(graph, folder, board, optimize, toolchain, singly=singly)
    check_files(built.linked())
    image = (built.plan, built.board, built.linked())
    return list(outputs_of_image(*image, vectors, is_watched=True))


def assert_equal_on_board(case: Case, folder: Path, board: str) -> None:
    """What the image of unconnected layers computes is what the reference does."""
    found = run_on_board(case.graph, case.vectors, folder, board=board, singly=True)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


def run_by_agent(
    graph: Graph, vectors: Sequence[Vector], folder: Path, *, board: str, optimize: str = "speed"
) -> list[Vector]:
    """The same as ``tinyml simulate`` does it: through the agent and the serial line."""
    built = _built(graph, folder, board, optimize)
    return list(simulate(built, vectors, in_sequence=True).outputs)


def _built(
    graph: Graph,
    folder: Path,
    board: str,
    optimize: str,
    toolchain: str | None = None,
    *,
    singly: bool = False,
) -> api.Built:
    target = _board(board)
    with first_layout(singly=singly, optimize=optimize):
        plan = api.plan(expand_ops(graph), target, api.Settings(optimize)).plan
    settings = api.Settings(optimize, toolchain, directory=folder, self_test=False)
    return build_plan(plan, target, settings)
