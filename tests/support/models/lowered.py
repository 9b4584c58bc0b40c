"""What a lowering says of an op, asked for by itself."""

from __future__ import annotations

from collections.abc import Callable

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops import layer_of


def lowered(lower: Callable[..., KernelCall | str], op: Op, graph: Graph) -> KernelCall | str:
    """The call, or why there is none; a lowering of a variant gets the op's numbers."""
    return layer_of(op, graph).lowered(lower, op, graph)
