"""FULLY_CONNECTED: rows of inputs times a constant matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.ir.dtype import INT32, INT64
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Constant, Cost, KernelCall, Overlap, row_overlap
from tinyml.ops import float_layers
from tinyml.ops.common import (
    operand,
    operand_count,
    result,
)
from tinyml.ops.extents import rows
from tinyml.ops.halves import cut_rows
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Names, Table
from tinyml.ops.traits import Axes, Channels, ClampsOutput, Scales, Unsigned, Weights
from tinyml.ops.weighted import BIAS, INPUT, WEIGHTS, WeightedSum, weighted_sum
from tinyml.ops.weighted_constraints import bias_is_constant, weights_are_constant
from tinyml.ops.weighted_forms import WeightedForms, channel_constants, plain_call, scaled_along

FULLY_CONNECTED = "FULLY_CONNECTED"  # its key, for those who build one

_FORMATS = ("DEFAULT", "SHUFFLED4x16INT8")  # by TFLite value
_BIAS_TOLERANCE = 0.02  # output steps per bias step that TFLM lets the bias scale be off


@dataclass(frozen=True, slots=True)
class FullyConnectedAttrs:
    """Options of FULLY_CONNECTED."""

    activation: str = "NONE"
    keep_num_dims: bool = False  # output keeps all dimensions of the input but the last
    weights_format: str = "DEFAULT"
    bias_type: int = 0  # TensorType of a bias that is left out
    is_product_rounded: bool = False  # of scales, as of uint8 values; no file says it


TABLE = Table(
    "FullyConnectedOptions",
    FullyConnectedAttrs,
    (
        Field("activation", "FusedActivationFunction", ACTIVATION),
        Field("weights_format", "WeightsFormat", Names(_FORMATS)),
        Field("keep_num_dims", "KeepNumDims", bool),
        Field("bias_type", "QuantizedBiasType"),
    ),
)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """[rows, outputs], or the input's shape with the last dimension replaced."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    outputs, features = weights.shape
    if op.attrs.keep_num_dims:
        return ((*given.shape[:-1], outputs),)
    return ((given.elements // features, outputs),)


def weights_are_a_matrix(op: Op, graph: Graph) -> str | None:
    """Weights must be a matrix in the default format whose rows divide the input."""
    given, weights = operand(op, graph, INPUT), operand(op, graph, WEIGHTS)
    if given is None or weights is None:
        return None
    if len(weights.shape) != 2 or op.attrs.weights_format != "DEFAULT":
        return f"shape {list(weights.shape)}, format {op.attrs.weights_format}"
    features = weights.shape[1]
    whole = given.shape[-1:] == (features,) if op.attrs.keep_num_dims else True
    if features < 1 or prod(given.shape) % features or not whole:
        return f"weights {list(weights.shape)}, input {list(given.shape)}"
    return None


def bias_scale_matches(op: Op, graph: Graph) -> str | None:
    """The bias scale must be the input's scale times the weights'."""
    given, weights = operand(op, graph, INPUT), operand(op, graph, WEIGHTS)
    bias, made = operand(op, graph, BIAS), result(op, graph)
    quants = [tensor.quant for tensor in (given, weights, bias, made) if tensor is not None]
    scales = [quant.scales[0] for quant in quants if quant is not None and len(quant.scales) == 1]
    if len(scales) != 4 or scales[3] <= 0.0:
        return None
    # Source: TensorFlow Lite, GetQuantizedConvolutionMultipler (kernels/kernel_util.cc).
    if abs(scales[0] * scales[1] - scales[2]) / scales[3] <= _BIAS_TOLERANCE:
        return None
    return f"{scales[2]:g} instead of {scales[0] * scales[1]:g}"


def layer(op: Op, graph: Graph) -> WeightedSum:
    """The layer's numbers; one row of weights per output.

    TFLM of before autumn 2026 multiplies the scales of input and weights in single precision when
    all weights have one scale. Its newer versions, which we equal, compute as for convolutions.
    """
    weights = graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    return weighted_sum(op, graph, weights.data.astype(np.int64))


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """A matrix product; sums of int8 products are exact in binary64."""
    values, numbers = inputs[INPUT], layer(op, graph)
    assert values is not None
    rows = values.reshape(-1, numbers.weights.shape[1]).astype(np.float64)
    sums = (rows - numbers.input_zero_point) @ numbers.weights.T.astype(np.float64)
    made = numbers.outputs(sums.astype(np.int64) + numbers.bias)
    return (made.reshape(result(op, graph).shape),)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications."""
    return result(op, graph).elements * graph.tensors[op.inputs[WEIGHTS]].shape[1]


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """The plain kernel."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    numbers = numbers.with_bounded_sums
    outputs, features = weights.shape
    batches = given.elements // features
    fields = (("batches", batches), ("in_features", features), ("out_features", outputs))
    constants = (
        Constant("weights", weights.data.reshape(-1), "output, input"),
        *channel_constants(numbers, is_folded=True),
    )
    overlaps = _overlaps(batches, features, outputs)
    return plain_call("fully_connected", fields, constants, numbers, cost(op, graph), overlaps)


def _overlaps(batches: int, features: int, outputs: int) -> tuple[Overlap, ...]:
    # One row of outputs needs its whole row of inputs until it is complete.
    steps = tuple(((row + 1) * outputs, (row + 1) * features) for row in range(batches))
    return (row_overlap(0, steps),) if batches > 1 else ()


def cost(op: Op, graph: Graph) -> Cost:
    """Work of the plain kernel on a Cortex-M4, measured: 3 instructions per product in blocks of
    four outputs, 4 for single ones, 27 per output to rescale.
    """
    outputs, features = graph.tensors[op.inputs[WEIGHTS]].shape
    batches = result(op, graph).elements // outputs
    single = outputs % 4
    return Cost(
        instructions=batches * (features * (3 * outputs + single) + 27 * outputs),
        code_bytes=110 + 130 * (outputs > 3) + 130 * (single > 0),
    )


_COMMON = (operand_count(2, 3), weights_are_constant, bias_is_constant, weights_are_a_matrix)
_INTEGERS = WeightedForms(
    reference, lower, layer, scaled_along(0), frozenset((INT32, INT64)), (bias_scale_matches,)
)

EXTENTS = {"tml_fully_connected_params": rows("batches", "in_features", "out_features")}

HALVES = {"tml_fully_connected_params": cut_rows("batches", "in_features", "out_features")}

OPS = (
    OpSpec(
        kind=FULLY_CONNECTED,
        title="matrix product: any number of rows, per channel or tensor, bias optional",
        traits=(
            Unsigned(),
            Channels(mixes=True),
            Weights(),
            ClampsOutput(),
            Axes("flat"),
            Scales("own", (8, 16)),
        ),
        table=TABLE,
        inputs=("input", "filter", "bias?"),
        constraints=_COMMON,
        infer=infer,
        macs=macs,
        forms=(
            *_INTEGERS.forms(),
            float_layers.layer_form(float_layers.fully_connected),
        ),
    ),
)
