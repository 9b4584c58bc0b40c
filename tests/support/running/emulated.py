"""Generated C in a real image on an emulated core: the executor for boards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.models.cases import Vector
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.passes.expand import expand_ops
from tinyml.project.pipeline import build_plan


def run_on_board(
    graph: Graph,
    vectors: Sequence[Vector],
    folder: Path,
    *,
    board: str = "nucleo_l4r5zi",
    optimize: str = "speed",
    toolchain: str | None = None,
) -> list[Vector]:
    """The outputs of the image that ``tinyml build`` makes."""
    target = api.load_board(board)
    plan = api.plan(expand_ops(graph), target, api.Settings(optimize)).plan
    built = build_plan(plan, target, api.Settings(optimize, toolchain, directory=folder))
    return list(api.simulate(built, vectors).outputs)
