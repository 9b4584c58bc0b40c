"""GATHER: rows of a tensor by their numbers, which may be computed: embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops.common import operand_count
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.moves import axis_in
from tinyml.ops.operands import input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import MovesOnly, Scales, WholeNumbers

GATHER = "GATHER"  # its key, for those who build one


@dataclass(frozen=True, slots=True)
class GatherAttrs:
    """Options of GATHER."""

    axis: int = 0  # that the numbers count along; may count from the end
    batch_dims: int = 0  # leading dimensions that data and numbers share; only 0


TABLE = Table(
    "GatherOptions",
    GatherAttrs,
    (
        Field("axis", "Axis"),
        Field("batch_dims", "BatchDims"),
    ),
)


def _axis(op: Op, graph: Graph) -> int:
    return axis_in(int(op.attrs.axis), len(graph.tensors[op.inputs[0]].shape))


def axis_exists(op: Op, graph: Graph) -> str | None:
    """The axis must exist, and data and numbers share no dimensions."""
    if op.attrs.batch_dims:
        return f"{op.attrs.batch_dims} shared dimensions"
    try:
        _axis(op, graph)
    except ModelError as error:
        return error.message
    return None


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The data's shape with that of the numbers in place of the axis."""
    shape, numbers = (graph.tensors[i].shape for i in op.inputs)
    axis = _axis(op, graph)
    return ((*shape[:axis], *numbers, *shape[axis + 1 :]),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The rows; numbers outside mean the first or last one, which TFLM leaves open."""
    data, numbers = inputs
    assert data is not None
    assert numbers is not None
    return (np.take(data, numbers, _axis(op, graph), mode="clip"),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_gather_s8``, which moves bytes whatever they are."""
    dtype, shape = graph.tensors[op.inputs[0]].dtype, graph.tensors[op.inputs[0]].shape
    axis, as_bytes = _axis(op, graph), None if dtype == INT8 else INT8
    (data, arrays), (numbers, more) = (input_argument(op, graph, index) for index in (0, 1))
    outer, run = math.prod(shape[:axis]), dtype.nbytes(math.prod(shape[axis + 1 :]))
    count = graph.tensors[op.inputs[1]].elements
    fields = (("outer", outer), ("rows", shape[axis]), ("count", count), ("run", run))
    each = move_instructions((run,), is_aligned=run % 4 == 0) + 10
    return KernelCall(
        function="tml_gather_s8",
        header="kernels/gather/s8.h",
        params=Struct("tml_gather_params", fields),
        arguments=(replace(data, dtype=as_bytes), numbers, Arg("output", dtype=as_bytes)),
        constants=(*arrays, *more),
        cost=Cost(10 + outer * count * each),
    )


def _extent(f: Fields) -> Extent:
    data, made = f["outer"] * f["rows"] * f["run"], f["outer"] * f["count"] * f["run"]
    return dense(data, 4 * f["count"], made=made)


EXTENTS = {"tml_gather_params": _extent}

OPS = (
    OpSpec(
        kind=GATHER,
        title="rows by their numbers, as in an embedding",
        traits=(MovesOnly("pick"), Scales("same"), WholeNumbers()),
        table=TABLE,
        inputs=("input", "numbers"),
        constraints=(operand_count(2, 2), axis_exists),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=frozenset((INT8, FLOAT32)), numbers=INT32, output=Like("input")),
                reference,
                lower,
            ),
        ),
    ),
)
