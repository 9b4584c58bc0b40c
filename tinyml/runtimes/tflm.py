"""The runtime that is TensorFlow Lite Micro, an interpreter."""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import ModelError, PlanError
from tinyml.codegen.generate import Sources
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.model.metadata import read_parts
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.values.goal import Goal


class Tflm:
    """TensorFlow Lite Micro with the fastest kernels that it has for the core."""

    name = "tflm"
    title = "TensorFlow Lite Micro"
    has_alternatives = False
    least_stack_bytes = 6144  # 1.1 KB used on a Cortex-M4; more on Xtensa, and for messages
    most_cores = 1

    def load(self, model: ModelFile) -> Graph:
        """The graph as it is in the file; TFLM knows more operators and types than we do."""
        from tinyml.tflm.outline import outline

        models = read_parts(model.data)
        if models:
            raise ModelError(
                f"holds {len(models)} models, each to be run by functions of its own; TFLM's "
                "interpreter runs one",
                hint="leave out --runtime tflm and its templates, or give one model",
                where=model.file_name,
            )
        return outline(model).graph

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """The interpreter's arena, computed."""
        from tinyml.tflm.calls import variables_of
        from tinyml.tflm.outline import outline
        from tinyml.tflm.planner import plan

        held = _needed(model)
        read = outline(held)
        made = plan(
            read, board, optimize=goal.optimize, agent=goal.agent, offline=goal.offline_plan
        )
        is_one = not read.others and not variables_of(read)
        return made if is_one else replace(made, as_read=_compiled(held))

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """C++ around the interpreter, and the model file as an array."""
        from tinyml.codegen.tflm import generate
        from tinyml.tflm.outline import outline

        return generate(outline(_needed(model)), plan, board, offline=goal.offline_plan)


def _compiled(model: ModelFile) -> Graph | None:
    """A model of several graphs as one, with its variables in it, to compare with; if we can."""
    from tinyml.model.reader import load

    try:
        return load(model)
    except ModelError:
        return None


def _needed(model: ModelFile | None) -> ModelFile:
    if model is None:
        raise PlanError(
            "an interpreter needs the model's file", hint="give the path of the .tflite file"
        )
    return model
