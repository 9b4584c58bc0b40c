"""CIRCULAR_BUFFER, a custom operator of TFLM: the last rows that a streaming model was given.

In a file its output is a variable. Here it is a variable of its own that is read, loses its oldest
row, gets the new one and is assigned again, which ``tinyml.model.variables`` and the passes know.
Source: TensorFlow Lite Micro, circular_buffer.cc, circular_buffer_common.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT32, RESOURCE
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops.control import handle_op
from tinyml.ops.layout import joined_op, viewed_op
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.slice import SLICE
from tinyml.ops.variables import assigning_op, reading_op

CIRCULAR_BUFFER = "CUSTOM CIRCULAR_BUFFER"  # its key
_ROWS = 1  # axis
_EVERY_TIME = (5, 13, 25)  # rows of buffers that TFLM runs in each inference if nothing is said
_HINT = (
    "let it run in every inference (cycles_max 1), or keep the rows in a tf.Variable and leave it "
    "to the application how often it calls the rest of the model."
)


@dataclass(frozen=True, slots=True)
class BufferAttrs:
    """Options of CIRCULAR_BUFFER."""

    period: int = 0  # inferences until the ops behind it run; 0: as TFLM guesses


def read_buffer(custom: bytes, label: str) -> BufferAttrs:
    """The options of an operator: a flexbuffer whose first value is the period, "cycles_max".

    Raises ModelError where that is damaged.
    """
    from flatbuffers import flexbuffers

    if not custom:
        return BufferAttrs()
    try:
        return BufferAttrs(max(0, int(flexbuffers.GetRoot(custom).AsVector[0].AsInt)))
    except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as error:
        raise ModelError(f"{label} has options that cannot be read ({error})") from error


def is_in_order(op: Op, graph: Graph) -> str | None:
    """It must have one input and one output of int8 values, with the same quantisation."""
    if len(op.inputs) != 1 or len(op.outputs) != 1 or op.inputs[0] < 0:
        return f"{len(op.inputs)} inputs, {len(op.outputs)} outputs"
    row, kept = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if (row.dtype, kept.dtype) != (INT8, INT8):
        return f"{row.dtype} and {kept.dtype}"
    return None if row.quant == kept.quant else "two quantisations"


def shapes_fit(op: Op, graph: Graph) -> str | None:
    """The input must be one row of the output, in one batch: [1, 1, a, b] of [1, rows, a, b]."""
    row, kept = graph.tensors[op.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    if len(row) == len(kept) == 4 and row[:2] == (1, 1) and kept == (1, kept[1], *row[2:]):
        return None
    return f"{list(row)} and {list(kept)}"


def output_is_a_variable(op: Op, graph: Graph) -> str | None:
    """The output must be marked as a variable, since TFLM does not keep others."""
    kept = graph.tensors[op.outputs[0]]
    return None if kept.is_variable else f"'{kept.name}' is not"


def runs_every_time(op: Op, graph: Graph) -> str | None:
    """The operators behind it must run in every inference: TFLM ends those in between half-way."""
    rows, period = graph.tensors[op.outputs[0]].shape[_ROWS], op.attrs.period
    if period == 0:
        return (
            None if rows in _EVERY_TIME else f"no cycles_max, which TFLM takes for 2, {rows} rows"
        )
    return None if period == 1 else f"cycles_max {period}"


_DEMANDS: tuple[Callable[[Op, Graph], str | None], ...] = (
    is_in_order,
    shapes_fit,
    output_is_a_variable,
    runs_every_time,
)


def with_variables(graph: Graph) -> Graph:
    """A graph as it is read, with a variable for each buffer; most have none and stay the same.

    Raises ModelError for a buffer that is none of those that TFLM runs in every inference.
    """
    if all(op.kind != CIRCULAR_BUFFER for op in graph.ops):
        return graph
    tensors, made = list(graph.tensors), list[Op]()
    for number, op in enumerate(graph.ops):
        made += _kept(op, graph, number, tensors) if op.kind == CIRCULAR_BUFFER else (op,)
    return replace(graph, tensors=tuple(tensors), ops=tuple(made))


def _kept(op: Op, graph: Graph, number: int, tensors: list[Tensor]) -> tuple[Op, ...]:
    """The ops that stand for a buffer; ``tensors`` of the graph get those between."""
    for demand in _DEMANDS:
        found = demand(op, graph)
        if found is not None:
            words = (demand.__doc__ or "").strip()
            raise ModelError(
                f"{op.kind} '{op.name}' (op {number}): {words} Found: {found}", hint=_HINT
            )
    given, result = op.inputs[0], op.outputs[0]
    kept = replace(tensors[result], is_variable=False)
    tensors[result] = kept
    rows, name = kept.shape[_ROWS], f"{kept.name}/kept"
    if rows == 1:
        return (viewed_op(op.name, given, result, kept.shape),)
    handle, before, begin, size, younger = range(len(tensors), len(tensors) + 5)
    rest = (1, rows - 1, *kept.shape[2:])
    tensors += [
        Tensor(name, RESOURCE, ()),
        replace(kept, name=f"{kept.name}/before"),
        _numbers(f"{kept.name}/begin", (0, 1, 0, 0)),
        _numbers(f"{kept.name}/size", rest),
        replace(kept, name=f"{kept.name}/younger", shape=rest),
    ]
    return (
        handle_op(f"{name}/{number}", handle),
        reading_op(f"{kept.name}/before", handle, before),
        Op(SLICE, f"{kept.name}/younger", (before, begin, size), (younger,), NoAttrs()),
        joined_op(op.name, (younger, given), result, _ROWS),
        replace(assigning_op(name, handle, result, -1), outputs=()),  # as files have it
    )


def _numbers(name: str, numbers: tuple[int, ...]) -> Tensor:
    data = np.array(numbers, np.int32)
    data.flags.writeable = False
    return Tensor(name, INT32, (len(numbers),), None, data)
