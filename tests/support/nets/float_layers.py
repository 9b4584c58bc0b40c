"""Layers between floats and integers, the only ones that compute with floats, side by side.

Scales of most models are no powers of two; compilers have code of their own for those that are.
What they do with 2^-n may depend on whether n stands beside it as a number, such as a zero point.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.support.models.cases import Case, merge
from tinyml.ir.dtype import FLOAT32, INT8, UINT8, DType
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.ops import spec_of

SCALES = (*(2.0**-n for n in range(1, 13)), 0.37, 0.0235294, 4.0)
COUNTS = range(1, 131)  # elements: whole vectors, and every rest beside them
ZERO_POINTS = (-128, 0, 127)  # beside the exponent of the scale


def float_layers(first: int = 0) -> Case:
    """DEQUANTIZE of every count and every scale; QUANTIZE of every fourth count.

    Each scale meets counts of all rests modulo 8; ``first`` shifts scales against counts.
    """
    return merge((*_layers("DEQUANTIZE", 1, first), *_layers("QUANTIZE", 4, first)), "floats")


def _layers(kind: str, step: int, first: int) -> Iterator[Case]:
    for count in COUNTS[::step]:
        number = (count + first) % len(SCALES)
        scale, exponent = SCALES[number], -1 - number
        dtype = UINT8 if kind == "DEQUANTIZE" and count % 16 in (3, 6, 9, 12) else INT8
        zero_point = (*ZERO_POINTS, exponent, exponent)[count // 5 % 5]
        zero_point += 128 if dtype == UINT8 else 0
        yield _layer(kind, dtype, Quant((float(np.float32(scale)),), (zero_point,)), count)


def _layer(kind: str, dtype: DType, quant: Quant, count: int) -> Case:
    """One layer and what to feed it: values all over its range, and beyond it."""
    integers, floats = Tensor("q", dtype, (count,), quant), Tensor("real", FLOAT32, (count,))
    steps = np.linspace(-300, 300, count) if count > 1 else np.array([77.0])
    name = f"{kind.lower()}_{count}"
    if kind == "DEQUANTIZE":
        tensors, values = (integers, floats), steps.astype(np.int64).astype(dtype.numpy)
    else:
        tensors, values = (floats, integers), (steps * quant.scale).astype(np.float32)
    op = Op(kind, name, (0,), (1,), spec_of(kind).attrs())
    graph = Graph(name, Source(f"{name}.tflite", "0" * 64, 0), tensors, (op,), (0,), (1,))
    return Case(name, graph, ((values,),))
