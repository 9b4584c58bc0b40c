"""Plans of many layers side by side: no search among their layouts and programs.

Such programs are made to run kernels. Their layers are alive all at once, for which the search for
a better layout takes seconds and finds little; tests/unit/test_allocate.py and plans of models show
what it does. Outputs move over inputs here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from tinyml.ir.graph import Graph
from tinyml.ops import layer_of
from tinyml.plan import arena, planner
from tinyml.plan.allocate import quick_layout
from tinyml.plan.singles import singles_of
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.ways import Programs
from tinyml.target.board import Board


@contextmanager
def first_layout(*, singly: bool = False, optimize: str = "speed") -> Iterator[None]:
    """Within it, the planner takes the first layout of an arena.

    ``singly``: of layers that have nothing to do with each other it looks at one program, in which
    each has its fastest kernel or, where the goal is "size", the one that takes the least flash.
    """

    def alone(graph: Graph, board: Board) -> Programs:
        layers = tuple(layer_of(op, graph) for op in graph.ops)
        singles = singles_of(graph, layers, board.chip.isa, board.chip.core)
        if optimize == "size":
            return Programs(tuple, tuple, lambda: (smallest_steps(singles, board.chip.core),))
        fast = (tuple(steps[0] for steps in singles),)
        return Programs(lambda: fast, lambda: fast, tuple)

    with ExitStack() as stack:
        stack.enter_context(patch.object(arena, "allocate", quick_layout))
        if singly:
            stack.enter_context(patch.object(planner, "programs_of", alone))
        yield
