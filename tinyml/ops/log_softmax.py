"""LOG_SOFTMAX: logarithms of what SOFTMAX gives, along the last dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedmath import exp_of_negative, log_of_sum
from tinyml.ir.fixedpoint import (
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.activation import output_is
from tinyml.ops.common import INT8_MAX, INT8_MIN, operand_count, quant_of, requant_struct
from tinyml.ops.extents import rows
from tinyml.ops.float_rows import LOG_SOFTMAX_FORM
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_rows
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.softmax import INTEGER_BITS, SUM_BITS, has_rows
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales

_FRACTION_BITS = 31 - INTEGER_BITS
_OUTPUT = Quant((1 / 16,), (INT8_MAX,))

Factor = tuple[int, int]


def factors(op: Op, graph: Graph) -> tuple[Factor, Factor]:
    """Factor from the input to Q5, and the one back.

    Source: TensorFlow Lite, PreprocessLogSoftmaxScalingExp (kernels/internal/quantization_util.cc).
    """
    scale = float(np.float32(quant_of(graph.tensors[op.inputs[0]]).scale))
    multiplier, shift = quantize_multiplier(scale * (1 << _FRACTION_BITS))
    return (multiplier, shift), quantize_multiplier((1 << (31 - shift)) / multiplier)


def scale_is_moderate(op: Op, graph: Graph) -> str | None:
    """The input scale must be above 2^-26 and below 16."""
    scale = float(np.float32(quant_of(graph.tensors[op.inputs[0]]).scale))
    return None if 2.0**-_FRACTION_BITS < scale < 15.999999 else f"{scale:g}"


def _scaled(op: Op, graph: Graph) -> IntArray:
    """Distances 0, -1, ... below a row's maximum in Q5, as far as they count."""
    (multiplier, shift), _ = factors(op, graph)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << _FRACTION_BITS) / 2.0**shift)
    distances = np.arange(min(radius, 255) + 1)
    return multiply_by_quantized_multiplier(-distances, multiplier, shift)


def _powers(op: Op, graph: Graph) -> IntArray:
    """exp() of these in Q12."""
    return rounding_divide_by_pot(exp_of_negative(_scaled(op, graph), INTEGER_BITS), SUM_BITS)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The distance from the maximum, less the logarithm of the sum, in units of 1/16.

    Source: TensorFlow Lite, reference_ops::LogSoftmaxQuantized.
    """
    values = inputs[0]
    assert values is not None
    wide = values.astype(np.int64).reshape(-1, values.shape[-1])
    distance = wide.max(axis=1, keepdims=True) - wide
    scaled, powers = _scaled(op, graph), _powers(op, graph)
    counts = distance < len(scaled)
    near = np.where(counts, distance, 0)
    log = log_of_sum(np.where(counts, powers[near], 0).sum(axis=1, keepdims=True))
    least = multiply_by_quantized_multiplier(log - (1 << 31), *factors(op, graph)[1])
    units = rounding_divide_by_pot(wrap_int32(scaled[near] - log), 22) + INT8_MAX
    made = np.where(counts & (-distance > least), np.clip(units, INT8_MIN, INT8_MAX), INT8_MIN)
    return (made.astype(np.int8).reshape(values.shape),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_log_softmax_s8``."""
    shape = graph.tensors[op.inputs[0]].shape
    count, depth = math.prod(shape[:-1]), shape[-1]
    given, constants = input_argument(op, graph, 0)
    powers = _powers(op, graph).astype(np.int32)
    table = Constant("exp", powers, "exp(-d) * 2^19 for distances d below a row's maximum")
    to_q5, back = factors(op, graph)
    fields: tuple[tuple[str, Value], ...] = (
        ("rows", count),
        ("depth", depth),
        ("exp_count", len(powers)),
        ("input_requant", requant_struct(*to_q5)),
        ("reverse_requant", requant_struct(*back)),
    )
    return KernelCall(
        function="tml_log_softmax_s8",
        header="kernels/log_softmax/s8.h",
        params=Struct("tml_log_softmax_params", fields),
        arguments=(given, Arg("constant", constant="exp"), Arg("output")),
        constants=(*constants, table),
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(count * (35 * depth + 150)),
    )


EXTENTS = {"tml_log_softmax_params": rows("rows", "depth", "depth")}

HALVES = {"tml_log_softmax_params": cut_rows("rows", "depth", "depth")}

OPS = (
    OpSpec(
        kind="LOG_SOFTMAX",
        title="logarithms of exponentials over their sum, along the last dimension",
        traits=(Axes("last"), Scales("fixed", (8,), {8: _OUTPUT})),
        table=no_options("LogSoftmaxOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale, has_rows),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, output=INT8),
                reference,
                lower,
                (output_is(1 / 16, INT8_MAX), scale_is_moderate),
            ),
            LOG_SOFTMAX_FORM,
        ),
    ),
)
