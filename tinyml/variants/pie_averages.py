"""Averages and sums of many inputs as depthwise filters of equal weights, for the ESP32-S3."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ir.shapes import Window
from tinyml.ops import mean, pool_2d
from tinyml.ops.common import activation_range, quant_of, result
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.pie_depthwise import per_channel
from tinyml.variants.pie_gemm import ISA
from tinyml.variants.pie_rescale import LANE_BITS

MOST_TAPS = 144  # they are written out, one after the other
HEAVIEST = 64  # weight of a pool's taps: the heavier, the finer its two roundings
SINGLE = Window(in_size=1, kernel=1, stride=1, dilation=1, pad=0, out_size=1)


def pool(op: Op, graph: Graph) -> KernelCall | str:
    """AVERAGE_POOL_2D whose windows lie inside the image."""
    rows, columns = pool_2d.windows(op, graph)
    taps = rows.kernel * columns.kernel
    if taps > MOST_TAPS:
        return f"more than {MOST_TAPS} inputs of an average"
    if any(axis.whole_outputs() < axis.out_size for axis in (rows, columns)):
        return "the number of inputs of an average depends on where it is"
    bounds = activation_range(op.attrs.activation, quant_of(result(op, graph)))
    given = graph.tensors[op.inputs[0]].shape
    numbers = _averages(taps, given[3], bounds)
    return numbers if isinstance(numbers, str) else per_channel(numbers, given, rows, columns)


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
    if taps > MOST_TAPS:
        return f"more than {MOST_TAPS} inputs of a sum"
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    weights = np.ones((channels, taps), np.int64)
    points = (quant_of(given).zero_point, quant_of(made).zero_point)
    numbers = _of(weights, mean.factors(op, graph), points, made.dtype.limits)
    rows = Window(in_size=taps, kernel=taps, stride=1, dilation=1, pad=0, out_size=1)
    return per_channel(numbers, (batches, taps, 1, channels), rows, SINGLE)


def _of(
    weights: np.ndarray,
    factors: tuple[int, int],
    zero_points: tuple[int, int],
    bounds: tuple[int, int],
) -> WeightedSum:
    """The numbers of a layer whose channels are alike and have no bias."""
    none = np.zeros(len(weights), np.int64)
    return WeightedSum(weights, none, none + factors[0], none + factors[1], *zero_points, bounds)


VARIANTS = (
    Variant("pie/average_pool_2d", "AVERAGE_POOL_2D", "s8", ISA, pool),
    Variant("pie/mean", "MEAN", "s8", ISA, reduction, is_streamable=False),
    Variant("pie/sum", "SUM", "s8", ISA, reduction, is_streamable=False),
)
