"""Inputs of a kernel call that may be computed at run time or known at compile time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant

_INLINE_BYTES = 16


def input_argument(op: Op, graph: Graph, index: int) -> tuple[Arg, tuple[Constant, ...]]:
    """The C argument for input ``index``, and the array it names when the input is constant."""
    tensor = graph.tensors[op.inputs[index]]
    if tensor.data is None:
        return Arg("input", index), ()
    name = f"input_{index}"
    array = Constant(name, np.ravel(tensor.data), f"constant input {index}, row by row")
    return Arg("constant", constant=name), (array,)


def have_one_scale(op: Op, graph: Graph) -> str | None:
    """Every quantised input and output must have one positive scale and one zero point in range."""
    for tensor in (*graph.op_inputs(op), *graph.op_outputs(op)):
        if tensor is None or not tensor.dtype.is_quantised:
            continue
        quant = tensor.quant
        if quant is None or len(quant.scales) != 1 or len(quant.zero_points) != 1:
            return f"'{tensor.name}' has {len(quant.scales) if quant else 0} scales"
        if not (math.isfinite(quant.scale) and quant.scale > 0.0):
            return f"'{tensor.name}' has scale {quant.scale}"
        low, high = tensor.dtype.limits
        if not low <= quant.zero_point <= high:
            return f"'{tensor.name}' has zero point {quant.zero_point}"
    return None


def same_shape(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape rule of ops that treat every element alike: the input's shape."""
    return (graph.tensors[op.inputs[0]].shape,)


def move_instructions(runs: Sequence[int], *, is_aligned: bool) -> int:
    """Instructions to move runs of bytes: short ones inline, long ones by memmove.

    memmove takes words where both sides are aligned alike, else single bytes.
    """
    per_byte = 1.75 if is_aligned else 4.75
    return sum(2 + run if run <= _INLINE_BYTES else 25 + int(per_byte * run) for run in runs)


def no_macs(op: Op, graph: Graph) -> int:
    """Multiply-accumulates of an op that has none."""
    return 0
