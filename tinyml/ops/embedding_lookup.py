"""EMBEDDING_LOOKUP: rows of a table by their numbers; becomes GATHER, and DEQUANTIZE to float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops.common import operand_count, quant_of, result
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.gather import GATHER, GatherAttrs
from tinyml.ops.lookup import NoAttrs, no_options
from tinyml.ops.operands import have_one_scale, no_macs
from tinyml.ops.quantize import DEQUANTIZE
from tinyml.ops.spec import Expansion, OpSpec, has_no_kernel


def is_a_table(op: Op, graph: Graph) -> str | None:
    """The table must have two dimensions or more, the numbers one."""
    numbers, table = (graph.tensors[i].shape for i in op.inputs)
    if len(numbers) == 1 and len(table) >= 2:
        return None
    return f"numbers {list(numbers)}, table {list(table)}"


def zero_is_zero(op: Op, graph: Graph) -> str | None:
    """The table's zero point must be 0."""
    point = quant_of(graph.tensors[op.inputs[1]]).zero_point
    return None if point == 0 else f"{point}"


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """A row of the table for each number."""
    numbers, table = (graph.tensors[i].shape for i in op.inputs)
    return ((*numbers, *table[1:]),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The rows; numbers outside mean the first or last one, where TFLM stops with an error."""
    numbers, table = inputs
    assert numbers is not None
    assert table is not None
    rows = np.take(table, numbers, 0, mode="clip")
    if rows.dtype == result(op, graph).dtype.numpy:
        return (rows,)
    scale = np.float32(quant_of(graph.tensors[op.inputs[1]]).scale)
    return (rows.astype(np.float32) * scale,)


def expand(op: Op, graph: Graph) -> Expansion:
    """A GATHER, and a DEQUANTIZE of what it finds where the result is float."""
    table, made = graph.tensors[op.inputs[1]], result(op, graph)
    inputs = (op.inputs[1], op.inputs[0])
    if table.dtype == made.dtype:
        return Expansion((Op(GATHER, op.name, inputs, op.outputs, GatherAttrs()),))
    rows = replace(table, name=f"{op.name}/rows", shape=made.shape, data=None)
    first = len(graph.tensors)
    return Expansion(
        (
            Op(GATHER, rows.name, inputs, (first,), GatherAttrs()),
            Op(DEQUANTIZE, op.name, (first,), op.outputs, NoAttrs()),
        ),
        (rows,),
    )


OPS = (
    OpSpec(
        kind="EMBEDDING_LOOKUP",
        title="rows of a table by their numbers; becomes a gather",
        traits=(),
        table=no_options(""),
        inputs=("numbers", "table"),
        constraints=(operand_count(2, 2), is_a_table),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(numbers=INT32, table=frozenset((INT8, FLOAT32)), output=Like("table")),
                reference,
                has_no_kernel,
            ),
            Form(
                "s8",
                typed(numbers=INT32, table=INT8, output=FLOAT32),
                reference,
                has_no_kernel,
                (have_one_scale, zero_is_zero),
            ),
        ),
        expand=expand,
    ),
)
