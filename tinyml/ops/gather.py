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
from tinyml.ops.forms import Form, Like, as_constraint, typed
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
    batch_dims: int = 0  # leading dimensions that data and numbers share; below 0: all but so many


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


def _shared(op: Op, graph: Graph) -> int:
    """How many leading dimensions data and numbers share; raises ModelError for what cannot be."""
    shape, numbers = (graph.tensors[i].shape for i in op.inputs)
    count = int(op.attrs.batch_dims)
    count += len(numbers) * (count < 0)
    if not 0 <= count <= min(len(numbers), _axis(op, graph)) or shape[:count] != numbers[:count]:
        raise ModelError(f"{op.attrs.batch_dims} shared of {list(shape)} and {list(numbers)}")
    return count


@as_constraint
def axis_exists(op: Op, graph: Graph) -> None:
    """The axis must exist, behind the dimensions that data and numbers share."""
    _shared(op, graph)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The data's shape with that of the numbers in place of the axis."""
    shape, numbers = (graph.tensors[i].shape for i in op.inputs)
    axis, shared = _axis(op, graph), _shared(op, graph)
    return ((*shape[:axis], *numbers[shared:], *shape[axis + 1 :]),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The rows; numbers outside mean the first or last one, which TFLM leaves open."""
    data, numbers = inputs
    assert data is not None
    assert numbers is not None
    axis, shared = _axis(op, graph), _shared(op, graph)
    batches = math.prod(data.shape[:shared])
    tables = data.reshape(batches, *data.shape[shared:])
    rows = numbers.reshape(batches, *numbers.shape[shared:])
    found = [np.take(t, n, axis - shared, mode="clip") for t, n in zip(tables, rows, strict=True)]
    return (np.stack(found).reshape(infer(op, graph)[0]),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_gather_s8``, which moves bytes whatever they are."""
    dtype, shape = graph.tensors[op.inputs[0]].dtype, graph.tensors[op.inputs[0]].shape
    axis, as_bytes = _axis(op, graph), None if dtype == INT8 else INT8
    (data, arrays), (numbers, more) = (input_argument(op, graph, index) for index in (0, 1))
    batches = math.prod(shape[: _shared(op, graph)])
    outer = math.prod(shape[:axis]) // batches
    run = dtype.nbytes(math.prod(shape[axis + 1 :]))
    count = graph.tensors[op.inputs[1]].elements // batches
    fields = (
        ("batches", batches),
        ("outer", outer),
        ("rows", shape[axis]),
        ("count", count),
        ("run", run),
    )
    each = move_instructions((run,), is_aligned=run % 4 == 0) + 10
    return KernelCall(
        function="tml_gather_s8",
        header="kernels/gather/s8.h",
        params=Struct("tml_gather_params", fields),
        arguments=(replace(data, dtype=as_bytes), numbers, Arg("output", dtype=as_bytes)),
        constants=(*arrays, *more),
        cost=Cost(10 + batches * outer * count * each),
    )


def _extent(f: Fields) -> Extent:
    outer = f["batches"] * f["outer"] * f["run"]
    return dense(outer * f["rows"], 4 * f["batches"] * f["count"], made=outer * f["count"])


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
