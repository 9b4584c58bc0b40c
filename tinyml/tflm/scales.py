"""What TFLM's kernels demand of scales, zero points and borders, in the form of constraints.

Mostly what a kernel looks at as it is prepared, and stops for: ``tests/test_tflm_operators.py``
holds the rules against TFLM. They rely on operands of the right number and types.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tinyml.ir.dtype import INT8, INT16, INT32
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.ops import trait_of
from tinyml.ops.forms import Constraint
from tinyml.ops.traits import Channels, Converts, MovesOnly
from tinyml.ops.views import squeezes_ones
from tinyml.tflm.table import OpFacts, op_facts

_NEAR = 1e-6  # scales that a pooling takes for the same
_BIAS_ERROR = 0.02  # of the output's scale
_LEFT_SHIFTS = {INT8: 20, INT16: 15}  # of sums, before they are brought to the output's scale


def is_quantised(op: Op, graph: Graph) -> str | None:
    """Values of 8 and 16 bits must have a scale and a zero point."""
    trait = trait_of(op.kind, Converts)
    is_quantize = trait is not None and trait.to == "integers"
    made = graph.op_outputs(op) if is_quantize else ()  # in int32 as well
    for tensor in (*_values(op, graph), *made):
        if tensor.quant is None:
            return f"'{tensor.name}' has none"
    return None


def zero_points_are_zero(op: Op, graph: Graph) -> str | None:
    """The zero points of int16 values must be 0."""
    if graph.tensors[op.inputs[0]].dtype != INT16:
        return None  # such a result has one of its own
    for tensor in _values(op, graph):
        if tensor.dtype == INT16 and tensor.quant and tensor.quant.zero_point:
            return f"'{tensor.name}' has {tensor.quant.zero_point}"
    return None


def has_one_quantisation(op: Op, graph: Graph) -> str | None:
    """Input and output must have the same scale and zero point."""
    tensors = _values(op, graph)
    if trait_of(op.kind, MovesOnly) is not None and tensors and tensors[0].dtype != INT8:
        return None  # rescaled
    return next((_difference(*pair) for pair in pairwise(tensors) if _differ(*pair)), None)


def inputs_have_one_quantisation(op: Op, graph: Graph) -> str | None:
    """All inputs must have the same scale and zero point."""
    given = _values(op, graph)[: len(op.inputs)]
    return next((_difference(*pair) for pair in pairwise(given) if _differ(*pair)), None)


def padding_has_the_scale_of_the_output(op: Op, graph: Graph) -> str | None:
    """The value to pad with must have the scale and zero point of the output."""
    made, value = graph.tensors[op.outputs[0]], graph.tensors[op.inputs[2]]
    is_int8 = made.dtype == INT8
    return _difference(value, made) if is_int8 and _differ(value, made) else None


def output_is_fixed(op: Op, graph: Graph) -> str | None:
    """The output's scale and zero point must be those that the kernel computes in."""
    given, made = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    types = f"{given.dtype.short} > {made.dtype.short}"
    wanted = op_facts()[op.kind].fixed.get(types)
    if wanted is None or made.quant is None:
        return None
    scale, zero_point = wanted
    is_near = not scale or abs(made.quant.scale / scale - 1) <= 1e-3
    if is_near and made.quant.zero_point == zero_point:
        return None
    wish = f"{scale:g} and {zero_point}" if scale else f"the zero point {zero_point}"
    return f"{made.quant.scale:g} and {made.quant.zero_point}, not {wish}"


def sums_are_scaled_down(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-19 of the larger input scale, 2^-14 for int16."""
    *given, made = _values(op, graph) or (None,)
    if made is None or made.quant is None or made.dtype not in _LEFT_SHIFTS:
        return None
    largest = max((tensor.quant.scale for tensor in given if tensor.quant), default=0.0)
    shift = _LEFT_SHIFTS[made.dtype]
    if 2 * largest < (1 << shift) * made.quant.scale:
        return None
    return f"{made.quant.scale:g} for {largest:g}"


def whole_numbers_have_no_scale(op: Op, graph: Graph) -> str | None:
    """Operands of int32 must have no scale."""
    for tensor in graph.op_inputs(op):
        if tensor is not None and tensor.dtype == INT32 and tensor.quant is not None:
            return f"'{tensor.name}' has {tensor.quant.scale:g}"
    return None


def scales_are_below_one(op: Op, graph: Graph) -> str | None:
    """The scales of int8 inputs must be below 1."""
    for tensor in _values(op, graph):
        if tensor.dtype == INT8 and tensor.quant and tensor.quant.scale >= 1.0:
            return f"'{tensor.name}' has {tensor.quant.scale:g}"
    return None


def swish_is_scaled_down(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 1/128 of the input scale."""
    quants = [tensor.quant for tensor in _values(op, graph) if tensor.quant]
    if len(quants) < 2 or quants[0].scale / 128 < quants[1].scale:
        return None
    return f"{quants[1].scale:g} for {quants[0].scale:g}"


def bias_has_the_scale_of_products(op: Op, graph: Graph) -> str | None:
    """The bias must have the scale of input times weights, within 2 % of an output step."""
    quants = [tensor.quant if tensor else None for tensor in graph.op_inputs(op)]
    made = graph.tensors[op.outputs[0]].quant
    if len(quants) < 3 or made is None or any(_is_many(quant) for quant in quants):
        return None
    given, weights, bias = (quant.scale if quant else 0.0 for quant in quants)
    error = abs(float(np.float32(given) * np.float32(weights)) - bias)
    return None if error <= _BIAS_ERROR * made.scale else f"{bias:g}, not {given * weights:g}"


def channels_have_scales(op: Op, graph: Graph) -> str | None:
    """Integer weights must have one scale, or one per output channel."""
    weights, channels = graph.tensors[op.inputs[1]], trait_of(op.kind, Channels)
    if weights.quant is None or not weights.dtype.is_quantised or _is_one(weights.quant):
        return None
    keeps = channels is not None and not channels.mixes  # depthwise: they come last
    count, wanted = len(weights.quant.scales), weights.shape[-1 if keeps else 0]
    return None if count == wanted else f"{count} scales, {wanted} channels"


def has_no_border(op: Op, graph: Graph) -> str | None:
    """Borders must be 0: TFLM fills others with what its memory held before."""
    borders = graph.tensors[op.inputs[2]].data
    if borders is None:
        return "not constant"
    return f"{np.ravel(borders).tolist()}" if np.any(borders) else None


def _values(op: Op, graph: Graph) -> list[Tensor]:
    """Operands and results of 8 or 16 bits."""
    tensors = (*graph.op_inputs(op), *graph.op_outputs(op))
    return [tensor for tensor in tensors if tensor is not None and tensor.dtype.is_quantised]


def _is_many(quant: Quant | None) -> bool:
    return quant is None or not _is_one(quant)


def _is_one(quant: Quant) -> bool:
    return len(quant.scales) == 1


def _differ(a: Tensor, b: Tensor) -> bool:
    if a.quant is None or b.quant is None:
        return a.quant is not b.quant
    difference = abs(float(np.float32(a.quant.scale)) - float(np.float32(b.quant.scale)))
    return difference > _NEAR or a.quant.zero_point != b.quant.zero_point


def _difference(a: Tensor, b: Tensor) -> str:
    words = [
        f"'{tensor.name}' {tensor.quant.scale:g} and {tensor.quant.zero_point}"
        if tensor.quant
        else f"'{tensor.name}' none"
        for tensor in (a, b)
    ]
    return ", ".join(words)


_RULES: dict[str, Constraint] = {
    rule.__name__: rule
    for rule in (
        is_quantised,
        zero_points_are_zero,
        has_one_quantisation,
        inputs_have_one_quantisation,
        padding_has_the_scale_of_the_output,
        output_is_fixed,
        sums_are_scaled_down,
        whole_numbers_have_no_scale,
        scales_are_below_one,
        swish_is_scaled_down,
        bias_has_the_scale_of_products,
        has_no_border,
        channels_have_scales,
        squeezes_ones,
    )
}


def rules_of(facts: OpFacts) -> tuple[Constraint, ...]:
    """What the kernel of an operator demands of scales and borders."""
    return tuple(_RULES[name] for name in facts.scales)
