"""SHAPE and ZEROS_LIKE: what follows from shapes alone.

They become constants. Only where one is an output of the model is there a kernel: it copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyml.ir.dtype import FLOAT32, INT8, INT32, INT64, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand_count, result
from tinyml.ops.forms import ANY, Form, Like, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import constant_call
from tinyml.ops.operands import no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, FromShape, Scales, WholeNumbers

SHAPE = "SHAPE"  # its key, for those who build one

Known = Callable[[Op, Graph], Array]


def shape_of(op: Op, graph: Graph) -> Array:
    """The sizes of the operand."""
    return np.array(graph.tensors[op.inputs[0]].shape, result(op, graph).dtype.numpy)


def zeros_like(op: Op, graph: Graph) -> Array:
    """Zeros, whatever the zero point is: so does TFLM."""
    return np.zeros(graph.tensors[op.inputs[0]].shape, result(op, graph).dtype.numpy)


def _rank(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    return ((len(graph.tensors[op.inputs[0]].shape),),)


def _form(name: str, known: Known, **types: DType | frozenset[DType] | Like) -> Form:
    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        return (known(op, graph),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        return constant_call(known(op, graph))

    return Form(name, typed(**types), reference, lower)


_WHOLE = frozenset((INT32, INT64))

OPS = (
    OpSpec(
        kind=SHAPE,
        title="the sizes of a tensor; becomes a constant",
        traits=(FromShape(), Scales("none"), WholeNumbers()),
        table=no_options("ShapeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1),),
        infer=_rank,
        macs=no_macs,
        forms=(_form("any", shape_of, input=ANY, output=INT32),),
    ),
    OpSpec(
        kind="ZEROS_LIKE",
        title="zeros in the shape of a tensor; becomes a constant",
        traits=(FromShape(), Axes("each"), WholeNumbers()),
        table=no_options("ZerosLikeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1),),
        infer=same_shape,
        macs=no_macs,
        forms=(_form("bytes", zeros_like, input=_WHOLE | {FLOAT32, INT8}, output=Like("input")),),
    ),
)
