"""What operators that sum weighted inputs declare alike: their plain kernel's call, and forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir.dtype import INT8, INT16, INT32, INT64, DType
from tinyml.ir.fixedpoint import wide_factor
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import (
    activation_is_a_range,
    clamp_struct,
    is_quantised_per_tensor,
    of_type,
    zero_points_are_zero,
)
from tinyml.ops.forms import Constraint, Form, Reference, Types, typed
from tinyml.ops.weighted import WeightedSum
from tinyml.ops.weighted_constraints import (
    factors_are_held,
    sums_fit,
    sums_fit_32_bits,
    weights_are_symmetric,
    weights_scaled_along,
)

WIDE_COST = 1.65  # instructions of sums of 64 bits, by those of 32 bits, counted on Armv7-M


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


def plain_call(
    kernel: str,
    fields: tuple[tuple[str, Value], ...],
    constants: tuple[Constant, ...],
    numbers: WeightedSum,
    cost: Cost,
    overlaps: tuple[Overlap, ...] = (),
) -> KernelCall:
    """The call of ``tml_<kernel>_<type>`` for the types of a layer.

    Six parameters, for all that operators differ in: ``fields`` are those of the params before the
    ones that say how sums become outputs; cost and overlaps are those of int8 values.
    """
    if numbers.dtype != INT8 or numbers.wraps.any():
        cost = replace(cost, instructions=int(WIDE_COST * cost.instructions))
    call = KernelCall(
        f"tml_{kernel}_s8",
        f"kernels/{kernel}/s8.h",
        Struct(f"tml_{kernel}_params", (*fields, *rescale_fields(numbers))),
        (
            Arg("input", 0),
            *(Arg("constant", constant=constant.name) for constant in constants),
            Arg("output", 0),
        ),
        constants,
        overlaps=overlaps,
        cost=cost,
    )
    return of_type(call, numbers.type_name, numbers.dtype)


@dataclass(frozen=True, slots=True)
class WeightedForms:
    """An operator's forms for values of 8 and 16 bits."""

    reference: Reference
    lower: Callable[[Op, Graph, WeightedSum], KernelCall]
    numbers: Callable[[Op, Graph], WeightedSum]
    weights: tuple[Constraint, ...]  # what their quantisation must be
    wide_biases: frozenset[DType]  # of values of 16 bits
    demands: tuple[Constraint, ...] = ()  # more than all such layers demand
    may_wrap: bool = True  # the plain kernel has a type for sums of int8 products beyond 32 bits

    def forms(self, **more: Types) -> tuple[Form, Form]:
        """Both forms; ``more`` are types of operands that other layers do not have."""
        after = (activation_is_a_range, *self.demands)
        narrow = (is_quantised_per_tensor, *self.weights, *after)
        wide = (is_quantised_per_tensor, zero_points_are_zero, *self.weights, *after)
        s8 = typed(**more, input=INT8, filter=INT8, bias=INT32, output=INT8)
        s16 = typed(**more, input=INT16, filter=INT8, bias=self.wide_biases, output=INT16)
        of_layer = (self.reference, self.lower)
        fit = (sums_fit_32_bits,)
        limits, fast = ((factors_are_held,), fit) if self.may_wrap else (fit, ())
        return (
            Form("s8", s8, *of_layer, narrow, self.numbers, limits, fast_limits=fast),
            Form("s16", s16, *of_layer, wide, self.numbers, (sums_fit,)),
        )


def scaled_along(axis: int) -> tuple[Constraint, ...]:
    """How weights are quantised whose output channels lie along ``axis``."""
    return (weights_are_symmetric, weights_scaled_along(axis))
