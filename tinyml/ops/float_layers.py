"""Forms of layers for float32: sums in a fixed order, the same in numpy as in C.

A convolution adds its products tap by tap and channel by channel, as TFLM does, and the bias last.
DEPTHWISE_CONV_2D is a convolution with a group per channel, FULLY_CONNECTED one on single pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, of_elements
from tinyml.ir.shapes import Window, window
from tinyml.ops.common import operand, result
from tinyml.ops.extents import images
from tinyml.ops.float_elementwise import (
    constants_are_finite,
    float_bounds,
    float_clamp,
    has_float_bounds,
)
from tinyml.ops.float_math import Floats, clamp
from tinyml.ops.forms import Form, Types, typed
from tinyml.ops.halves import cut_images
from tinyml.ops.spreads import Spread, spread_struct, spreads
from tinyml.ops.windows import filter_windows, image_overlap, pad_image, tap_view, window_struct

_CONSTANTS = (Arg("constant", constant="weights"), Arg("constant", constant="bias"))


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution: filters [out, rows, columns, depth] over images in so many groups."""

    filters: Floats
    bias: Floats
    groups: int
    axes: tuple[Window, Window]
    given: tuple[int, ...]  # batches, rows, columns, channels
    made: tuple[int, ...]

    @property
    def products(self) -> int:
        """Multiplications."""
        height, width = self.axes
        taps = height.used_taps() * width.used_taps() * self.given[0]
        return taps * int(self.filters.shape[3]) * int(self.filters.shape[0])


def _bias(op: Op, graph: Graph, index: int, count: int) -> Floats:
    bias = operand(op, graph, index)
    if bias is None or bias.data is None:
        return np.zeros(count, np.float32)
    return np.asarray(bias.data.reshape(-1), np.float32)


def convolution(op: Op, graph: Graph) -> Layer:
    """CONV_2D."""
    given, weights = (graph.tensors[i] for i in op.inputs[:2])
    assert weights.data is not None
    axes, made = filter_windows(op, graph), result(op, graph).shape
    groups = given.shape[3] // weights.shape[3]
    bias = _bias(op, graph, 2, weights.shape[0])
    return Layer(np.asarray(weights.data), bias, groups, axes, given.shape, made)


def depthwise(op: Op, graph: Graph) -> Layer:
    """DEPTHWISE_CONV_2D: a group per channel."""
    given, weights = (graph.tensors[i] for i in op.inputs[:2])
    assert weights.data is not None
    axes, made = filter_windows(op, graph), result(op, graph).shape
    filters = np.ascontiguousarray(np.moveaxis(weights.data, 3, 0))
    bias = _bias(op, graph, 2, len(filters))
    return Layer(filters.transpose(0, 2, 3, 1), bias, given.shape[3], axes, given.shape, made)


def fully_connected(op: Op, graph: Graph) -> Layer:
    """FULLY_CONNECTED: a pixel per row of features."""
    given, weights = (graph.tensors[i] for i in op.inputs[:2])
    assert weights.data is not None
    outputs, features = weights.shape
    batches = given.elements // features
    one = window("VALID", 1, 1, 1, 1)
    shapes = (batches, 1, 1, features), (batches, 1, 1, outputs)
    filters = weights.data.reshape(outputs, 1, 1, features)
    return Layer(filters, _bias(op, graph, 2, outputs), 1, (one, one), *shapes)


def _sums(layer: Layer, values: Floats) -> Floats:
    """The sums of all filters, one product after the other."""
    height, width = layer.axes
    filters, _, _, depth = layer.filters.shape
    each = filters // layer.groups
    padded = pad_image(values.reshape(layer.given), height, width, 0)
    shape = (layer.given[0], height.out_size, width.out_size, layer.groups, each)
    sums = np.zeros(shape, np.float32)
    for k_y in range(height.kernel):
        for k_x in range(width.kernel):
            seen = tap_view(padded, height, width, k_y, k_x)
            seen = seen.reshape(*shape[:3], layer.groups, depth)
            taps = layer.filters[:, k_y, k_x].reshape(layer.groups, each, depth)
            for channel in range(depth):
                sums += seen[..., channel, None] * taps[..., channel]
    return sums.reshape(*shape[:3], filters)


def layer_form(make: Callable[[Op, Graph], Layer]) -> Form:
    """The form of a layer whose numbers ``make`` gives, by ``tml_conv_2d_f32``."""

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        layer = make(op, graph)
        with np.errstate(all="ignore"):
            made = _sums(layer, inputs[0]) + layer.bias
        made = clamp(made, *float_bounds(op.attrs.activation))
        return (made.reshape(result(op, graph).shape),)

    types = typed(input=FLOAT32, filter=FLOAT32, bias=FLOAT32, output=FLOAT32)
    demands = (has_float_bounds, constants_are_finite)
    return Form("f32", types, reference, _lower_layer, demands, numbers=make)


def _lower_layer(op: Op, graph: Graph, layer: Layer) -> KernelCall:
    height, width = layer.axes
    fields = (
        ("batches", layer.given[0]),
        ("height", window_struct(height)),
        ("width", window_struct(width)),
        ("in_channels", layer.given[3]),
        ("out_channels", layer.made[3]),
        ("groups", layer.groups),
        ("clamp", float_clamp(op.attrs.activation)),
    )
    constants = (
        Constant("weights", layer.filters.reshape(-1), "filter, row, column, channel"),
        Constant("bias", layer.bias, "per output channel"),
    )
    per_product = 5 if layer.given[3] > layer.groups else 19  # a loop over one channel each
    call = KernelCall(
        "tml_conv_2d_f32",
        "kernels/conv_2d/f32.h",
        Struct("tml_conv_2d_params_f32", fields),
        (Arg("input"), *_CONSTANTS, Arg("output")),
        constants,
        overlaps=(image_overlap(height, width, layer.given, layer.made),),
        cost=Cost(per_product * layer.products + 20 * prod(layer.made), 600),
    )
    return of_elements(call, 4)


def _reach(axis: Spread) -> list[list[tuple[int, int]]]:
    """For each output the inputs that reach it and through which tap, the last input first."""
    return [
        [
            (i, out + axis.pad - i * axis.stride)
            for i in range(axis.in_size - 1, -1, -1)
            if 0 <= out + axis.pad - i * axis.stride < axis.kernel
        ]
        for out in range(axis.out_size)
    ]


def _spread_out(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """TRANSPOSE_CONV: each output gathers what reaches it."""
    values, weights = inputs[2], graph.tensors[op.inputs[1]].data
    assert values is not None
    assert weights is not None
    height, width = (_reach(axis) for axis in spreads(op, graph))
    sums = np.zeros(result(op, graph).shape, np.float32)
    with np.errstate(all="ignore"):
        for y, down in enumerate(height):
            for x, across in enumerate(width):
                for in_y, k_y in down:
                    for in_x, k_x in across:
                        for channel in range(values.shape[3]):
                            seen = values[:, in_y, in_x, channel, None]
                            sums[:, y, x] += seen * weights[:, k_y, k_x, channel]
        made = sums + _bias(op, graph, 3, len(weights))
    return (clamp(made, *float_bounds(op.attrs.activation)),)


def _lower_spread(op: Op, graph: Graph) -> KernelCall:
    given, weights = graph.tensors[op.inputs[2]], graph.tensors[op.inputs[1]]
    assert weights.data is not None
    height, width = spreads(op, graph)
    fields = (
        ("batches", given.shape[0]),
        ("height", spread_struct(height)),
        ("width", spread_struct(width)),
        ("in_channels", given.shape[3]),
        ("out_channels", weights.shape[0]),
        ("clamp", float_clamp(op.attrs.activation)),
    )
    constants = (
        Constant("weights", weights.data.reshape(-1), "filter, row, column, channel"),
        Constant("bias", _bias(op, graph, 3, weights.shape[0]), "per output channel"),
    )
    products = given.shape[0] * height.taps() * width.taps() * weights.shape[0] * weights.shape[3]
    call = KernelCall(
        "tml_transpose_conv_f32",
        "kernels/transpose_conv/f32.h",
        Struct("tml_transpose_conv_params_f32", fields),
        (Arg("input", 2), *_CONSTANTS, Arg("output")),
        constants,
        cost=Cost(5 * products + 40 * result(op, graph).elements, 900),
    )
    return of_elements(call, 4)


def transposed_form(whole: Types) -> Form:
    """The form of TRANSPOSE_CONV; ``whole``: types of the operand that gives the shape."""
    types = typed(shape=whole, filter=FLOAT32, input=FLOAT32, bias=FLOAT32, output=FLOAT32)
    return Form("f32", types, _spread_out, _lower_spread, (has_float_bounds, constants_are_finite))


EXTENTS = {
    "tml_conv_2d_params_f32": images("in_channels", "out_channels"),
    "tml_transpose_conv_params_f32": images("in_channels", "out_channels"),
}

HALVES = {"tml_conv_2d_params_f32": cut_images("in_channels", "out_channels")}
