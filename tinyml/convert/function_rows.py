"""The operators of a table: the number of a row for each value, and the rows.

A table of bytes has a row for each. One of 16-bit values has a row for every 32 of them, and two
halves, because rows of GATHER are bytes: they are added up again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml.convert.functions import Function, results_of
from tinyml.convert.ranges import dequantize
from tinyml.convert.ranges import quantize as to_integers
from tinyml.convert.tables import options_of
from tinyml.convert.weights import constant
from tinyml.ir.dtype import INT8, INT16, INT32
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops.cast import CAST
from tinyml.ops.elementwise import ADD
from tinyml.ops.gather import GATHER
from tinyml.ops.quantize import QUANTIZE

FIRST = 128  # the row of a value's byte -128 is 0
STEP = 32  # of 16-bit values from one row to the next
FIRST_WIDE = 32768 // STEP
_Add = Callable[[Tensor], int]  # takes a tensor into the new graph


def byte_ops(add: _Add, ends: tuple[int, int], made: Tensor, table: Array) -> tuple[Op, ...]:
    """From a value in bytes to ``made``, the tensor of the second end, by a table of 256 bytes."""
    name = made.name
    byte, row = (add(Tensor(f"{name}/{word}", INT32, made.shape)) for word in ("byte", "row"))
    first = add(constant(f"{name}/first", np.array([FIRST], np.int32), None))
    rows = add(constant(f"{name}/table", table, made.quant))
    types = {"InDataType": INT8.tflite, "OutDataType": INT32.tflite}
    return (
        Op(CAST, f"{name}/byte", (ends[0],), (byte,), options_of(CAST, **types)),
        Op(ADD, f"{name}/row", (byte, first), (row,), options_of(ADD)),
        Op(GATHER, name, (rows, row), (ends[1],), options_of(GATHER)),
    )


def wide_ops(
    add: _Add, ends: tuple[int, int], quants: tuple[Quant, Quant], made: Tensor, table: Array
) -> tuple[Op, ...]:
    """From a 16-bit value to ``made``, the tensor of the second end, by a table of its halves.

    ``quants`` are those of the value and of the result; every step is exact but for the choice of
    the row.
    """
    name, scale = made.name, quants[1].scale
    rows = Quant((STEP * quants[0].scale,), (FIRST_WIDE,))
    row = add(Tensor(f"{name}/row", INT32, made.shape, rows))
    ops = [Op(QUANTIZE, f"{name}/row", (ends[0],), (row,), options_of(QUANTIZE))]
    halves = (
        ("high", table >> 8, Quant((256 * scale,), (0,))),
        ("low", (table & 255) - 128, Quant((scale,), (-128,))),
    )
    parts = []
    for word, data, quant in halves:
        rows_of = add(constant(f"{name}/{word}_table", data.astype(np.int8), quant))
        byte = add(Tensor(f"{name}/{word}_byte", INT8, made.shape, quant))
        parts.append(add(Tensor(f"{name}/{word}", INT16, made.shape, quants[1])))
        ops += [
            Op(GATHER, f"{name}/{word}_byte", (rows_of, row), (byte,), options_of(GATHER)),
            Op(QUANTIZE, f"{name}/{word}", (byte,), (parts[-1],), options_of(QUANTIZE)),
        ]
    return (*ops, Op(ADD, name, tuple(parts), (ends[1],), options_of(ADD)))


def byte_table(function: Function, graph: Graph, quants: tuple[Quant, Quant]) -> Array:
    """The result's byte for each byte of the value, from -128 on, [256] int8.

    ``quants`` are those of the value and of the result.
    """
    arguments = dequantize(np.arange(-128, 128).astype(np.int8), quants[0])
    return to_integers(results_of(function, graph, arguments), quants[1])


def wide_table(function: Function, graph: Graph, quants: tuple[Quant, Quant]) -> Array:
    """The result's 16-bit value for each row, from the least value on, [2049] int32."""
    numbers = np.arange(-FIRST_WIDE, FIRST_WIDE + 1) * STEP
    arguments = (numbers * quants[0].scale).astype(np.float32)
    return to_integers(results_of(function, graph, arguments), quants[1], 16).astype(np.int32)
