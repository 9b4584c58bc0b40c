"""QUANTIZE and DEQUANTIZE: between float32 and integers, or from one quantisation to another.

Maps of 8-bit values are tables; only the float and int16 inputs have kernels of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import FLOAT32, INT8, INT16, UINT8
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.ops.common import operand_count, quant_of, requant_struct, result
from tinyml.ops.extents import elementwise
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import input_values, lookup_call, no_options
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, ByteMap, Converts

QUANTIZE, DEQUANTIZE = "QUANTIZE", "DEQUANTIZE"  # keys, for those who build such ops

MAX_SHIFT = 14  # an offset int16 value takes 17 bits with its sign
_MAX_OVERLAP_ELEMENTS = 4096


def rescaling_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-14 of the input scale."""
    shift = rescale_factor(op, graph)[1]
    return None if shift <= MAX_SHIFT else f"2^{-shift}"


def rescale_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor from the input's scale to the output's.

    Source: TensorFlow Lite Micro, PrepareQuantizeReference (binary64 quotient).
    """
    given, made = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    return quantize_multiplier(float(np.float32(given.scale)) / float(np.float32(made.scale)))


def rescale(op: Op, graph: Graph, values: NDArray[np.int64]) -> Array:
    """Values in another quantisation. Source: reference_ops::Requantize."""
    given, made = quant_of(graph.tensors[op.inputs[0]]), result(op, graph)
    scaled = multiply_by_quantized_multiplier(values - given.zero_point, *rescale_factor(op, graph))
    bounds = made.dtype.limits
    moved = wrap_int32(scaled + quant_of(made).zero_point)
    return np.clip(moved, *bounds).astype(made.dtype.numpy)


def round_to_int8(values: Array, scale: float, zero_point: int) -> Array:
    """float32 divided by the scale, rounded with halves away from zero, moved and clamped.

    What is beyond int32 (TFLM leaves it undefined) becomes the nearest int8, NaN the lowest.
    Source: reference_ops::AffineQuantize.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        quotients = np.nan_to_num(values / np.float32(scale), nan=-np.inf).astype(np.float64)
    quotients = np.clip(quotients, -1024.0, 1024.0)  # all that is outside saturates
    rounded = np.copysign(np.floor(np.abs(quotients) + 0.5), quotients).astype(np.int64)
    return np.clip(rounded + zero_point, -128, 127).astype(np.int8)


def quantize_float(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Rounding of float32."""
    values, made = inputs[0], quant_of(result(op, graph))
    assert values is not None
    return (round_to_int8(values, made.scale, made.zero_point),)


def requantize(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Rescaling of integers."""
    assert inputs[0] is not None
    return (rescale(op, graph, inputs[0].astype(np.int64)),)


def dequantize_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """scale * (q - zero point), which is exact in binary64 and rounded once, to binary32.

    One binary32 product of the same two exact factors is therefore the same.
    Source: reference_ops::Dequantize.
    """
    values, given = inputs[0], quant_of(graph.tensors[op.inputs[0]])
    assert values is not None
    centred = (values.astype(np.int64) - given.zero_point).astype(np.float32)
    return (centred * np.float32(given.scale),)


def lower_bytes(op: Op, graph: Graph) -> KernelCall:
    """A table of all 8-bit inputs."""
    values = input_values(graph.tensors[op.inputs[0]].dtype)
    return lookup_call(op, graph, rescale(op, graph, values), what="rescaled value")


def lower_float(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_quantize_f32_s8``."""
    out = result(op, graph)
    quant = quant_of(out)
    fields = (
        ("count", out.elements),
        ("scale", float(np.float32(quant.scale))),
        ("zero_point", quant.zero_point),
    )
    return _call(op, graph, "f32", Struct("tml_quantize_f32_params", fields), 33)


def lower_wide(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_quantize_s16_s8``."""
    given, out = quant_of(graph.tensors[op.inputs[0]]), result(op, graph)
    fields = (
        ("count", out.elements),
        ("input_offset", -given.zero_point),
        ("requant", requant_struct(*rescale_factor(op, graph))),
        ("output_offset", quant_of(out).zero_point),
    )
    return _call(op, graph, "s16", Struct("tml_quantize_s16_params", fields), 19)


def _call(op: Op, graph: Graph, given_type: str, struct: Struct, instructions: int) -> KernelCall:
    given, constants = input_argument(op, graph, 0)
    return KernelCall(
        function=f"tml_quantize_{given_type}_s8",
        header="kernels/quantize/s8.h",
        params=struct,
        arguments=(given, Arg("output")),
        constants=constants,
        # The output is narrower: writing never overtakes reading.
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(instructions * result(op, graph).elements + 10),
    )


def lower_dequantize(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_dequantize_s8`` or ``tml_dequantize_u8``."""
    tensor, out = graph.tensors[op.inputs[0]], result(op, graph)
    quant = quant_of(tensor)
    given, constants = input_argument(op, graph, 0)
    struct = Struct(
        "tml_dequantize_params",
        (
            ("count", out.elements),
            ("input_offset", -quant.zero_point),
            ("scale", float(np.float32(quant.scale))),
        ),
    )
    return KernelCall(
        function="tml_dequantize_" + ("s8" if tensor.dtype == INT8 else "u8"),
        header="kernels/dequantize/s8.h",
        params=struct,
        arguments=(given, Arg("output")),
        constants=constants,
        overlaps=_widening(out.elements) if given.kind == "input" else (),
        cost=Cost(6 * out.elements + 10),
    )


def _widening(count: int) -> tuple[Overlap, ...]:
    if count > _MAX_OVERLAP_ELEMENTS:
        return ()
    return (row_overlap(0, tuple((4 * i, i) for i in range(1, count + 1))),)


EXTENTS = {
    "tml_dequantize_params": elementwise(made=4),
    "tml_quantize_f32_params": elementwise(read=4),
    "tml_quantize_s16_params": elementwise(read=2),
}

_FITS = (rescaling_fits_32_bits,)

OPS = (
    OpSpec(
        kind=DEQUANTIZE,
        title="int8 or uint8 to float32",
        traits=(ByteMap(), Axes("each"), Converts("floats")),
        table=no_options("DequantizeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=tuple(
            Form(name, typed(input=given, output=FLOAT32), dequantize_reference, lower_dequantize)
            for name, given in (("s8", INT8), ("u8", UINT8))
        ),
    ),
    OpSpec(
        kind=QUANTIZE,
        title="float32 to int8, or another scale or type of integer",
        traits=(ByteMap(), Axes("each"), Converts("integers")),
        table=no_options("QuantizeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("f32", typed(input=FLOAT32, output=INT8), quantize_float, lower_float),
            Form("s16", typed(input=INT16, output=INT8), requantize, lower_wide, _FITS),
            Form(
                "s8",
                typed(input=INT8, output=frozenset((INT8, UINT8))),
                requantize,
                lower_bytes,
                _FITS,
            ),
            Form("u8", typed(input=UINT8, output=INT8), requantize, lower_bytes, _FITS),
        ),
    ),
)
