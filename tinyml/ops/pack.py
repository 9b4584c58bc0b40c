"""PACK: tensors of one shape side by side along a new axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT64
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand_count, result
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.layout import MAX_PARTS, ConcatenationAttrs, concatenation_call
from tinyml.ops.moves import MOVED, axis_in
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import Expansion, OpSpec, has_no_kernel
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import MovesOnly, Scales, WholeNumbers

PACK = "PACK"  # its key, for those who build one

MAX_PACKED = MAX_PARTS**2  # a concatenation of packs


@dataclass(frozen=True, slots=True)
class PackAttrs:
    """Options of PACK."""

    axis: int = 0  # of the output; may count from the end
    count: int = 0  # inputs


TABLE = Table(
    "PackOptions",
    PackAttrs,
    (
        Field("axis", "Axis"),
        Field("count", "ValuesCount"),
    ),
)


def _axis(op: Op, graph: Graph) -> int:
    return axis_in(int(op.attrs.axis), len(graph.tensors[op.inputs[0]].shape) + 1)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The inputs' common shape with one more dimension; raises ModelError."""
    axis = _axis(op, graph)
    shapes = [graph.tensors[i].shape for i in op.inputs]
    if len(set(shapes)) != 1:
        texts = sorted({str(list(shape)) for shape in shapes})
        raise ModelError(f"shapes {' and '.join(texts)} differ")
    return ((*shapes[0][:axis], len(shapes), *shapes[0][axis:]),)


def inputs_are_alike(op: Op, graph: Graph) -> str | None:
    """The inputs must have the same shape and be as many as the options say."""
    if len(op.inputs) != op.attrs.count:
        return f"{len(op.inputs)} inputs, {op.attrs.count} in the options"
    try:
        infer(op, graph)
    except ModelError as error:
        return error.message
    return None


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The inputs side by side."""
    return (np.stack([item for item in inputs if item is not None], _axis(op, graph)),)


def lower(op: Op, graph: Graph) -> KernelCall | None:
    """The kernel of CONCATENATION: what it moves does not depend on the dimension of size 1."""
    if len(op.inputs) > MAX_PARTS:
        return has_no_kernel(op, graph)
    return concatenation_call(op, graph, _axis(op, graph))


def expand(op: Op, graph: Graph) -> Expansion | None:
    """Packs of as many as the kernel takes, and their concatenation."""
    if len(op.inputs) <= MAX_PARTS:
        return None
    axis, made = _axis(op, graph), result(op, graph)
    ops: list[Op] = []
    tensors: list[Tensor] = []
    for start in range(0, len(op.inputs), MAX_PARTS):
        part = op.inputs[start : start + MAX_PARTS]
        shape = (*made.shape[:axis], len(part), *made.shape[axis + 1 :])
        name = f"{op.name}/{start}"
        attrs = PackAttrs(axis, len(part))
        number = len(graph.tensors) + len(tensors)
        tensors.append(replace(made, name=name, shape=shape))
        ops.append(replace(op, name=name, inputs=part, outputs=(number,), attrs=attrs))
    parts = tuple(item.outputs[0] for item in ops)
    whole = Op("CONCATENATION", op.name, parts, op.outputs, ConcatenationAttrs(axis))
    return Expansion((*ops, whole), tuple(tensors))


OPS = (
    OpSpec(
        kind=PACK,
        title="tensors side by side along a new axis",
        traits=(MovesOnly("stack"), Scales("same", (8, 16)), WholeNumbers()),
        table=TABLE,
        inputs=("input*",),
        constraints=(operand_count(1, MAX_PACKED), inputs_are_alike),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=MOVED | {INT64}, output=Like("input")),
                reference,
                lower,
            ),
        ),
        expand=expand,
    ),
)
