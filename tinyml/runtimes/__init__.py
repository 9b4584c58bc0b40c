"""What runs a model on the device: compiled C, or TensorFlow Lite Micro's interpreter.

Both give the application the same C interface (``<model>.h``), so that it does not change with the
runtime. A runtime answers for what it accepts, what it needs and which files it is made of.
"""

from __future__ import annotations

from typing import Protocol, cast

from tinyml.base.registry import make
from tinyml.codegen.generate import Sources
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.values.goal import Goal


class Runtime(Protocol):
    """What executes a model on the device: it answers for itself, from the model file to C."""

    name: str  # as in the board file
    title: str
    has_alternatives: bool  # several plans of a model, to choose from
    least_stack_bytes: int  # what it needs, should the board reserve less
    most_cores: int  # that it can use at once

    def load(self, model: ModelFile) -> Graph:
        """The graph that will run; raises ModelError or UnsupportedOps for what it cannot run."""

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """Kernels, memory layout and predicted budget; raises PlanError."""

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """The files of the model, and what a build system has to know.

        An interpreter cannot do without the model file, here and in plan().
        """


def runtime_of(name: str) -> Runtime:
    """The runtime of that name."""
    return cast("Runtime", make("runtimes", name))
