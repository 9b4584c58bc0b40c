"""SQUARED_DIFFERENCE: (a - b)^2 element by element, with broadcasting as in ADD."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import INT8, INT16, INT32, DType
from tinyml.ir.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import (
    clamp_struct,
    of_type,
    operand_count,
    quant_of,
    requant_struct,
    rescale_clamp,
    result,
    zero_points_are_zero,
)
from tinyml.ops.elementwise import Factor, has_few_dimensions, infer
from tinyml.ops.extents import broadcast, of_width
from tinyml.ops.float_elementwise import float_binary
from tinyml.ops.forms import Form, Types, typed
from tinyml.ops.halves import cut_broadcast
from tinyml.ops.lookup import no_options
from tinyml.ops.loops import broadcast_loops
from tinyml.ops.operands import have_one_scale, input_argument, no_macs
from tinyml.ops.pairs import PairKernel, pair_call
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales

HEADROOM = {INT8: 7, INT16: 0}  # bits of an operand before it is scaled; its square fits 32 bits


def factors(op: Op, graph: Graph) -> tuple[Factor, Factor, Factor]:
    """Factors of both operands and of the square, from the scales in binary64.

    Source: TensorFlow Lite Micro, PrepareQuantized (micro/kernels/squared_difference.cc).
    """
    a, b, out = (
        float(np.float32(quant_of(tensor).scale))
        for tensor in (*(graph.tensors[i] for i in op.inputs), result(op, graph))
    )
    twice, headroom = 2.0 * max(a, b), HEADROOM[result(op, graph).dtype]
    return (
        quantize_multiplier(a / twice),
        quantize_multiplier(b / twice),
        quantize_multiplier(twice * twice / ((1 << (2 * headroom)) * out)),
    )


def square_is_scaled_down(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-12 of the larger input scale squared, of int16 2^2."""
    shift = factors(op, graph)[2][1]
    power = 2 - 2 * HEADROOM[result(op, graph).dtype]
    return None if shift <= 0 else f"2^{power - shift}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Both operands scaled to a common unit, subtracted, squared, scaled to the output."""
    first, second, out = factors(op, graph)
    made = result(op, graph)
    scaled, dtype = [], made.dtype
    for i, values, factor in zip(op.inputs, inputs, (first, second), strict=True):
        assert values is not None
        centred = values.astype(np.int64) - quant_of(graph.tensors[i]).zero_point
        scaled.append(multiply_by_quantized_multiplier(centred << HEADROOM[dtype], *factor))
    square = (scaled[0] - scaled[1]) ** 2
    return (rescale_clamp(square, *out, quant_of(made).zero_point, dtype.limits, dtype),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_squared_difference_s8``."""
    out = result(op, graph)
    operands = [graph.tensors[i] for i in op.inputs]
    loops = broadcast_loops(operands[0].shape, operands[1].shape)
    arguments, constants = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    names = ("input1_requant", "input2_requant", "output_requant")
    params = Struct(
        "tml_squared_difference_params",
        (
            ("count", loops.counts),
            ("step1", loops.steps[0]),
            ("step2", loops.steps[1]),
            ("input1_offset", -quant_of(operands[0]).zero_point),
            ("input2_offset", -quant_of(operands[1]).zero_point),
            *(
                (name, requant_struct(*factor))
                for name, factor in zip(names, factors(op, graph), strict=True)
            ),
            ("output_offset", quant_of(out).zero_point),
            ("clamp", clamp_struct(out.dtype.limits)),
        ),
    )
    call = KernelCall(
        "tml_squared_difference_s8",
        "kernels/squared_difference/s8.h",
        params,
        (*arguments, Arg("output")),
        constants=tuple(item for group in constants for item in group),
        overlaps=tuple(
            Overlap(i, 0)
            for i, tensor in enumerate(operands)
            if not tensor.is_constant and tensor.elements == out.elements
        ),
        cost=Cost(40 * out.elements + 12 * math.prod(loops.counts[:-1]) + 30),
    )
    return of_type(call, "s8" if out.dtype == INT8 else "s16", out.dtype)


def _of_whole_numbers(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Of numbers that stand for themselves the lowest 32 bits, as in TFLM."""
    first, second = (np.asarray(values, np.int64) for values in inputs)
    difference = wrap_int32(first - second)
    return (wrap_int32(difference * difference).astype(np.int32),)


def _lower_whole_numbers(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_squared_difference_s32``."""
    kernel = PairKernel("squared_difference", "squared_difference", "s32", 10)
    return pair_call(op, graph, kernel)


def _typed(dtype: DType) -> tuple[tuple[str, Types], ...]:
    return typed(left=dtype, right=dtype, output=dtype)


EXTENTS = {
    "tml_squared_difference_params": broadcast,
    "tml_squared_difference_params_s32": of_width(broadcast, 4, 4),
}

HALVES = {
    "tml_squared_difference_params": cut_broadcast,
    "tml_squared_difference_params_s32": cut_broadcast,
}

OPS = (
    OpSpec(
        kind="SQUARED_DIFFERENCE",
        title="square of the difference of two tensors, with broadcasting",
        traits=(Axes("broadcast"), Scales("own", (8, 16))),
        table=no_options("SquaredDifferenceOptions"),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(
            Form("s8", _typed(INT8), reference, lower, (have_one_scale, square_is_scaled_down)),
            Form(
                "s16",
                _typed(INT16),
                reference,
                lower,
                (have_one_scale, zero_points_are_zero, square_is_scaled_down),
            ),
            Form("s32", _typed(INT32), _of_whole_numbers, _lower_whole_numbers),
            float_binary("squared_difference", lambda a, b: (a - b) * (a - b)),
        ),
    ),
)
