"""Layers that sum weighted inputs: what CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED share.

All three compute ``clamp(rescale(bias + sum of w * (x - zero_point)) + output zero point)``; they
differ in which inputs meet which weights. A ``WeightedSum`` holds the numbers of that formula, one
row of weights per output channel, for references, lowerings and proofs about value ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, INT32, INT64, DType
from tinyml.ir.fixedpoint import WIDE_SUMS, multiply_wide, wide_factor, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Constant, KernelCall, Value
from tinyml.ops.common import (
    INT32_MAX,
    activation_is_a_range,
    activation_range,
    clamp_struct,
    is_quantised_per_tensor,
    of_type,
    operand,
    quant_of,
    rescale_clamp,
    result,
    zero_points_are_zero,
)
from tinyml.ops.forms import Constraint

IntArray = NDArray[np.int64]
Made = TypeVar("Made")
INPUT, WEIGHTS, BIAS = 0, 1, 2  # operands of all three operators
WIDE_COST = 1.65  # instructions of sums of 64 bits, by those of 32 bits, counted on Armv7-M
RIGHT_SHIFT_LIMIT = 1 << 30  # tml_requantise_right doubles the sum


@dataclass(frozen=True, eq=False)  # no slots: what follows from the numbers is kept beside them
class WeightedSum:
    """The numbers of one layer, one row or element per output channel."""

    weights: IntArray  # [out_channels, taps], int8 values
    bias: IntArray  # [out_channels], values of ``sum_dtype``; zeros when the layer has none
    multiplier: IntArray  # [out_channels]
    shift: IntArray  # [out_channels]; positive = left
    input_zero_point: int
    output_zero_point: int
    bounds: tuple[int, int]  # clamp of the output
    dtype: DType = INT8  # of input and output
    sum_dtype: DType = INT32  # of the bias, and of what is summed

    def once(self, make: Callable[..., Made], *details: Hashable) -> Made:
        """What ``make`` gives for these numbers, for instance how they are rescaled.

        A layer is lowered for many shapes of its rows; what hangs on its numbers alone is made once
        and kept as long as they are.
        """
        kept = self.__dict__.setdefault("_made", {})
        key = (make, *details)
        if key not in kept:
            kept[key] = make(self, *details)
        found: Made = kept[key]
        return found

    @cached_property
    def sum_bounds(self) -> tuple[IntArray, IntArray]:
        """Least and greatest sum of each channel over all inputs."""
        positive = np.maximum(self.weights, 0).sum(axis=1)
        negative = np.minimum(self.weights, 0).sum(axis=1)
        low, high = (limit - self.input_zero_point for limit in self.dtype.limits)
        return (
            self.bias + positive * low + negative * high,
            self.bias + positive * high + negative * low,
        )

    def folded_bias(self) -> IntArray:
        """What is left to add to ``sum of w * x``: the bias less zero_point times the weights."""
        return np.asarray(self.bias - self.input_zero_point * self.weights.sum(axis=1), np.int64)

    @property
    def type_name(self) -> str:
        """How C names the types of values and sums: "s8", "s16", or "s16_b32"."""
        if self.dtype == INT8:
            return "s8"
        return "s16" if self.sum_dtype == INT64 else "s16_b32"

    def outputs(self, sums: IntArray) -> Array:
        """The outputs of exact sums [..., out_channels]."""
        if self.sum_dtype == INT64:
            pairs = zip(self.multiplier.tolist(), self.shift.tolist(), strict=True)
            multiplier, right = np.array([wide_factor(*pair) for pair in pairs], np.int64).T
            made = multiply_wide(sums, multiplier, right) + self.output_zero_point
            return np.clip(made, *self.bounds).astype(self.dtype.numpy)
        factors = (self.multiplier, self.shift, self.output_zero_point, self.bounds)
        return rescale_clamp(wrap_int32(sums), *factors, self.dtype)

    @cached_property
    def with_bounded_sums(self) -> WeightedSum:
        """The same layer with smaller biases of dead channels.

        Converters give channels without weights biases of 2**30 and more. Where the output is the
        same for all inputs, and also when the sums are moved below 2**30, they are moved.
        """
        low, high = self.sum_bounds
        limit = RIGHT_SHIFT_LIMIT - 1
        move = np.minimum(limit - high, 0) + np.maximum(-limit - low, 0)
        if not move.any() or self.dtype != INT8:
            return self
        made = [self.outputs(sums) for sums in (low, high, low + move, high + move)]
        is_dead = np.all([made[0] == other for other in made[1:]], axis=0)
        return replace(self, bias=np.where(is_dead, self.bias + move, self.bias))

    @property
    def shifts_right(self) -> bool:
        """Whether tml_requantise_right serves all channels: right shifts and sums below 2**30."""
        low, high = self.sum_bounds
        greatest = max(int(np.abs(low).max()), int(np.abs(high).max()))
        return greatest < RIGHT_SHIFT_LIMIT and bool(np.all(self.c_shift() < 0))

    def c_shift(self) -> IntArray:
        """Shifts as the kernels get them: a factor of 0 shifts right too."""
        return np.where(self.multiplier == 0, -1, self.shift)

    @property
    def is_uniform(self) -> bool:
        """Whether all channels are rescaled alike."""
        first = self.multiplier[0], self.shift[0]
        return bool(np.all(self.multiplier == first[0]) and np.all(self.shift == first[1]))


def weighted_sum(
    op: Op, graph: Graph, weights: IntArray, multiplier: IntArray, shift: IntArray
) -> WeightedSum:
    """The numbers of a layer whose weights are brought into rows already."""
    bias = operand(op, graph, BIAS)
    made = quant_of(result(op, graph))
    given = operand(op, graph, INPUT)
    assert given is not None
    dtype = given.dtype
    return WeightedSum(
        weights,
        np.zeros(len(weights), np.int64)
        if bias is None or bias.data is None
        else bias.data.astype(np.int64).reshape(-1),
        multiplier,
        shift,
        quant_of(given).zero_point,
        made.zero_point,
        activation_range(op.attrs.activation, made, dtype),
        dtype,
        INT32 if dtype == INT8 else sums_of_int16(op, graph),
    )


def sums_of_int16(op: Op, graph: Graph) -> DType:
    """In what TFLM sums the products of int16 values: the bias's type, else what the options say.

    Source: TensorFlow Lite Micro, ConvEval, FullyConnectedEval, DepthwiseConvEval.
    """
    bias = operand(op, graph, BIAS)
    if bias is not None:
        return INT32 if bias.dtype == INT32 else INT64
    said = getattr(op.attrs, "bias_type", 0)
    return INT32 if said == INT32.tflite else INT64


def channel_constants(layer: WeightedSum, is_folded: bool) -> tuple[Constant, ...]:
    """Bias, multiplier and shift per channel; the last two have one element if uniform."""
    channels = slice(0, 1) if layer.is_uniform else slice(None)
    note = "the same for all channels" if layer.is_uniform else "per output channel"
    bias = layer.folded_bias() if is_folded else layer.bias
    fold = ": bias - input zero point * sum of weights" if is_folded else ""
    multiplier, shift = layer.multiplier[channels], layer.c_shift()[channels]
    if layer.sum_dtype == INT64:
        pairs = zip(multiplier.tolist(), shift.tolist(), strict=True)
        multiplier, shift = np.array([wide_factor(*pair) for pair in pairs], np.int64).T
    return (
        Constant("bias", bias.astype(layer.sum_dtype.numpy), f"per output channel{fold}"),
        Constant("multiplier", multiplier.astype(np.int32), f"rescaling, {note}"),
        Constant("shift", shift.astype(np.int8), f"rescaling, {note}"),
    )


def rescale_fields(layer: WeightedSum) -> tuple[tuple[str, Value], ...]:
    """The fields at the end of each kernel's params that say how sums become outputs."""
    return (
        ("per_channel", not layer.is_uniform),
        ("shifts_right", layer.shifts_right),
        ("output_offset", layer.output_zero_point),
        ("clamp", clamp_struct(layer.bounds)),
    )


def for_types(call: KernelCall, layer: WeightedSum) -> KernelCall:
    """The call of a plain kernel for int8 values as one for the layer's types."""
    if layer.dtype != INT8:
        cost = replace(call.cost, instructions=int(WIDE_COST * call.cost.instructions))
        call = replace(call, cost=cost)
    return of_type(call, layer.type_name, layer.dtype)


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


def weights_scaled_along(axis: int) -> Callable[[Op, Graph], str | None]:
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
    """Sums must fit 32 bits for every input, also after rescaling by more than 1.

    Partial sums stay inside the bounds too: they are the sums of an input that is zero elsewhere.
    """
    low, high = numbers.sum_bounds
    greatest = np.maximum(np.abs(low), np.abs(high))
    # 256 below the top, so that adding a zero point after rescaling cannot overflow either.
    over = greatest.astype(float) * np.exp2(np.maximum(numbers.shift, 0)) > INT32_MAX - 256
    if not over.any():
        return None
    channel = int(np.argmax(over))
    return (
        f"channel {channel} reaches {int(greatest[channel])} "
        f"with a left shift of {max(0, int(numbers.shift[channel]))}"
    )


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


def int16_constraints(axis: int, *symmetric: Constraint) -> tuple[Constraint, ...]:
    """What a layer of int16 values demands, whose weights have their channels along ``axis``."""
    return (
        is_quantised_per_tensor,
        zero_points_are_zero,
        *(symmetric or (weights_are_symmetric, weights_scaled_along(axis))),
        activation_is_a_range,
    )
