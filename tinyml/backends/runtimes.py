"""What runs a model on the device: compiled C, or TensorFlow Lite Micro's interpreter.

Both give the application the same C interface (``<model>.h``), so that it does not change with the
runtime. A runtime answers for what it accepts, what it needs and which files it is made of.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.backends.base import Goal
from tinyml.board import Board
from tinyml.codegen.generate import Sources
from tinyml.errors import InternalError, PlanError
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.plan.values import Plan


class Aot:
    """C that is specialised for the model: no interpreter, no library."""

    name = "aot"
    title = "compiled ahead of time to C"
    takes_floats = False
    least_stack_bytes = 0  # whatever the board's file says is enough for the kernels

    def load(self, model: ModelFile) -> Graph:
        """The graph as it is in the file, of operators that all have a kernel of ours."""
        from tinyml.model.reader import load

        return load(model)

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """A kernel for each layer of the simplified graph and a place for each value, verified."""
        from tinyml.passes import run_passes
        from tinyml.plan.planner import plan
        from tinyml.plan.verify import verify

        made = plan(run_passes(graph), board, optimize=goal.optimize, agent=goal.agent)
        try:
            verify(made, board)
        except PlanError as error:  # the planner's own fault: what does not fit is a plan too
            raise InternalError(f"the plan contradicts itself: {error.message}") from error
        return replace(made, as_read=graph)

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """Layers, constants and interface as C."""
        from tinyml.codegen.generate import generate

        return generate(plan, board, model_bytes=model.data if model else b"")


class Tflm:
    """TensorFlow Lite Micro with the fastest kernels that it has for the core."""

    name = "tflm"
    title = "TensorFlow Lite Micro"
    takes_floats = True
    least_stack_bytes = 6144  # 1.1 KB used on a Cortex-M4; more on Xtensa, and for messages

    def load(self, model: ModelFile) -> Graph:
        """The graph as it is in the file; TFLM knows more operators and types than we do."""
        from tinyml.tflm.outline import outline

        return outline(model).graph

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """The interpreter's arena, computed."""
        from tinyml.tflm.outline import outline
        from tinyml.tflm.planner import plan

        return plan(
            outline(_needed(model)),
            board,
            optimize=goal.optimize,
            agent=goal.agent,
            offline=goal.offline_plan,
        )

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """C++ around the interpreter, and the model file as an array."""
        from tinyml.codegen.tflm import generate
        from tinyml.tflm.outline import outline

        return generate(outline(_needed(model)), plan, board, offline=goal.offline_plan)


def _needed(model: ModelFile | None) -> ModelFile:
    if model is None:
        raise PlanError(
            "an interpreter needs the model's file", hint="use build_model or plan_model"
        )
    return model
