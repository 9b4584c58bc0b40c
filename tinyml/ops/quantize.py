"""QUANTIZE and DEQUANTIZE: between float32 and integers, or from one quantisation to another.

Maps of 8-bit values are tables; all others have kernels of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import FLOAT32, INT8, INT16, INT32, UINT8, DType
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.ops.common import operand_count, quant_of, requant_struct, result
from tinyml.ops.extents import elementwise
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_elements
from tinyml.ops.lookup import input_values, lookup_call, no_options
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, ByteMap, Converts

QUANTIZE, DEQUANTIZE = "QUANTIZE", "DEQUANTIZE"  # keys, for those who build such ops

MAX_SHIFT = 14  # an offset int16 value takes 17 bits with its sign
_MAX_OVERLAP_ELEMENTS = 4096


def integers_are_scaled(op: Op, graph: Graph) -> str | None:
    """Input and output must each have one positive scale and one zero point, int32 too."""
    for tensor in (graph.tensors[op.inputs[0]], result(op, graph)):
        quant = quant_of(tensor)
        is_one = len(quant.scales) == len(quant.zero_points) == 1
        if not (is_one and math.isfinite(quant.scale) and quant.scale > 0.0):
            return f"'{tensor.name}' has scales {list(quant.scales)}"
    return None


def rescaling_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-14 of the input scale, 2^-30 for 16 or 32 bits."""
    shift = rescale_factor(op, graph)[1]  # its error says what was found beyond 2^30
    return None if shift <= MAX_SHIFT or result(op, graph).dtype.bits > 8 else f"2^{-shift}"


def rescale_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor from the input's scale to the output's.

    Source: TensorFlow Lite Micro, PrepareQuantizeReference (binary64 quotient).
    """
    given, made = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    return quantize_multiplier(float(np.float32(given.scale)) / float(np.float32(made.scale)))


def rescale(op: Op, graph: Graph, values: NDArray[np.int64]) -> Array:
    """Values in another quantisation. Source: reference_ops::Requantize."""
    given, made = quant_of(graph.tensors[op.inputs[0]]), result(op, graph)
    centred = wrap_int32(values - given.zero_point)
    scaled = multiply_by_quantized_multiplier(centred, *rescale_factor(op, graph))
    bounds = made.dtype.limits
    moved = wrap_int32(scaled + quant_of(made).zero_point)
    return np.clip(moved, *bounds).astype(made.dtype.numpy)


def round_to(dtype: DType, values: Array, scale: float, zero_point: int) -> Array:
    """float32 divided by the scale, rounded with halves away from zero, moved and clamped.

    What is beyond int32 (TFLM leaves it undefined) becomes the nearest integer, NaN the lowest.
    Source: reference_ops::AffineQuantize.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        quotients = np.nan_to_num(values / np.float32(scale), nan=-np.inf).astype(np.float64)
    beyond = 4.0 * (1 << dtype.bits)  # all that is outside saturates
    quotients = np.clip(quotients, -beyond, beyond)
    rounded = np.copysign(np.floor(np.abs(quotients) + 0.5), quotients).astype(np.int64)
    return np.clip(rounded + zero_point, *dtype.limits).astype(dtype.numpy)


def quantize_float(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Rounding of float32."""
    values, made = inputs[0], result(op, graph)
    assert values is not None
    quant = quant_of(made)
    return (round_to(made.dtype, values, quant.scale, quant.zero_point),)


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


def lower_s8(op: Op, graph: Graph) -> KernelCall:
    """A table where outputs have 8 bits too, else a call of a kernel."""
    is_byte = result(op, graph).dtype.bits == 8
    return lower_bytes(op, graph) if is_byte else lower_wide(op, graph)


def lower_float(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_quantize_f32_s8`` or ``tml_quantize_f32_s16``."""
    out = result(op, graph)
    name = "tml_quantize_f32_params" if out.dtype == INT8 else "tml_quantize_f32_s16_params"
    quant = quant_of(out)
    fields = (
        ("count", out.elements),
        ("scale", float(np.float32(quant.scale))),
        ("zero_point", quant.zero_point),
    )
    return _call(op, graph, "f32", Struct(name, fields), 33)


def lower_wide(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_quantize_s16_s8``, or of one for other integers."""
    tensor, out = graph.tensors[op.inputs[0]], result(op, graph)
    from_type, given = _NAMES[tensor.dtype], quant_of(tensor)
    is_narrow = (tensor.dtype, out.dtype) == (INT16, INT8)
    pair = from_type if is_narrow else f"{from_type}_{_NAMES[out.dtype]}"
    fields = (
        ("count", out.elements),
        ("input_offset", -given.zero_point),
        ("requant", requant_struct(*rescale_factor(op, graph))),
        ("output_offset", quant_of(out).zero_point),
    )
    return _call(op, graph, from_type, Struct(f"tml_quantize_{pair}_params", fields), 19)


def _call(op: Op, graph: Graph, given_type: str, struct: Struct, instructions: int) -> KernelCall:
    given, constants = input_argument(op, graph, 0)
    tensor, out = graph.tensors[op.inputs[0]], result(op, graph)
    is_narrow = out.dtype == INT8 and tensor.dtype != INT32
    return KernelCall(
        function=f"tml_quantize_{given_type}_{_NAMES[out.dtype]}",
        header="kernels/quantize/" + ("s8.h" if is_narrow else "s16.h"),
        params=struct,
        arguments=(given, Arg("output")),
        constants=constants,
        overlaps=_overlap(tensor, out) if given.kind == "input" else (),
        cost=Cost(instructions * result(op, graph).elements + 10),
    )


def lower_dequantize(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_dequantize_s8``, or of those for uint8 and int16."""
    tensor, out = graph.tensors[op.inputs[0]], result(op, graph)
    quant = quant_of(tensor)
    given, constants = input_argument(op, graph, 0)
    struct = Struct(
        "tml_dequantize_params" + ("_s16" if tensor.dtype == INT16 else ""),
        (
            ("count", out.elements),
            ("input_offset", -quant.zero_point),
            ("scale", float(np.float32(quant.scale))),
        ),
    )
    return KernelCall(
        function=f"tml_dequantize_{_NAMES[tensor.dtype]}",
        header="kernels/dequantize/" + ("s16.h" if tensor.dtype == INT16 else "s8.h"),
        params=struct,
        arguments=(given, Arg("output")),
        constants=constants,
        overlaps=_overlap(tensor, out) if given.kind == "input" else (),
        cost=Cost(6 * out.elements + 10),
    )


def _overlap(given: Tensor, made: Tensor) -> tuple[Overlap, ...]:
    """Where an output is no wider, writing never overtakes reading."""
    read, written = given.dtype.nbytes(1), made.dtype.nbytes(1)
    if written <= read:
        return (Overlap(0, 0),)
    if made.elements > _MAX_OVERLAP_ELEMENTS:
        return ()
    steps = range(1, made.elements + 1)
    return (row_overlap(0, tuple((written * i, read * i) for i in steps)),)


EXTENTS = {
    "tml_dequantize_params": elementwise(made=4),
    "tml_dequantize_params_s16": elementwise(read=2, made=4),
    "tml_quantize_f32_params": elementwise(read=4),
    "tml_quantize_f32_s16_params": elementwise(read=4, made=2),
    "tml_quantize_s16_params": elementwise(read=2),
    "tml_quantize_s16_s16_params": elementwise(read=2, made=2),
    "tml_quantize_s16_s32_params": elementwise(read=2, made=4),
    "tml_quantize_s32_s16_params": elementwise(read=4, made=2),
    "tml_quantize_s32_s8_params": elementwise(read=4),
    "tml_quantize_s8_s16_params": elementwise(made=2),
    "tml_quantize_s8_s32_params": elementwise(made=4),
}

HALVES = dict.fromkeys(EXTENTS, cut_elements())

_NAMES = {FLOAT32: "f32", INT8: "s8", INT16: "s16", INT32: "s32", UINT8: "u8"}
_FITS = (integers_are_scaled, rescaling_fits_32_bits)
_SHORT = frozenset((INT8, INT16))
_INTEGERS = _SHORT | {INT32}

OPS = (
    OpSpec(
        kind=DEQUANTIZE,
        title="int8, uint8 or int16 to float32",
        traits=(ByteMap(), Axes("each"), Converts("floats")),
        table=no_options("DequantizeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=tuple(
            Form(name, typed(input=given, output=FLOAT32), dequantize_reference, lower_dequantize)
            for name, given in (("s8", INT8), ("s16", INT16), ("u8", UINT8))
        ),
    ),
    OpSpec(
        kind=QUANTIZE,
        title="float32 to integers, or another scale or type of integer",
        traits=(ByteMap(), Axes("each"), Converts("integers")),
        table=no_options("QuantizeOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("f32", typed(input=FLOAT32, output=_SHORT), quantize_float, lower_float),
            Form("s16", typed(input=INT16, output=_INTEGERS), requantize, lower_wide, _FITS),
            Form("s32", typed(input=INT32, output=_SHORT), requantize, lower_wide, _FITS),
            Form("s8", typed(input=INT8, output=_INTEGERS | {UINT8}), requantize, lower_s8, _FITS),
            Form("u8", typed(input=UINT8, output=INT8), requantize, lower_bytes, _FITS),
        ),
    ),
)
