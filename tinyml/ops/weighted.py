"""The numbers of layers that sum weighted inputs: convolutions and FULLY_CONNECTED.

All of them compute ``clamp(rescale(bias + sum of w * (x - zero_point)) + output zero point)``; they
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
from tinyml.ir.fixedpoint import multiply_wide, wide_factor, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops.common import (
    INT32_MAX,
    activation_range,
    channel_factors,
    operand,
    quant_of,
    rescale_clamp,
    result,
)

IntArray = NDArray[np.int64]
Made = TypeVar("Made")
INPUT, WEIGHTS, BIAS = 0, 1, 2  # operands, in the order of most of them
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

    @cached_property
    def wraps(self) -> NDArray[np.bool_]:
        """Of which channels a sum of 32 bits may overflow, also after rescaling by more than 1.

        Partial sums stay inside the bounds too: they are those of an input that is zero elsewhere.
        """
        if self.sum_dtype != INT32:
            return np.zeros(len(self.bias), np.bool_)
        low, high = self.sum_bounds
        greatest = np.maximum(np.abs(low), np.abs(high)).astype(float)
        # 256 below the top, so that adding a zero point after rescaling cannot overflow either.
        return np.asarray(greatest * np.exp2(np.maximum(self.shift, 0)) > INT32_MAX - 256, np.bool_)

    @property
    def type_name(self) -> str:
        """How C names the types of values and sums: "s8", "s8_wrap", "s16", or "s16_b32"."""
        if self.dtype == INT8:
            return "s8_wrap" if self.wraps.any() else "s8"
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
        if not move.any() or self.dtype != INT8 or self.wraps.any():
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


def weighted_sum(op: Op, graph: Graph, weights: IntArray) -> WeightedSum:
    """The numbers of a layer whose weights are brought into rows [out_channels, taps] already."""
    bias = operand(op, graph, BIAS)
    made = quant_of(result(op, graph))
    given, filters = (graph.tensors[op.inputs[role]] for role in (INPUT, WEIGHTS))
    quants = (quant_of(given), quant_of(filters), made)
    is_rounded = getattr(op.attrs, "is_product_rounded", False)
    multiplier, shift = channel_factors(*quants, len(weights), is_product_rounded=is_rounded)
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
