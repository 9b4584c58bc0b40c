"""PACK: tensors of one shape side by side along a new axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

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

Item = TypeVar("Item")

PACK = "PACK"  # its key, for those who build one

MAX_PACKED = MAX_PARTS**4  # what a file may ask for; TFLM has no limit


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
    """Packs of as many as the kernel takes, and concatenations until one is the result."""
    if len(op.inputs) <= MAX_PARTS:
        return None
    axis, made = _axis(op, graph), result(op, graph)
    ops: list[Op] = []
    tensors: list[Tensor] = []

    def part(kind: str, inputs: tuple[int, ...], size: int, attrs: object) -> int:
        """The tensor of ``size`` along the axis that an op makes of the inputs."""
        number = len(graph.tensors) + len(tensors)
        name = f"{op.name}/{len(tensors)}"
        shape = (*made.shape[:axis], size, *made.shape[axis + 1 :])
        tensors.append(replace(made, name=name, shape=shape))
        ops.append(Op(kind, name, inputs, (number,), attrs))
        return number

    parts = [
        (part(PACK, some, len(some), PackAttrs(axis, len(some))), len(some))
        for some in _groups(op.inputs)
    ]
    while len(parts) > MAX_PARTS:
        groups = [(tuple(i for i, _ in some), sum(n for _, n in some)) for some in _groups(parts)]
        parts = [
            (part("CONCATENATION", inputs, size, ConcatenationAttrs(axis)), size)
            for inputs, size in groups
        ]
    whole = tuple(i for i, _ in parts)
    ops.append(Op("CONCATENATION", op.name, whole, op.outputs, ConcatenationAttrs(axis)))
    return Expansion(tuple(ops), tuple(tensors))


def _groups(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """As many at a time as the kernel takes."""
    return [tuple(items[i : i + MAX_PARTS]) for i in range(0, len(items), MAX_PARTS)]


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
