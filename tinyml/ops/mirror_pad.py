"""MIRROR_PAD: a border of what it is next to, in a mirror; becomes one GATHER per axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ops.common import operand, operand_count, result
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.gather import GATHER, GatherAttrs
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import Expansion, OpSpec, has_no_kernel
from tinyml.ops.table import Field, Names, Table
from tinyml.ops.traits import Axes, Scales, WholeNumbers

MIRROR_PAD = "MIRROR_PAD"  # its key, for those who build one

MODES = ("REFLECT", "SYMMETRIC")  # by TFLite value: without the outermost elements, or with them


@dataclass(frozen=True, slots=True)
class MirrorPadAttrs:
    """Options of MIRROR_PAD."""

    mode: str = "REFLECT"


def places(op: Op, graph: Graph) -> tuple[Array, ...]:
    """For each axis, where each element of the output is in the input.

    Raises ModelError when the borders are not constant or larger than what they mirror.
    """
    shape, widths = graph.tensors[op.inputs[0]].shape, operand(op, graph, 1)
    if widths is None or widths.data is None:
        raise ModelError("they are computed at run time")
    if widths.shape != (len(shape), 2):
        raise ModelError(f"{widths.dtype}{list(widths.shape)} for an input {list(shape)}")
    most = [size - (op.attrs.mode == "REFLECT") for size in shape]
    if widths.data.min(initial=0) < 0 or (widths.data.max(axis=1) > most).any():
        raise ModelError(f"{widths.data.tolist()} for an input {list(shape)}")
    mode = "reflect" if op.attrs.mode == "REFLECT" else "symmetric"
    return tuple(
        np.pad(np.arange(size), tuple(map(int, width)), mode=mode)  # type: ignore[call-overload]
        for size, width in zip(shape, widths.data, strict=True)
    )


@as_constraint
def borders_are_constant(op: Op, graph: Graph) -> None:
    """Borders must be constant, and no larger than what they mirror."""
    places(op, graph)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Every dimension with its borders."""
    return (tuple(len(axis) for axis in places(op, graph)),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The elements at the places."""
    assert inputs[0] is not None
    return (np.ascontiguousarray(inputs[0][np.ix_(*places(op, graph))]),)


def expand(op: Op, graph: Graph) -> Expansion:
    """One GATHER for each axis with a border, the last one first: it moves the least."""
    made, found = result(op, graph), places(op, graph)
    shape = list(graph.tensors[op.inputs[0]].shape)
    axes = [axis for axis in reversed(range(len(shape))) if len(found[axis]) != shape[axis]]
    axes = axes or [0]
    source = op.inputs[0]
    tensors: list[Tensor] = []
    ops: list[Op] = []
    for axis in axes:
        shape[axis] = len(found[axis])
        data = found[axis].astype(np.int32)
        data.setflags(write=False)
        numbers = len(graph.tensors) + len(tensors)
        tensors.append(Tensor(f"{op.name}/places_{axis}", INT32, data.shape, None, data))
        target = op.outputs[0]
        if axis != axes[-1]:
            tensors.append(replace(made, name=f"{op.name}/axis_{axis}", shape=tuple(shape)))
            target = numbers + 1
        name = op.name if axis == axes[-1] else f"{op.name}/axis_{axis}"
        ops.append(Op(GATHER, name, (source, numbers), (target,), GatherAttrs(axis)))
        source = target
    return Expansion(tuple(ops), tuple(tensors))


OPS = (
    OpSpec(
        kind=MIRROR_PAD,
        title="a border of what is next to it, mirrored; becomes gathers",
        traits=(Scales("same"), Axes("per_axis", (1,)), WholeNumbers()),
        table=Table("MirrorPadOptions", MirrorPadAttrs, (Field("mode", "Mode", Names(MODES)),)),
        inputs=("input", "paddings"),
        constraints=(operand_count(2, 2), borders_are_constant),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=frozenset((INT8, FLOAT32)), paddings=INT32, output=Like("input")),
                reference,
                has_no_kernel,
            ),
        ),
        expand=expand,
    ),
)
