"""PRELU: negative values times a slope, which is learned: one per channel, or per element."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.activation import MAX_RELU_SHIFT
from tinyml.ops.common import (
    INT8_MAX,
    INT8_MIN,
    operand,
    operand_count,
    quant_of,
    requant_struct,
    result,
)
from tinyml.ops.elementwise import MAX_PRODUCT_SHIFT
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.float_elementwise import float_binary
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import NO_OPTIONS
from tinyml.ops.loops import MAX_RANK, broadcast_loops
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales

SLOPES = 1  # operand


def slopes_broadcast(op: Op, graph: Graph) -> str | None:
    """Slopes must broadcast to the input, of at most four dimensions."""
    given, slopes = operand(op, graph, 0), operand(op, graph, SLOPES)
    if given is None or slopes is None:
        return None
    try:
        shape = np.broadcast_shapes(given.shape, slopes.shape)
    except ValueError:
        shape = ()
    if shape == given.shape and len(shape) <= MAX_RANK:
        return None
    return f"slopes {list(slopes.shape)}, input {list(given.shape)}"


def factors(op: Op, graph: Graph) -> tuple[tuple[int, int], tuple[int, int]]:
    """Factors of positive and negative values, from the scales in binary64.

    Source: TensorFlow Lite Micro, CalculatePreluParams (micro/kernels/prelu_common.cc).
    """
    given, slopes, made = (
        float(np.float32(quant_of(tensor).scale))
        for tensor in (*(graph.tensors[i] for i in op.inputs), result(op, graph))
    )
    return quantize_multiplier(given / made), quantize_multiplier(given * slopes / made)


def factors_fit_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-22 of the input scale, 2^-15 of input times slope scale."""
    (_, positive), (_, negative) = factors(op, graph)
    if positive <= MAX_RELU_SHIFT and negative <= MAX_PRODUCT_SHIFT[INT8]:
        return None
    return f"2^{-positive} and 2^{-negative}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """x, or x times its slope where it is negative."""
    values, slopes = inputs
    assert values is not None
    assert slopes is not None
    given, held = (quant_of(graph.tensors[i]) for i in op.inputs)
    positive, negative = factors(op, graph)
    centred = values.astype(np.int64) - given.zero_point
    products = np.minimum(centred, 0) * (slopes.astype(np.int64) - held.zero_point)
    scaled = np.where(
        centred >= 0,
        multiply_by_quantized_multiplier(np.maximum(centred, 0), *positive),
        multiply_by_quantized_multiplier(products, *negative),
    )
    value = wrap_int32(scaled + quant_of(result(op, graph)).zero_point)
    return (np.clip(value, INT8_MIN, INT8_MAX).astype(np.int8),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_prelu_s8``."""
    given, slopes = (graph.tensors[i] for i in op.inputs)
    loops = broadcast_loops(given.shape, slopes.shape)
    (value, values), (slope, held) = (input_argument(op, graph, i) for i in range(2))
    positive, negative = factors(op, graph)
    params = Struct(
        "tml_prelu_params",
        (
            ("count", loops.counts),
            ("step", loops.steps[1]),
            ("input_offset", -quant_of(given).zero_point),
            ("slope_offset", -quant_of(slopes).zero_point),
            ("positive", requant_struct(*positive)),
            ("negative", requant_struct(*negative)),
            ("output_offset", quant_of(result(op, graph)).zero_point),
        ),
    )
    return KernelCall(
        "tml_prelu_s8",
        "kernels/prelu/s8.h",
        params,
        (value, slope, Arg("output")),
        constants=(*values, *held),
        overlaps=(Overlap(0, 0),) if value.kind == "input" else (),
        cost=Cost(instructions=24 * given.elements + 12 * (given.elements // loops.counts[-1])),
    )


def _extent(f: Fields) -> Extent:
    made = math.prod(f["count"])
    return Extent(((0, made), walked(f["count"], f["step"])), (0, made), made)


EXTENTS = {"tml_prelu_params": _extent}

PRELU = "PRELU"  # its key, for those who build one
OPS = (
    OpSpec(
        kind=PRELU,
        title="x, or a learned slope times x below zero",
        traits=(Axes("broadcast"), Scales("own", carries_range=True)),
        table=NO_OPTIONS,
        inputs=("input", "slope"),
        constraints=(operand_count(2, 2), have_one_scale, slopes_broadcast),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, slope=INT8, output=INT8),
                reference,
                lower,
                constraints=(factors_fit_32_bits,),
            ),
            float_binary("prelu", lambda a, b: np.where(a >= 0, a, a * b), ("input", "slope")),
        ),
    ),
)
