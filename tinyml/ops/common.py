"""What op families share: constraints, activation ranges, rescaling factors, pieces of params.

A constraint returns None when there is nothing to report; an operand that does not exist is
reported by ``operand_count`` alone, so the others skip it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16, DType
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ir.kernel import KernelCall, Struct, of_elements
from tinyml.ops.table import PADDINGS

CLAMPING = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # those that are a range of output values

INT8_MIN, INT8_MAX = -128, 127
INT32_MAX = (1 << 31) - 1


def operand(op: Op, graph: Graph, index: int) -> Tensor | None:
    """Input ``index`` of an op, None where it is absent."""
    if index >= len(op.inputs) or op.inputs[index] < 0:
        return None
    return graph.tensors[op.inputs[index]]


def result(op: Op, graph: Graph) -> Tensor:
    """The first output of an op."""
    return graph.tensors[op.outputs[0]]


def quant_of(tensor: Tensor) -> Quant:
    """The quantisation of a tensor that must have one."""
    if tensor.quant is None or not tensor.quant.scales:
        raise ModelError(f"tensor '{tensor.name}' is not quantised")
    return tensor.quant


def operand_count(least: int, most: int) -> Callable[[Op, Graph], str | None]:
    """A constraint on the number of inputs; the first ``least`` must not be left out."""

    def has_operands(op: Op, graph: Graph) -> str | None:
        """The op must have all its inputs and one output."""
        present = [i for i in op.inputs[:least] if i >= 0]
        if len(present) < least or len(op.inputs) > most or len(op.outputs) != 1:
            return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
        return None

    return has_operands


def is_quantised_per_tensor(op: Op, graph: Graph) -> str | None:
    """Values computed at run time must have one positive scale and one zero point of their type."""
    for tensor in (*graph.op_inputs(op), *graph.op_outputs(op)):
        if tensor is None or tensor.dtype not in (INT8, INT16) or tensor.is_constant:
            continue
        quant = tensor.quant
        if quant is None or len(quant.scales) != 1 or len(quant.zero_points) != 1:
            count = len(quant.scales) if quant else 0
            return f"'{tensor.name}' has {count} scales"
        if not (math.isfinite(quant.scale) and quant.scale > 0.0):
            return f"'{tensor.name}' has scale {quant.scale}"
        least, most = tensor.dtype.limits
        if not least <= quant.zero_point <= most:
            return f"'{tensor.name}' has zero point {quant.zero_point}"
    return None


def zero_points_are_zero(op: Op, graph: Graph) -> str | None:
    """Every int16 value must have zero point 0."""
    for tensor in (*graph.op_inputs(op), *graph.op_outputs(op)):
        if tensor is None or tensor.dtype != INT16 or tensor.quant is None:
            continue
        if any(tensor.quant.zero_points):
            return f"'{tensor.name}' has zero point {tensor.quant.zero_points[0]}"
    return None


def has_same_quantisation(op: Op, graph: Graph) -> str | None:
    """Input and output must have the same scale and zero point."""
    given, made = operand(op, graph, 0), result(op, graph)
    if given is None or given.quant is None or made.quant is None:
        return None
    # TFLM compares the float32 scales with this tolerance.
    difference = abs(np.float32(given.quant.scale) - np.float32(made.quant.scale))
    if difference <= 1.0e-6 and given.quant.zero_points == made.quant.zero_points:
        return None
    return (
        f"input {given.quant.scale:g} and {given.quant.zero_point}, "
        f"output {made.quant.scale:g} and {made.quant.zero_point}"
    )


def activation_is_a_range(op: Op, graph: Graph) -> str | None:
    """The fused activation must be NONE, RELU, RELU6 or RELU_N1_TO_1."""
    activation = str(op.attrs.activation)
    if activation not in CLAMPING:
        return activation
    made = result(op, graph)
    if made.quant is not None and made.quant.scales and activation != "NONE":
        low, high = activation_range(activation, made.quant, made.dtype)
        if low > high:
            return f"{activation} with an output that cannot hold any of its values"
    return None


def padding_is_known(op: Op, graph: Graph) -> str | None:
    """Padding must be SAME or VALID."""
    padding = str(op.attrs.padding)
    return None if padding in PADDINGS else padding


def is_image(op: Op, graph: Graph) -> str | None:
    """Input and output must have four dimensions (batch, height, width, channels)."""
    for tensor in (operand(op, graph, 0), *graph.op_outputs(op)):
        if tensor is not None and len(tensor.shape) != 4:
            return f"'{tensor.name}' has shape {list(tensor.shape)}"
    return None


def activation_range(activation: str, quant: Quant, dtype: DType = INT8) -> tuple[int, int]:
    """Smallest and largest output of an integer type that a fused activation allows.

    Source: TensorFlow Lite, CalculateActivationRangeQuantized (kernels/kernel_util.cc): the
    bound is divided by the scale in float32 and rounded, halves away from zero.
    """
    low, high = dtype.limits
    if activation in ("RELU", "RELU6"):
        low = max(low, _quantised_bound(0.0, quant))
    if activation == "RELU6":
        high = min(high, _quantised_bound(6.0, quant))
    if activation == "RELU_N1_TO_1":
        low = max(low, _quantised_bound(-1.0, quant))
        high = min(high, _quantised_bound(1.0, quant))
    return low, high


def _quantised_bound(bound: float, quant: Quant) -> int:
    quotient = float(np.float32(bound) / np.float32(quant.scale))
    if abs(quotient) > INT32_MAX:
        raise ModelError(f"scale {quant.scale:g} is too small for the fused activation")
    return quant.zero_point + int(math.copysign(math.floor(abs(quotient) + 0.5), quotient))


# Six parameters: sums, and what a layer's numbers say of them.
def rescale_clamp(
    acc: NDArray[np.int64],
    multiplier: NDArray[np.int64] | int,
    shift: NDArray[np.int64] | int,
    zero_point: int,
    bounds: tuple[int, int],
    dtype: DType = INT8,
) -> Array:
    """Outputs of int32 sums: rescaled, moved to the zero point, clamped."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift)
    low, high = bounds
    moved = wrap_int32(scaled + zero_point)
    return np.minimum(np.maximum(moved, low), high).astype(dtype.numpy)


def of_type(call: KernelCall, name: str, dtype: DType) -> KernelCall:
    """The call of a plain kernel for int8 values as one for others, by the name of its type in C.

    The C of all types has the same params and arguments.
    """
    function, header = (text.replace("s8", name) for text in (call.function, call.header))
    return of_elements(replace(call, function=function, header=header), dtype.nbytes(1))


@lru_cache(maxsize=64)  # the steps of a recurrent layer have the same
def channel_factors(
    given: Quant, weights: Quant, made: Quant, channels: int, *, is_product_rounded: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Multipliers and shifts that take the sums of each output channel to the output's scale.

    The product of the scales is formed in binary64 from float32 scales; of uint8 values it is
    rounded to float32 (GetQuantizedConvolutionMultipler).
    Source: TensorFlow Lite, PopulateConvolutionQuantizationParams (kernels/kernel_util.cc).
    """
    scales = weights.scales if weights.is_per_channel else weights.scales * channels
    wide = np.float32 if is_product_rounded else np.float64
    products = [float(wide(np.float32(given.scale)) * wide(np.float32(s))) for s in scales]
    factors = [quantize_multiplier(item / float(np.float32(made.scale))) for item in products]
    pairs = np.array(factors, np.int64).reshape(-1, 2)
    pairs.flags.writeable = False
    return pairs[:, 0], pairs[:, 1]


def clamp_struct(bounds: tuple[int, int]) -> Struct:
    """A ``tml_clamp``."""
    return Struct("tml_clamp", (("min", bounds[0]), ("max", bounds[1])))


def requant_struct(multiplier: int, shift: int) -> Struct:
    """A ``tml_requant``."""
    return Struct("tml_requant", (("multiplier", int(multiplier)), ("shift", int(shift))))
