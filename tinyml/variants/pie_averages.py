"""Averages and sums of many inputs, all of one weight, for the ESP32-S3's vector unit.

Those of a whole image have a kernel of their own; pools are depthwise filters of equal weights.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops import mean, pool_2d
from tinyml.ops.common import activation_range, quant_of, result
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.pie_depthwise import per_channel
from tinyml.variants.pie_gemm import ISA
from tinyml.variants.pie_rescale import (
    LANE_BITS,
    LANES,
    SUMS_BYTES,
    whole_lane_scales,
)

MOST_TAPS = 144  # they are written out, one after the other
MOST_PIXELS = 4095  # of 20 bits
HEAVIEST = 64  # weight of a pool's taps: the heavier, the finer its two roundings


def pool(op: Op, graph: Graph) -> KernelCall | str:
    """AVERAGE_POOL_2D whose windows lie inside the image."""
    rows, columns = pool_2d.windows(op, graph)
    taps = rows.kernel * columns.kernel
    is_whole = all(axis.kernel == axis.in_size and axis.out_size == 1 for axis in (rows, columns))
    if taps > (MOST_PIXELS if is_whole else MOST_TAPS):
        return f"more than {MOST_PIXELS if is_whole else MOST_TAPS} inputs of an average"
    if any(axis.whole_outputs() < axis.out_size for axis in (rows, columns)):
        return "the number of inputs of an average depends on where it is"
    bounds = activation_range(op.attrs.activation, quant_of(result(op, graph)))
    given = graph.tensors[op.inputs[0]].shape
    numbers = _averages(taps, given[3], bounds)
    if isinstance(numbers, str):
        return numbers
    return _column(numbers, given[0]) if is_whole else per_channel(numbers, given, rows, columns)


@lru_cache(maxsize=64)
def _averages(taps: int, channels: int, bounds: tuple[int, int]) -> WeightedSum | str:
    """The average, halves away from zero, as a weighted sum; tried with every sum there is."""
    weight = min(HEAVIEST, (1 << LANE_BITS - 1) // (128 * taps + 1))
    weight = 1 << weight.bit_length() - 1
    multiplier, shift = quantize_multiplier(1 / (weight * taps))
    sums = np.arange(-128 * taps, 127 * taps + 1)
    wanted = np.sign(sums) * ((np.abs(sums) + taps // 2) // taps)
    if not np.array_equal(
        multiply_by_quantized_multiplier(sums * weight, multiplier, shift), wanted
    ):
        return f"two roundings do not give the average of {taps} inputs"
    weights = np.full((channels, taps), weight, np.int64)
    return _of(weights, (multiplier, shift), (0, 0), bounds)


def reduction(op: Op, graph: Graph) -> KernelCall | str:
    """MEAN or SUM over axes that lie before the last ones."""
    batches, taps, channels, *others = mean.loops_of(op, graph)
    if others != [1, 1] or taps == 1:
        return "the axes are not one run of axes before others"
    if taps > MOST_PIXELS:
        return f"more than {MOST_PIXELS} inputs of a sum"
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    weights = np.ones((channels, taps), np.int64)
    points = (quant_of(given).zero_point, quant_of(made).zero_point)
    return _column(_of(weights, mean.factors(op, graph), points, made.dtype.limits), batches)


def _column(numbers: WeightedSum, batches: int) -> KernelCall | str:
    """A call of ``tml_pie_mean_s8``: all pixels of each channel; channels are alike."""
    channels, pixels = numbers.weights.shape
    scales = numbers.once(whole_lane_scales)
    if isinstance(scales, str):
        return scales
    lanes = scales.lanes()
    filled = -(-channels // LANES) * LANES
    each = 20 + (2 if channels % LANES == 0 else 6) * pixels + scales.cost(lanes)
    fields = (
        ("batches", batches),
        ("pixels", pixels),
        ("channels", channels),
        ("lanes", lanes),
        ("weight", int(scales.weights[0, 0])),
        ("rescale", scales.struct()),
    )
    return KernelCall(
        "tml_pie_mean_s8",
        "kernels/pie/mean_s8.h",
        Struct("tml_pie_mean_params", fields),
        (
            Arg("input"),
            Arg("constant", constant="scales"),
            Arg("output"),
            Arg("scratch", dtype=INT8),
        ),
        (scales.constant(lanes),),
        scratch_bytes=SUMS_BYTES + filled,
        cost=Cost(40 + batches * (20 + channels + -(-channels // lanes) * each), code_bytes=500),
        isa=ISA,
        note=scales.note(),
    )


def _of(
    weights: np.ndarray,
    factors: tuple[int, int],
    zero_points: tuple[int, int],
    bounds: tuple[int, int],
) -> WeightedSum:
    """The numbers of a layer whose channels are alike and have no bias."""
    none = np.zeros(len(weights), np.int64)
    return WeightedSum(weights, none, none + factors[0], none + factors[1], *zero_points, bounds)


def _extent(f: Fields) -> Extent:
    made = f["batches"] * f["channels"]
    return dense(f["pixels"] * made, made=made)


EXTENTS = {"tml_pie_mean_params": _extent}

VARIANTS = (
    Variant("pie/average_pool_2d", "AVERAGE_POOL_2D", "s8", ISA, pool),
    Variant("pie/mean", "MEAN", "s8", ISA, reduction, is_streamable=False),
    Variant("pie/sum", "SUM", "s8", ISA, reduction, is_streamable=False),
)
