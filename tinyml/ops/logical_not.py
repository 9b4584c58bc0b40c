"""LOGICAL_NOT: whether something does not hold, by a table of bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import BOOL
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand_count
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import lookup_call, no_options
from tinyml.ops.operands import no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes

LOGICAL_NOT = "LOGICAL_NOT"  # its key, for those who build one
_TABLE = (np.arange(256) == 0).astype(np.int8)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The opposite of each."""
    assert inputs[0] is not None
    return (~inputs[0],)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_lookup_s8``."""
    return lookup_call(op, graph, _TABLE, what="LOGICAL_NOT")


OPS = (
    OpSpec(
        kind=LOGICAL_NOT,
        title="whether something does not hold",
        traits=(Axes("each"),),
        table=no_options("LogicalNotOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1),),
        infer=same_shape,
        macs=no_macs,
        forms=(Form("bool", typed(input=BOOL, output=BOOL), reference, lower),),
    ),
)
