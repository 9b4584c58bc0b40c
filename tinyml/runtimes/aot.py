"""The runtime that compiles ahead of time: a model becomes C of its own."""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import InternalError, PlanError
from tinyml.base.last import Last
from tinyml.codegen.generate import Sources
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.values.goal import Goal


def _simplified(graph: Graph) -> Graph:
    from tinyml.passes import run_passes

    return run_passes(graph)


_SIMPLIFIED: Last[Graph, Graph] = Last(_simplified)  # for all boards the same


class Aot:
    """C that is specialised for the model: no interpreter, no library."""

    name = "aot"
    title = "compiled ahead of time to C"
    has_alternatives = True
    least_stack_bytes = 0  # whatever the board's file says is enough for the kernels
    most_cores = 2

    def load(self, model: ModelFile) -> Graph:
        """The graph as it is in the file, of operators that all have a kernel of ours."""
        from tinyml.model.reader import load

        return load(model)

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """A kernel for each layer of the simplified graph and a place for each value, verified."""
        from tinyml.plan.planner import plan
        from tinyml.plan.verify import verify

        simplified = _SIMPLIFIED.of(graph)
        made = plan(simplified, board, optimize=goal.optimize, agent=goal.agent)
        try:
            verify(made, board)
        except PlanError as error:  # the planner's own fault: what does not fit is a plan too
            raise InternalError(f"the plan contradicts itself: {error.message}") from error
        return replace(made, as_read=graph)

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """Layers, constants and interface as C."""
        from tinyml.codegen.generate import generate

        return generate(plan, board, model_bytes=model.data if model else b"")
