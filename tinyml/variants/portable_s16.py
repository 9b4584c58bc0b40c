"""Layers of int16 values for cores without DSP instructions: the plain loops with sums of 32 bits.

A product and its sum of 64 bits take six instructions on such a core, those of 32 bits two. The
kernels are the plain ones for a type of their own, firmware/kernels/types/s16_short.h.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from tinyml.ir.dtype import INT64
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Constant, KernelCall
from tinyml.ops import conv_2d, depthwise_conv_2d, fully_connected
from tinyml.ops.weighted import WeightedSum
from tinyml.ops.weighted_forms import WIDE_COST
from tinyml.target.cores import Family
from tinyml.variants import Variant
from tinyml.variants.dsp_s16 import sums_fit
from tinyml.variants.families import FAMILIES

_PLAIN = {  # kind, name of the kernel: what the plain kernel makes of a layer
    ("CONV_2D", "conv_2d"): conv_2d.lower,
    ("DEPTHWISE_CONV_2D", "depthwise"): depthwise_conv_2d.lower,
    ("FULLY_CONNECTED", "fully_connected"): fully_connected.lower,
}


def lower_short(
    family: Family, kind_and_name: tuple[str, str], op: Op, graph: Graph, numbers: WeightedSum
) -> KernelCall | str:
    """The plain kernel with short sums, where every sum of the layer fits."""
    if numbers.sum_dtype != INT64:
        return "sums of 32 bits, which may wrap"
    if not sums_fit(numbers):
        return "sums need 64 bits"
    plain = _PLAIN[kind_and_name](op, graph, numbers)
    factor = family.plain.get(kind_and_name[0], 1.0) / WIDE_COST
    return replace(
        plain,
        function=f"{plain.function}_short",
        header=plain.header.replace("kernels/", "kernels/portable/").replace("/s16.h", "_s16.h"),
        constants=tuple(map(_short, plain.constants)),
        cost=replace(plain.cost, instructions=round(plain.cost.instructions * factor)),
        isa=family.name,
        note="32-bit sums",
    )


def _short(constant: Constant) -> Constant:
    if constant.data.dtype != np.int64:
        return constant
    return replace(constant, data=constant.data.astype(np.int32))


VARIANTS = tuple(
    Variant(
        f"{family.name}/{names[1]}_s16",
        names[0],
        "s16",
        family.name,
        partial(lower_short, family, names),
    )
    for family in FAMILIES
    for names in _PLAIN
)
