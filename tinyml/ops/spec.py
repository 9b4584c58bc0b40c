"""What an operator is: how to read it, what it demands, what it computes, which kernel runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinyml.base.errors import PlanError
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.table import Table

Constraint = Callable[[Op, Graph], "str | None"]
"""Returns None when met, else what was found; its first docstring line is what the user reads."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Simpler ops that write the same outputs, with the tensors that they need besides.

    The first of ``tensors`` has the number ``len(graph.tensors)``.
    """

    ops: tuple[Op, ...]
    tensors: tuple[Tensor, ...] = ()


def has_no_kernel(op: Op, graph: Graph) -> KernelCall | None:
    """The ``lower`` of an operator that is always expanded; raises PlanError."""
    raise PlanError(
        f"'{op.name}' ({op.kind}) has no kernel of its own",
        hint="run the passes (tinyml.passes.run_passes) before planning.",
    )


@dataclass(frozen=True, slots=True)
class OpSpec:
    """One TFLite builtin operator.

    ``table`` lists the options as the file and as the attrs dataclass hold them.
    ``infer`` returns the output shapes that the op's rule gives for the input shapes.
    ``reference`` computes all outputs in integer arithmetic (float only where TFLM uses float).
    ``lower`` returns the plain-C kernel call that is always right, or None when the output is the
    input's bytes unchanged (RESHAPE): then the planner gives both the same memory.
    ``expand`` is for an operator that others can stand for: a pass puts those in its place before
    planning. It returns None where the op has a kernel of its own.
    ``states`` are the operands that the op reads and writes: variables, which keep their values
    from one inference to the next.
    """

    kind: str  # "CONV_2D"
    opcode: int  # TFLite BuiltinOperator value
    title: str  # one clause for docs/ops.md
    table: Table
    constraints: tuple[Constraint, ...]
    infer: Callable[[Op, Graph], tuple[tuple[int, ...], ...]]
    reference: Callable[[Op, Graph, Sequence[Array | None]], tuple[Array, ...]]
    lower: Callable[[Op, Graph], KernelCall | None]
    macs: Callable[[Op, Graph], int]
    expand: Callable[[Op, Graph], Expansion | None] | None = None
    states: tuple[int, ...] = ()

    @property
    def attrs(self) -> type:
        """The dataclass of an op's options."""
        return self.table.attrs
