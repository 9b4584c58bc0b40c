"""DEPTHWISE_CONV_2D: each input channel is filtered alone, into ``depth_multiplier`` outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir.dtype import INT64
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
from tinyml.ops.conv_2d import CONV_2D, Conv2dAttrs
from tinyml.ops.extents import multiplied_channels, multiplied_images
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


@dataclass(frozen=True, slots=True)
class DepthwiseConv2dAttrs:
    """Options of DEPTHWISE_CONV_2D."""

    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    depth_multiplier: int = 1  # output channels per input channel
    dilation_h: int = 1
    dilation_w: int = 1
    activation: str = "NONE"
    pads: Pads | None = None  # instead of padding; TFLite cannot say it, streamed layers need it
    is_product_rounded: bool = False  # of scales, as of uint8 values; no file says it


TABLE = Table(
    "DepthwiseConv2DOptions",
    DepthwiseConv2dAttrs,
    (
        Field("padding", "Padding", PADDING),
        Field("stride_w", "StrideW"),
        Field("stride_h", "StrideH"),
        Field("depth_multiplier", "DepthMultiplier"),
        Field("activation", "FusedActivationFunction", ACTIVATION),
        Field("dilation_w", "DilationWFactor"),
        Field("dilation_h", "DilationHFactor"),
    ),
)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """[batch, rows, columns, filters]."""
    rows, columns = filter_windows(op, graph)
    batches = graph.tensors[op.inputs[INPUT]].shape[0]
    filters = graph.tensors[op.inputs[WEIGHTS]].shape[3]
    return ((batches, rows.out_size, columns.out_size, filters),)


def filters_match_channels(op: Op, graph: Graph) -> str | None:
    """There must be depth_multiplier filters for each input channel."""
    given, weights = operand(op, graph, INPUT), operand(op, graph, WEIGHTS)
    if given is None or weights is None or len(given.shape) != 4 or len(weights.shape) != 4:
        return None
    channels, multiplier = given.shape[3], op.attrs.depth_multiplier
    if weights.shape[0] != 1 or weights.shape[3] != channels * multiplier:
        return f"filters {list(weights.shape)}, {channels} channels, multiplier {multiplier}"
    return None


def layer(op: Op, graph: Graph) -> WeightedSum:
    """The layer's numbers; taps of a row in the order of the filter (row, column)."""
    weights = graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    return weighted_sum(op, graph, weights.data.astype(np.int64).reshape(-1, weights.shape[3]).T)


def as_groups(op: Op) -> Op:
    """The CONV_2D with a group per channel that stands for it; its filters are not turned here."""
    given = op.attrs
    attrs = Conv2dAttrs(
        given.padding,
        given.stride_h,
        given.stride_w,
        given.dilation_h,
        given.dilation_w,
        given.activation,
        pads=given.pads,
        is_product_rounded=given.is_product_rounded,
    )
    return replace(op, kind=CONV_2D, attrs=attrs)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The convolution, one filter tap at a time for all pixels and channels."""
    values, numbers = inputs[INPUT], layer(op, graph)
    assert values is not None
    rows, columns = filter_windows(op, graph)
    padded = pad_image(values, rows, columns, numbers.input_zero_point).astype(np.int64)
    padded -= numbers.input_zero_point
    if op.attrs.depth_multiplier > 1:
        padded = np.repeat(padded, op.attrs.depth_multiplier, axis=3)
    shape = (values.shape[0], rows.out_size, columns.out_size, len(numbers.bias))
    sums = np.broadcast_to(numbers.bias, shape).copy()
    for tap, of_tap in enumerate(numbers.weights.T):
        k_y, k_x = divmod(tap, columns.kernel)
        sums += tap_view(padded, rows, columns, k_y, k_x) * of_tap
    return (numbers.outputs(sums),)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications, those with padding counted too."""
    _, kernel_h, kernel_w, _ = graph.tensors[op.inputs[WEIGHTS]].shape
    return result(op, graph).elements * kernel_h * kernel_w


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """The plain kernel, with the weights re-ordered so that a channel's taps lie together."""
    given = graph.tensors[op.inputs[INPUT]]
    rows, columns = filter_windows(op, graph)
    numbers = numbers.with_bounded_sums
    # Where there is padding the kernel leaves taps out, which a folded bias would have counted.
    is_folded = not is_padded(rows, columns)
    fields = (
        ("batches", given.shape[0]),
        ("height", window_struct(rows)),
        ("width", window_struct(columns)),
        ("in_channels", given.shape[3]),
        ("depth_multiplier", op.attrs.depth_multiplier),
        ("input_offset", 0 if is_folded else -numbers.input_zero_point),
    )
    taps = numbers.weights.astype(np.int8).reshape(-1)
    constants = (
        Constant("weights", taps, "output channel, row, column"),
        *channel_constants(numbers, is_folded),
    )
    overlap = image_overlap(rows, columns, given.shape, result(op, graph).shape)
    return plain_call("depthwise_conv_2d", fields, constants, numbers, cost(op, graph), (overlap,))


def cost(op: Op, graph: Graph) -> Cost:
    """Work of the plain kernel on a Cortex-M4, measured.

    Without padding 3 instructions per product and 25 per output; with padding 4 inside the image, 7
    and 10 per filter row at the border, 40 per output.
    """
    rows, columns = filter_windows(op, graph)
    outputs = result(op, graph).elements
    taps = rows.kernel * columns.kernel
    code_bytes = 150 + 8 * min(taps, 50)
    if not is_padded(rows, columns):
        return Cost((3 * taps + 25) * outputs, code_bytes)
    each = outputs // (rows.out_size * columns.out_size)  # outputs at one place of the image
    inside = each * rows.whole_outputs() * columns.whole_outputs()
    border_taps = each * rows.used_taps() * columns.used_taps() - inside * taps
    border_rows = rows.kernel * (outputs - inside)
    return Cost(
        4 * taps * inside + 7 * border_taps + 10 * border_rows + 40 * outputs, code_bytes + 300
    )


_COMMON = (
    operand_count(2, 3),
    is_image,
    weights_are_constant,
    bias_is_constant,
    padding_is_known,
    filter_fits,
    filters_match_channels,
)
_INTEGERS = WeightedForms(reference, lower, layer, scaled_along(3), frozenset((INT64,)))

EXTENTS = {"tml_depthwise_conv_2d_params": multiplied_images}

HALVES = {"tml_depthwise_conv_2d_params": cut_images("in_channels", multiplied_channels)}

OPS = (
    OpSpec(
        kind="DEPTHWISE_CONV_2D",
        title="depthwise convolution: any multiplier, stride, dilation and padding",
        traits=(
            Unsigned(),
            Rows(filter_windows),
            Channels(times=lambda op: int(op.attrs.depth_multiplier)),
            Weights(axis=3, may_be_negative=True),
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
            float_layers.layer_form(float_layers.depthwise),
        ),
    ),
)
