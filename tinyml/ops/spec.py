"""What an operator is, whatever its types: how to read it, its demands, its shapes, its forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.forms import Constraint, Form
from tinyml.ops.table import Table
from tinyml.ops.traits import Trait


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
    ``inputs`` and ``outputs`` are the roles of its operands: a name that ends in "?" is that of one
    that may be absent, one in "*" of one or more. Each form says which types they may have.
    ``constraints`` are what it demands whatever its types; all others may rely on the first one,
    that all operands are there.
    ``infer`` returns the output shapes that the op's rule gives for the input shapes.
    ``expand`` is for an operator that others can stand for: a pass puts those in its place before
    planning. It returns None where the op has a kernel of its own.
    """

    kind: str  # its key: the name in the schema, "CONV_2D", or "CUSTOM name"
    title: str  # one clause for docs/ops.md
    traits: tuple[Trait, ...]  # what may be done to it
    table: Table
    inputs: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    infer: Callable[[Op, Graph], tuple[tuple[int, ...], ...]]
    macs: Callable[[Op, Graph], int]
    forms: tuple[Form, ...]
    expand: Callable[[Op, Graph], Expansion | None] | None = None
    outputs: tuple[str, ...] = ("output",)
    version: int = 1  # the first that interpreters know

    @property
    def attrs(self) -> type:
        """The dataclass of an op's options."""
        return self.table.attrs
