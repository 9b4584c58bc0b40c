"""Plans in which two cores share every layer that can be cut, whatever that gains."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

from tests.support.running.laid_out import first_layout
from tinyml.ir.graph import Graph
from tinyml.passes.expand import expand_ops
from tinyml.plan import halves, planner
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.target.board import Board
from tinyml.values.goal import Goal


def all_in_halves(graph: Graph, board: Board, optimize: str = "speed") -> Plan | None:
    """The plan of layers that have nothing to do with each other; None: none can be cut."""
    with first_layout(singly=True, optimize=optimize), patch.object(halves, "pays", _always):
        plan = next(_shared(expand_ops(graph), board, optimize), None)
    if plan is not None:
        verify(plan, board)
    return plan


def _shared(graph: Graph, board: Board, optimize: str) -> Iterator[Plan]:
    """The programs of two cores that the planner lays out, the first of them with all halves."""
    goal = Goal(optimize)
    tried = planner.programs_of(graph, board)
    for steps in tried.front() or tried.others():
        alone, _ = planner.plan_steps(graph, steps, board, goal)
        for both in halves.shared_out(alone, board):
            yield planner.plan_steps(graph, both, board, goal)[0]


def _always(*_: int) -> bool:
    return True


def shared_calls(plan: Plan) -> list[int]:
    """The steps that two cores share."""
    return [i for i, s in enumerate(plan.steps) if s.call is not None and s.call.halves]
