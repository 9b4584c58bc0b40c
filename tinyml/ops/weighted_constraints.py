"""What operators that sum weighted inputs demand of their weights, biases and sums."""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT32
from tinyml.ir.fixedpoint import WIDE_SUMS
from tinyml.ir.graph import Graph, Op
from tinyml.ops.common import INT32_MAX, operand, result
from tinyml.ops.forms import Constraint
from tinyml.ops.weighted import BIAS, WEIGHTS, WeightedSum


def weights_are_constant(op: Op, graph: Graph) -> str | None:
    """Weights must be constant."""
    weights = operand(op, graph, WEIGHTS)
    if weights is None or weights.is_constant:
        return None
    return f"'{weights.name}' is computed at run time"


def weights_are_symmetric(op: Op, graph: Graph) -> str | None:
    """Weights must have zero point 0."""
    weights = operand(op, graph, WEIGHTS)
    if weights is None or weights.quant is None:
        return None
    others = sorted({zero for zero in weights.quant.zero_points if zero != 0})
    return f"'{weights.name}' has zero point {others[0]}" if others else None


def weights_scaled_along(axis: int) -> Constraint:
    """A constraint: one positive scale for all weights, or one per slice along ``axis``."""

    def has_scales(op: Op, graph: Graph) -> str | None:
        """Weights must have one positive scale, or one per output channel."""
        weights = operand(op, graph, WEIGHTS)
        if weights is None:
            return None
        quant = weights.quant
        if quant is None or not quant.scales:
            return f"'{weights.name}' has no scale"
        if quant.is_per_channel:
            channels = weights.shape[axis] if len(weights.shape) > axis else 0
            if quant.axis != axis or len(quant.scales) != channels:
                return f"'{weights.name}' has {len(quant.scales)} scales along axis {quant.axis}"
        if not all(0.0 < scale < float("inf") for scale in quant.scales):
            return f"'{weights.name}' has a scale of {min(quant.scales)}"
        return None

    return has_scales


def bias_is_constant(op: Op, graph: Graph) -> str | None:
    """Bias must be a constant vector with one element per output channel, or absent."""
    bias = operand(op, graph, BIAS)
    if bias is None:
        return None
    if not bias.is_constant:
        return f"'{bias.name}' is computed at run time"
    made = result(op, graph)
    channels = made.shape[-1] if made.shape else 1
    return f"'{bias.name}' has {bias.elements} elements" if bias.elements != channels else None


def sums_fit_32_bits(numbers: WeightedSum) -> str | None:
    """Sums must fit 32 bits for every input, also after rescaling by more than 1."""
    if not numbers.wraps.any():
        return None
    low, high = numbers.sum_bounds
    channel = int(np.argmax(numbers.wraps))
    return (
        f"channel {channel} reaches {int(max(abs(low[channel]), abs(high[channel])))} "
        f"with a left shift of {max(0, int(numbers.shift[channel]))}"
    )


def factors_are_held(numbers: WeightedSum) -> str | None:
    """The factors from sums to outputs must be such that a multiplier and a shift hold them.

    Without them there are no numbers to ask. Sums beyond 32 bits wrap, as they do in TFLM.
    """
    return None


def sums_fit(numbers: WeightedSum) -> str | None:
    """Sums and outputs must stay where TFLM's arithmetic on 64 bits is defined.

    Sums of 32 bits wrap, as they do in TFLM.
    """
    if numbers.sum_dtype == INT32:
        return None
    low, high = numbers.sum_bounds
    greatest = np.maximum(np.abs(low), np.abs(high))
    made = greatest.astype(float) * numbers.multiplier * np.exp2(numbers.shift - 31.0)
    over = (greatest >= WIDE_SUMS) | (numbers.shift > 7) | (made > INT32_MAX - (1 << 16))
    if not over.any():
        return None
    channel = int(np.argmax(over))
    return f"channel {channel} reaches {int(greatest[channel])}, which gives {made[channel]:.0f}"
