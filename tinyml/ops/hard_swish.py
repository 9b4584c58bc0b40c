"""HARD_SWISH: x * relu6(x + 3) / 6, by a table computed here.

The table is TFLM's 16-bit arithmetic on all 256 inputs; the reference looks values up in it, and so
does the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedpoint import IntArray, quantize_multiplier, rounding_divide_by_pot
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import INT8_MAX, INT8_MIN, operand_count, quant_of, result
from tinyml.ops.float_elementwise import float_unary, hard_swish
from tinyml.ops.forms import Form
from tinyml.ops.lookup import BYTE_MAP, input_values, look_up, lookup_call, no_options
from tinyml.ops.operands import have_one_scale, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, ByteMap, Rows, Scales, Unsigned

HARD_SWISH = "HARD_SWISH"  # its key, for those who build one

_LOWEST, _HIGHEST = -32768, 32767
_INPUT_SHIFT = 7  # an int8 value less its zero point fits 16 bits after it
_RELUISH_SCALE = 3 / 32768


def hard_swish_factors(op: Op, graph: Graph) -> tuple[tuple[int, int], tuple[int, int]]:
    """16-bit multiplier and exponent to the output's scale, and to that of relu6(x + 3) / 6.

    Source: TensorFlow Lite Micro, HardSwishPrepare (quotients in binary64).
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    fine = float(np.float32(given.scale)) / 128
    quotients = (fine / float(np.float32(out.scale)), fine / _RELUISH_SCALE)
    to_output, to_reluish = (_short(*quantize_multiplier(q)) for q in quotients)
    return to_output, to_reluish


def _short(multiplier: int, shift: int) -> tuple[int, int]:
    """A 31-bit multiplier as one of 15 bits (DownScaleInt32ToInt16Multiplier)."""
    half = 1 << 15
    return (_HIGHEST if multiplier >= (1 << 31) - 1 - half else (multiplier + half) >> 16), shift


def hard_swish_table(op: Op, graph: Graph) -> Array:
    """The result for each input byte. Source: reference_ops::HardSwish, 8 bits."""
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    (to_output, output_shift), (to_reluish, shift) = hard_swish_factors(op, graph)
    value = (input_values(INT8) - given.zero_point) << _INPUT_SHIFT
    scaled = _rounding_high_mul(value, to_output)
    reluish = _left(value, shift - 1) if shift > 0 else value
    reluish = _rounding_high_mul(reluish, to_reluish)
    if shift > 0:
        reluish = _left(reluish, 1)
    elif shift < 0:
        reluish = _right(reluish, -shift)
    reluish = (reluish + (1 << 15)) >> 1
    product = np.minimum(_truncating(reluish * scaled), _HIGHEST)
    rounded = _right(product, -output_shift) + out.zero_point
    return np.clip(rounded, INT8_MIN, INT8_MAX).astype(np.int8)


def _right(x: IntArray, shift: int) -> IntArray:
    """x / 2^shift, rounded; by more than 16 bits hold 1 or -1, and not 0.

    Source: gemmlowp, RoundingDivideByPOT of an int16, whose mask is -1 from 16 bits on.
    """
    return rounding_divide_by_pot(x, shift) if shift < 16 else np.where(x < 0, -1, 1)


def _rounding_high_mul(a: IntArray, b: int) -> IntArray:
    """2 * a * b / 2^16 of 16-bit numbers, rounded, saturating."""
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return np.minimum(_truncating(nudged), _HIGHEST)


def _truncating(x: IntArray) -> IntArray:
    """x / 2^15, towards zero as C divides."""
    quotient: IntArray = np.sign(x) * (np.abs(x) >> 15)
    return quotient


def _left(x: IntArray, shift: int) -> IntArray:
    """x * 2^shift in 16 bits, saturating."""
    shifted: IntArray = np.clip(x << shift, _LOWEST, _HIGHEST)
    return shifted


def output_scale_is_not_tiny(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 1/128 of the input scale."""
    shift = hard_swish_factors(op, graph)[0][1]
    return None if shift <= 0 else f"2^{-shift - 7}"


def _reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    assert inputs[0] is not None
    return (look_up(hard_swish_table(op, graph), inputs[0]),)


def _lower(op: Op, graph: Graph) -> KernelCall:
    return lookup_call(op, graph, hard_swish_table(op, graph), what="HARD_SWISH")


OPS = (
    OpSpec(
        kind=HARD_SWISH,
        title="x * min(max(x + 3, 0), 6) / 6",
        traits=(ByteMap(), Unsigned(), Rows(), Axes("each"), Scales("own")),
        table=no_options("HardSwishOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("s8", BYTE_MAP, _reference, _lower, (output_scale_is_not_tiny,)),
            float_unary("hard_swish", hard_swish, instructions=30),
        ),
    ),
)
