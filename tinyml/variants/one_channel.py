"""Layers whose outputs all follow from one byte, by a table: 1x1 convolutions of one channel."""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops.common import INT8_MAX, INT8_MIN, result
from tinyml.ops.extents import rows
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES

_ISAS = ("dsp", *(family.name for family in FAMILIES))  # any core: plain C
_BYTES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
_LEAST = 64  # pixels; a table has 256 rows


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_portable_one_channel_s8``."""
    for axis in filter_windows(op, graph):
        if (axis.kernel, axis.stride, axis.pad, axis.pad_after) != (1, 1, 0, 0):
            return "not a 1x1 convolution with stride 1"
    return fully_connected(op, graph, numbers)


def fully_connected(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """The same for FULLY_CONNECTED of one input."""
    filters, channels = numbers.weights.shape
    pixels = result(op, graph).elements // filters
    if channels != 1 or graph.tensors[op.inputs[INPUT]].elements != pixels:
        return "more than one input per pixel"
    if pixels < _LEAST:
        return f"{pixels} pixels do not pay for a table"
    sums = _BYTES[:, None] * numbers.weights[:, 0] + numbers.folded_bias()
    per_pixel = 4 + filters // 2 if filters % 4 == 0 else 6 + 3 * filters
    return KernelCall(
        "tml_portable_one_channel_s8",
        "kernels/portable/one_channel_s8.h",
        Struct("tml_portable_one_channel_params", (("pixels", pixels), ("filters", filters))),
        (Arg("input", INPUT), Arg("constant", constant="table"), Arg("output")),
        (Constant("table", numbers.outputs(sums).reshape(-1), "per value of the input: outputs"),),
        overlaps=(blocks_overlap(pixels, 1, 1, filters),),
        cost=Cost(20 + pixels * per_pixel, code_bytes=80),
        note="a table of all outputs",
    )


EXTENTS = {
    "tml_portable_one_channel_params": lambda f: rows("pixels", "one", "filters")({**f, "one": 1})
}

VARIANTS = tuple(
    Variant(f"{isa}/{name}", kind, "s8", isa, lower, is_streamable=False)
    for isa in _ISAS
    for name, kind, lower in (
        ("one_channel", "CONV_2D", convolution),
        ("one_input", "FULLY_CONNECTED", fully_connected),
    )
)
