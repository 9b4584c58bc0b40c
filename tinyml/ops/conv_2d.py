"""CONV_2D: convolution of an NHWC image with OHWI filters, in groups when filters are shallower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT32, INT64
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Constant, Cost, KernelCall
from tinyml.ops import float_layers
from tinyml.ops.common import (
    is_image,
    operand,
    operand_count,
    padding_is_known,
    result,
)
from tinyml.ops.extents import images
from tinyml.ops.halves import cut_images
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, PADDING, Field, Table
from tinyml.ops.traits import Channels, ClampsOutput, ReadsPadding, Rows, Scales, Unsigned, Weights
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum, weighted_sum
from tinyml.ops.weighted_constraints import bias_is_constant, weights_are_constant
from tinyml.ops.weighted_forms import WeightedForms, channel_constants, plain_call, scaled_along
from tinyml.ops.windows import (
    Pads,
    filter_fits,
    filter_windows,
    image_overlap,
    is_padded,
    pad_image,
    tap_view,
    window_struct,
)

CONV_2D = "CONV_2D"  # its key, for those who build one


@dataclass(frozen=True, slots=True)
class Conv2dAttrs:
    """Options of CONV_2D."""

    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    activation: str = "NONE"
    bias_type: int = 0  # TensorType of a bias that is left out
    pads: Pads | None = None  # instead of padding; TFLite cannot say it, streamed layers need it
    is_product_rounded: bool = False  # of scales, as of uint8 values; no file says it


TABLE = Table(
    "Conv2DOptions",
    Conv2dAttrs,
    (
        Field("padding", "Padding", PADDING),
        Field("stride_w", "StrideW"),
        Field("stride_h", "StrideH"),
        Field("activation", "FusedActivationFunction", ACTIVATION),
        Field("dilation_w", "DilationWFactor"),
        Field("dilation_h", "DilationHFactor"),
        Field("bias_type", "QuantizedBiasType"),
    ),
)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """[batch, rows, columns, filters]."""
    rows, columns = filter_windows(op, graph)
    batches = graph.tensors[op.inputs[INPUT]].shape[0]
    filters = graph.tensors[op.inputs[WEIGHTS]].shape[0]
    return ((batches, rows.out_size, columns.out_size, filters),)


def groups_divide_channels(op: Op, graph: Graph) -> str | None:
    """Input channels must be a multiple of the filters' depth, and filters of the groups."""
    given, weights = operand(op, graph, INPUT), operand(op, graph, WEIGHTS)
    if given is None or weights is None or len(given.shape) != 4 or len(weights.shape) != 4:
        return None
    channels, filters, depth = given.shape[3], weights.shape[0], weights.shape[3]
    if depth < 1 or channels % depth or filters % (channels // depth):
        return f"{channels} channels, {filters} filters of depth {depth}"
    return None


def layer(op: Op, graph: Graph) -> WeightedSum:
    """The layer's numbers; taps of a row in the order of the filter (row, column, channel)."""
    weights = graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    return weighted_sum(op, graph, weights.data.astype(np.int64).reshape(weights.shape[0], -1))


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The convolution as one matrix product per filter tap and group.

    Products of int8 values are summed in binary64, which is exact far beyond 32 bits.
    """
    values, numbers = inputs[INPUT], layer(op, graph)
    assert values is not None
    rows, columns = filter_windows(op, graph)
    filters, kernel_h, kernel_w, depth = graph.tensors[op.inputs[WEIGHTS]].shape
    taps = numbers.weights.astype(np.float64).reshape(filters, kernel_h, kernel_w, depth)
    padded = pad_image(values, rows, columns, numbers.input_zero_point).astype(np.float64)
    padded -= numbers.input_zero_point
    groups = values.shape[3] // depth
    per_group = filters // groups
    sums = np.zeros((values.shape[0], rows.out_size, columns.out_size, filters))
    for k_y in range(kernel_h):
        for k_x in range(kernel_w):
            seen = tap_view(padded, rows, columns, k_y, k_x)
            for group in range(groups):
                made = slice(group * per_group, (group + 1) * per_group)
                read = slice(group * depth, (group + 1) * depth)
                sums[..., made] += seen[..., read] @ taps[made, k_y, k_x].T
    total = sums.astype(np.int64) + numbers.bias
    return (numbers.outputs(total),)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications, those with padding counted too."""
    depth_taps = graph.tensors[op.inputs[WEIGHTS]].elements // result(op, graph).shape[3]
    return result(op, graph).elements * depth_taps


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """The plain kernel."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    rows, columns = filter_windows(op, graph)
    numbers = numbers.with_bounded_sums
    filters, depth = weights.shape[0], weights.shape[3]
    # Where there is padding the kernel leaves taps out, which a folded bias would have counted.
    is_folded = not is_padded(rows, columns)
    fields = (
        ("batches", given.shape[0]),
        ("height", window_struct(rows)),
        ("width", window_struct(columns)),
        ("in_channels", given.shape[3]),
        ("out_channels", filters),
        ("groups", given.shape[3] // depth),
        ("input_offset", 0 if is_folded else -numbers.input_zero_point),
    )
    constants = (
        Constant("weights", weights.data.reshape(-1), "filter, row, column, channel"),
        *channel_constants(numbers, is_folded),
    )
    overlap = image_overlap(rows, columns, given.shape, result(op, graph).shape)
    return plain_call("conv_2d", fields, constants, numbers, cost(op, graph), (overlap,))


def cost(op: Op, graph: Graph) -> Cost:
    """Work of the plain kernel on a Cortex-M4, measured: 3 instructions per product in blocks of
    four filters, 6 for single ones, 5 per filter row, 25 per output to rescale.
    """
    rows, columns = filter_windows(op, graph)
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    filters, kernel_h, _, depth = graph.tensors[op.inputs[WEIGHTS]].shape
    groups = channels // depth
    single = filters // groups % 4 * groups
    products = batches * rows.used_taps() * columns.used_taps() * depth
    return Cost(
        instructions=3 * products * (filters + single)
        + (25 + 5 * kernel_h) * result(op, graph).elements,
        code_bytes=340 + 250 * is_padded(rows, columns) + 200 * (single > 0),
    )


_COMMON = (
    operand_count(2, 3),
    is_image,
    weights_are_constant,
    bias_is_constant,
    padding_is_known,
    filter_fits,
    groups_divide_channels,
)
_INTEGERS = WeightedForms(reference, lower, layer, scaled_along(0), frozenset((INT32, INT64)))

EXTENTS = {"tml_conv_2d_params": images("in_channels", "out_channels")}

HALVES = {"tml_conv_2d_params": cut_images("in_channels", "out_channels")}

OPS = (
    OpSpec(
        kind=CONV_2D,
        title="2-D convolution: any stride, dilation and padding, grouped, per channel or tensor",
        traits=(
            Unsigned(),
            Rows(filter_windows, has_wide_kernels=True),
            Channels(mixes=True),
            Weights(may_be_negative=True),
            ClampsOutput(),
            ReadsPadding(),
            Scales("own", (8, 16)),
        ),
        table=TABLE,
        inputs=("input", "filter", "bias?"),
        constraints=_COMMON,
        infer=infer,
        macs=macs,
        forms=(
            *_INTEGERS.forms(),
            float_layers.layer_form(float_layers.convolution),
        ),
    ),
)
