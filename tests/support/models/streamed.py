"""Plans in which given ops run row by row, whether or not a planner would want that."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.ir.graph import Graph
from tinyml.ops import layer_of
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.planner import plan_steps
from tinyml.plan.segments import Segment, banded
from tinyml.plan.stages import Banding
from tinyml.plan.stream import fuse
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.values.goal import Goal


def streamed_steps(graph: Graph, segment: Segment, form: Banding, isa: Sequence[str]) -> list[Step]:
    """Ways to run a segment in a form, on different kernels."""

    def kernels(number: int, band: int, is_wide: bool) -> tuple[Offer, ...]:
        op, small = banded(graph.ops[number], graph, band, is_wide=is_wide)
        return offers_of(op, small, isa, layer_of(op, graph))[0]

    return [Step(segment.ops, call) for call in fuse(graph, segment, form, kernels)]


def streamed_plan(graph: Graph, board: Board, streamed: Step, optimize: str = "speed") -> Plan:
    """The plan with one streamed step and every other op alone on its last kernel."""
    steps = []
    for number, op in enumerate(graph.ops):
        if number == streamed.ops[0]:
            steps.append(streamed)
        elif number not in streamed.ops:
            offers, _ = offers_of(op, graph, board.chip.isa, layer_of(op, graph))
            steps.append(Step((number,), offers[-1].call if offers else None))
    return plan_steps(graph, tuple(steps), board, Goal(optimize))[0]
